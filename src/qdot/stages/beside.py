"""`qdot compare A B`: two runs side by side, row by row, and the values in which they differ."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from qdot import params as parameters
from qdot.errors import ParamsError, ResultsError
from qdot.evaluation.pairs import WELCH, pairs
from qdot.evaluation.scoreboard import PROTOCOLS
from qdot.evaluation.statistics import Estimate
from qdot.evaluation.verification import KEY, Runs, differing_values, read_runs, read_values
from qdot.params_check import unknown
from qdot.stages.listing import aligned, by_value, listed
from qdot.stages.runs import find

HEAD = (*KEY, "A", "B", "B - A", "interval by")
Result = dict[str, Any]


def run(names: Sequence[str], protocol: str, datasets: Sequence[str] | None, as_json: bool, root: Path = Path()) -> str:
    """Two runs side by side, as text or JSON.

    Args:
        names: Two runs, each as `runs.find` reads it.
        protocol: Protocol of the scores.
        datasets: Datasets to show; None for all.
        as_json: Whether to answer in JSON.
        root: The project's top folder.

    Raises:
        ParamsError: not two names, or no such protocol or dataset.
        ResultsError: a run's tables are not at hand or damaged, or neither has a score by this protocol.
    """
    if len(names) != 2:
        raise ParamsError(f"compare: found {len(names)} runs ({', '.join(names) or 'none'}), expected two, or --recipe")
    if protocol not in PROTOCOLS:
        raise ParamsError(unknown("--protocol", "protocol", protocol, PROTOCOLS))
    confidence = parameters.load(root)["compare"]["confidence"]
    with find(names[0], root) as first, find(names[1], root) as second:
        found = [read_runs(each.directory, PROTOCOLS) for each in (first, second)]
        values = differing_values(read_values(first.directory), read_values(second.directory), descriptive=())
    a, b = _chosen(found, protocol, datasets)
    if datasets is not None:
        values = values[values["dataset"].isin(datasets)]
    result = {
        "a": first.name,
        "b": second.name,
        "protocol": protocol,
        "confidence": confidence,
        "rows": _rows(a, b, confidence),
        "only_in_a": _only(a, b),
        "only_in_b": _only(b, a),
        "values": values.rename(columns={"kept": "a", "own": "b"}).to_dict("records"),
    }
    return json.dumps(result, indent=1, allow_nan=False) if as_json else "\n".join(_text(result))


def _chosen(found: Sequence[Runs], protocol: str, datasets: Sequence[str] | None) -> list[Runs]:
    """The rows of one protocol, and of the named datasets."""
    known = dict.fromkeys(key[0] for runs in found for key in runs)
    for name in datasets or ():
        if name not in known:
            raise ParamsError(unknown("--dataset", "dataset with a score", name, known or ["none"]))
    sides = [
        {k: by_seed for k, by_seed in runs.items() if k[3] == protocol and (datasets is None or k[0] in datasets)}
        for runs in found
    ]
    if not any(sides):
        there = [", ".join(dict.fromkeys(key[3] for key in runs)) or "none" for runs in found]
        raise ResultsError(
            f"no score by the protocol {protocol} in either run; protocols with scores: A {there[0]}; B {there[1]}"
        )
    return sides


def _rows(first: Runs, second: Runs, confidence: float) -> list[Result]:
    return [
        {
            **dict(zip(KEY, pair.key, strict=True)),
            "a": {**_known(pair.first), "seeds": pair.seeds[0]},
            "b": {**_known(pair.second), "seeds": pair.seeds[1]},
            "difference": _known(pair.difference),
            "how": pair.how,
        }
        for pair in pairs(first, second, confidence)
    ]


def _known(estimate: Estimate) -> dict[str, float | None]:
    """An estimate for JSON, which knows no NaN."""
    return {name: None if math.isnan(number) else number for name, number in estimate._asdict().items()}


def _only(runs: Runs, other: Runs) -> list[Result]:
    return [{**dict(zip(KEY, key, strict=True)), "seeds": sorted(runs[key])} for key in runs if key not in other]


def _text(result: Result) -> Iterator[str]:
    yield f"A: {result['a']}"
    yield f"B: {result['b']}"
    yield f"  means over seeds [{100 * result['confidence']:g}% interval] (number of seeds)"
    yield from aligned(HEAD, [_fields(row) for row in result["rows"]])
    yield from _by_chance(result["rows"], result["confidence"])
    if any(row["how"] == WELCH for row in result["rows"]):
        yield "  Welch: the runs have other seeds, and are taken to be independent; paired: seed k against seed k"
    for side in "ab":
        texts = [f"{' '.join(str(row[k]) for k in KEY)} ({len(row['seeds'])})" for row in result[f"only_in_{side}"]]
        yield from listed(f"with a score in {side.upper()} only", texts)
    yield from listed("values that differ (A -> B)", by_value(result["values"], "a", "b"))


def _fields(row: Result) -> tuple[str, ...]:
    sides = [f"{_number(row[side])} ({len(row[side]['seeds'])})" for side in "ab"]
    return (*(str(row[key]) for key in KEY), *sides, _number(row["difference"]), row["how"])


def _number(estimate: Result) -> str:
    text = f"{estimate['value']:.2f}"
    return text if estimate["low"] is None else f"{text} [{estimate['low']:.2f}, {estimate['high']:.2f}]"


def _by_chance(rows: Sequence[Result], confidence: float) -> Iterator[str]:
    """How many intervals leave out 0, and how many would by chance: they are not corrected for their number."""
    differences = [row["difference"] for row in rows if row["difference"]["low"] is not None]
    if differences:
        beyond = sum(not each["low"] <= 0 <= each["high"] for each in differences)
        expected = len(differences) * (1 - confidence)
        yield f"  {beyond} of {len(differences)} differences leave out 0; about {expected:.1f} would by chance alone"
