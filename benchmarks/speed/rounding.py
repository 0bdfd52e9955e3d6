"""What products in bfloat16 do to Q-DOT's scores: `python benchmarks/speed/rounding.py`; see README.md beside.

Reads what suite `rounding` has made (`workflow/run rounding --cores 2`): ten seeds, each trained in float32 and in
bfloat16 from the same weights on the same minibatches.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
import table

from qdot import params, results
from qdot.errors import ResultsError
from qdot.evaluation.statistics import t_interval
from qdot.frames import read_csv
from qdot.study import Study

TOP = Path(__file__).parents[2]
SUITE, EXACT, ROUNDED, CONFIDENCE = "rounding", "qdot", "qdot_bfloat16", 0.9
BOUNDS = {"pointmaze-umaze": 15.0, "halfcheetah-replay": 5.0}  # of the difference, in points of the score
VIOLATIONS = "map_monotone_violations"


def differences(scores: pd.DataFrame, dataset: str, readout: str, seeds: int) -> pd.Series:
    """Mean final score in bfloat16 less that in float32, by seed.

    Args:
        scores: Of `qdot.results.load`.
        dataset: Which.
        readout: How the policy acts.
        seeds: How many pairs are expected.

    Raises:
        ResultsError: there are other ones.
    """
    chosen = scores.query("dataset == @dataset and readout == @readout and protocol == 'final' and status == 'ok'")
    pairs = chosen.pivot(index="seed", columns="algorithm", values="score").reindex(columns=[EXACT, ROUNDED]).dropna()
    if len(pairs) != seeds:
        raise ResultsError(
            f"suite {SUITE}: {dataset}: found {len(pairs)} seeds with final scores of both {EXACT} and {ROUNDED}, "
            f"expected {seeds}; run `workflow/run {SUITE} --cores 2` to its end"
        )
    return pairs[ROUNDED] - pairs[EXACT]


def score_rows(dataset: str, found: pd.Series) -> list[table.Row]:
    """The difference's mean, its interval, and the bound over the interval's farther end, which shall be 1 or more."""
    mean, low, high = t_interval(found.to_numpy(), CONFIDENCE)
    what = f"rounding: {dataset}, final score in bfloat16 less in float32"
    named = {"mean": mean, "low end of its 90% interval": low, "high end of its 90% interval": high}
    rows = [table.single(f"{what}: {name}", value, "points", precision="bfloat16") for name, value in named.items()]
    farthest = max(abs(low), abs(high))
    goal = table.row(
        f"{what}: farther end of the interval, beside +-{BOUNDS[dataset]:g}",
        [farthest], [BOUNDS[dataset]], "points", None, 1.0, precision="bfloat16",
    )  # fmt: skip
    return [row | {"runs": len(found)} for row in (*rows, goal)]


def violation_row(dataset: str, curves: list[pd.DataFrame]) -> table.Row:
    """The largest share of pairs of actions that a map trained in bfloat16 turns round, of all seeds and steps.

    The curves' diagnostics are read in float32, whatever the steps' precision. Goal 0: the ratio is 1 where it is met.
    """
    largest = max(float(curve[VIOLATIONS].max()) for curve in curves)
    metric = f"rounding: {dataset}, monotone violations of psi trained in bfloat16, read in float32"
    row = table.single(metric, largest, "share of pairs", precision="bfloat16") | {"peer": "0", "goal": 1.0}
    return row | {"ratio": f"{float(largest == 0):.3f}", "runs": len(curves)}


def rows(root: Path) -> list[table.Row]:
    """All rows, of the results of a checkout.

    Raises:
        ResultsError: the suite is not finished.
    """
    study = Study.from_config(params.load(root), SUITE, root)
    scores, found = results.load(SUITE, root), []
    for dataset in BOUNDS:
        readout = study.resolved(dataset, EXACT)["primary_readout"]
        found += score_rows(dataset, differences(scores, dataset, readout, len(study.seeds)))
        files = [study.train_dir(dataset, ROUNDED, seed) / "curve.csv" for seed in study.seeds]
        found.append(violation_row(dataset, [read_csv(file, [VIOLATIONS], numbers=[VIOLATIONS]) for file in files]))
    return found


def main() -> int:
    """Read, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=TOP, help="checkout whose results these are")
    chosen = parser.parse_args()
    table.publish(rows(chosen.root), whole=("rounding: ",))
    return 0


if __name__ == "__main__":
    sys.exit(main())
