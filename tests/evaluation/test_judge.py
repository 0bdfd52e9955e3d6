"""Every claim and expectation can get every verdict; Holm, conjunctions, and what lowers a verdict."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from claim_evidence import Names, Written, curves, episodes, evaluations, evidence, transport
from fake_study import TOP

from qdot.evaluation import claims
from qdot.evaluation.evidence import Evidence
from qdot.evaluation.judge import Judge

CONTENT = claims.load(TOP)
GROUPS = CONTENT["groups"]
EVERY = [d for name in ("hopper", "halfcheetah", "walker2d", "antmaze", "kitchen") for d in GROUPS[name]]
ALGORITHMS = ["qdot", "no_icnn", "no_icnn_c", "adversarial", "ddpg_bc", "iql", "bc", "td3_bc", "bc10"]
BASELINES = ("iql", "bc", "td3_bc", "bc10")
RUNS = pd.DataFrame(
    [(d, a, 0, "5eed", "2025-06-01T00:00:00Z") for d in EVERY for a in ALGORITHMS],
    columns=["dataset", "algorithm", "seed", "git_commit", "finished"],
)
VERDICTS = ("supported", "not supported", "inconclusive", "not tested")


def noisy(mean: float, spread: float, seeds: int = 20) -> np.ndarray:
    """Numbers with exactly this mean and about this spread."""
    noise = np.random.default_rng(seeds).normal(0, spread, seeds)
    return mean + noise - noise.mean()


def judged(found: Evidence, section: str = "claims", study: Names | None = None, **change: Any) -> dict[Any, Any]:
    study = study or Names(EVERY, ALGORITHMS)
    judge = Judge(study, CONTENT | change, found, Written(), RUNS)  # type: ignore[arg-type]
    return {entry["id"]: entry for entry in judge.judge_all(section)}


def gain(datasets: list[str], size: float, spread: float) -> dict[tuple[str, str], Any]:
    """Scores where Q-DOT is ahead of every baseline by `size`, give or take `spread` by seed."""
    scores = {(d, a): np.full(20, 50.0) for d in datasets for a in BASELINES}
    return scores | {(d, "qdot"): 50 + noisy(size, spread) for d in datasets}


def gains(datasets: list[str], *sizes: tuple[float, float]) -> dict[str, Evidence]:
    """Evidence that gives each verdict in turn, from (gain, spread); nothing run for the last."""
    found = [evidence(gain(datasets, *size)) for size in sizes]
    return dict(zip(VERDICTS, [*found, evidence()], strict=True))


def steadiness(wander: float, spread: float) -> Evidence:
    """Adversarial training that swings `wander` points more than Q-DOT's, which swings 20."""
    swing = (-1.0) ** np.arange(10)
    courses: dict[tuple[str, str], np.ndarray] = {}
    for dataset in EVERY:
        courses[dataset, "qdot"] = 60 + 20 * swing + 0 * noisy(0, 1)[:, None]
        courses[dataset, "adversarial"] = 50 + noisy(20 + wander, spread)[:, None] * swing
    means = {"qdot": 60.0, "adversarial": 50.0, "bc": 10.0}
    scores = {(d, a): np.full(20, mean) for d in EVERY for a, mean in means.items()}
    return evidence(scores, evaluations=evaluations(courses))


def cost(ratio: float, spread: float) -> Evidence:
    slow = noisy(np.log(ratio), spread, len(EVERY))
    rates = {(d, "qdot"): 1000 * np.exp(-x) for d, x in zip(EVERY, slow, strict=True)}
    rows = curves({(d, a): [1.0] for d in EVERY for a in ("qdot", "iql")})
    return evidence(rates=rates | {(d, "iql"): 1000.0 for d in EVERY}, curves=rows)


def identity(ratio: float, slope: float) -> Evidence:
    """A map of this relative displacement on HalfCheetah; elsewhere displacement follows returns with a slope."""
    rows = curves({(d, a): noisy(ratio, 0.005) for d in GROUPS["halfcheetah"] for a in ("one", "scaled")})
    elsewhere = [d for d in EVERY if d not in GROUPS["halfcheetah"] and d != "kitchen-complete-v0"]
    table = pd.concat([episodes(d, slope) for d in elsewhere], ignore_index=True)
    return evidence(curves=rows, dataset_episodes=table)


def lqr(difference: float, spread: float, samples: int, second: str) -> Evidence:
    shares = {"icnn": 0.9 + noisy(difference, spread), second: np.full(20, 0.9)}
    table = transport("lqr16", {(name, samples, "pushforward_share"): share for name, share in shares.items()})
    return evidence(transport={"lqr": table})


def certificate(gap: float, spread: float) -> Evidence:
    table = transport("two-hills", {("icnn", 64, "certificate_excess"): noisy(gap, spread)})
    return evidence(transport={"certificate": table})


def weighted(behind: float, spread: float) -> Evidence:
    table = transport("weighted-cost", {("icnn", 0, "share_minus_affine"): noisy(behind, spread)})
    return evidence(transport={"limits": table})


def scores(other: str, *sizes: tuple[float, float]) -> dict[str, Evidence]:
    found = []
    for size, spread in sizes:
        board = {(d, other): np.full(20, 50.0) for d in EVERY}
        found.append(evidence(board | {(d, "qdot"): 50 + noisy(size, spread) for d in EVERY}))
    return dict(zip(VERDICTS, [*found, evidence()], strict=True))


def four(make: Callable[..., Evidence], *arguments: tuple[Any, ...]) -> dict[str, Evidence]:
    return dict(zip(VERDICTS, [*(make(*each) for each in arguments), evidence()], strict=True))


TABLES: dict[Any, dict[str, Evidence]] = {
    1: gains(EVERY, (-2, 2), (-9, 2), (-5, 30)),
    2: gains(["hopper-medium-v2"], (12, 3), (4, 3), (8, 30)),
    3: gains(["kitchen-partial-v0"], (25, 3), (10, 3), (20, 90)),
    4: four(steadiness, (10, 2), (-10, 2), (0, 3)),
    5: four(cost, (2, 0.2), (9, 0.2), (5, 0.2)),
    6: gains(GROUPS["antmaze"], (-1, 1), (6, 1), (2, 10)),
    7: four(identity, (0.02, -1.0), (0.2, -1.0), (0.02, 0.0)),
}
EXPECTED: dict[Any, dict[str, Evidence]] = {
    "few-samples": four(lqr, *[(d, s, 64, "affine") for d, s in ((0.1, 0.02), (-0.1, 0.02), (0, 0.1))]),
    "many-samples": four(lqr, *[(d, s, 10000, "affine") for d, s in ((0, 0.01), (0.1, 0.01), (0.02, 0.1))]),
    "certified-distance": four(certificate, (1e-8, 1e-8), (1e-2, 1e-3), (1e-6, 0)),
    "loses-under-weighted-cost": four(weighted, (-0.08, 0.02), (0.05, 0.02), (-0.02, 0.02)),
    "no-score-gap": scores("no_icnn", (1, 3), (9, 3), (5, 20)),
    "gradient-not-convexity-scores": scores("no_icnn_c", (1, 3), (9, 3), (5, 20)),
    "gradient-not-convexity-samples": four(
        lqr, *[(d, s, 64, "potential") for d, s in ((0, 0.01), (0.1, 0.01), (0.02, 0.1))]
    ),
}


def test_the_tables_are_of_every_claim_and_expectation() -> None:
    assert set(TABLES) == {entry["id"] for entry in CONTENT["claims"]}
    assert set(EXPECTED) == {entry["id"] for entry in CONTENT["expectations"]}


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("claim", list(TABLES))
def test_every_claim_can_get_every_verdict(claim: int, verdict: str) -> None:
    study = Names(EVERY, [*ALGORITHMS, "one", "scaled"], {"one": "one", "scaled": "mean_q"})
    entry = judged(TABLES[claim][verdict], study=study)[claim]
    assert entry["verdict"] == verdict, entry["notes"]
    assert (entry["measured"] is None) == (verdict == "not tested")


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("name", list(EXPECTED))
def test_every_expectation_can_get_every_verdict(name: str, verdict: str) -> None:
    entry = judged(EXPECTED[name][verdict], "expectations")[name]
    assert entry["verdict"] == verdict, entry["notes"]


def test_a_margin_must_hold_over_every_baseline() -> None:
    board = gain(["hopper-medium-v2"], 12, 3)
    board["hopper-medium-v2", "td3_bc"] = board["hopper-medium-v2", "qdot"] + noisy(0.5, 1)
    entry = judged(evidence(board))[2]
    assert entry["verdict"] == "not supported"
    assert entry["measured"] == pytest.approx(-0.5)
    assert "best baseline td3_bc" in entry["notes"][0]


def test_holm_is_over_the_two_margins() -> None:
    """t = 2.25 with 19 degrees of freedom: p = .018 alone, .036 of two."""
    alone = gain(["hopper-medium-v2"], 10.4, 10.4 / 2.25 * np.sqrt(20))
    scale = alone["hopper-medium-v2", "qdot"]
    alone["hopper-medium-v2", "qdot"] = 60.4 + (scale - scale.mean()) / scale.std(ddof=1) * 10.4 / 2.25 * np.sqrt(20)
    first = judged(evidence(alone))[2]
    assert first["p"] == pytest.approx(0.0182, abs=2e-4)
    assert (first["p_holm"], first["verdict"]) == (first["p"], "supported")
    both = judged(evidence(alone | gain(["kitchen-partial-v0"], 20, 200)))
    assert both[2]["p_holm"] == pytest.approx(2 * both[2]["p"])
    assert both[2]["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("ratio", "slope", "verdict"),
    [(0.02, 1.0, "not supported"), (0.2, 0.0, "not supported"), (0.05, -1.0, "inconclusive")],
)
def test_both_halves_of_a_sentence_must_hold(ratio: float, slope: float, verdict: str) -> None:
    study = Names(EVERY, [*ALGORITHMS, "one", "scaled"], {"one": "one", "scaled": "mean_q"})
    entry = judged(identity(ratio, slope), study=study)[7]
    assert entry["verdict"] == verdict
    assert entry["measured"] == pytest.approx(ratio)
    assert [each["what"][:16] for each in entry["secondary"]] == ["rank correlation", "the same correla"]


def test_half_a_sentence_that_was_not_tested_leaves_it_open_unless_the_other_is_refuted() -> None:
    study = Names(EVERY, [*ALGORITHMS, "one", "scaled"], {"one": "one", "scaled": "mean_q"})
    for ratio, verdict in ((0.02, "inconclusive"), (0.2, "not supported")):
        found = evidence(curves=identity(ratio, 0.0).curves)
        entry = judged(found, study=study)[7]
        assert entry["verdict"] == verdict
        assert any("part of the sentence was not tested: no dataset_episodes" in note for note in entry["notes"])


def test_near_identity_under_one_scale_of_two_is_inconclusive() -> None:
    entry = judged(identity(0.02, -1.0), study=Names(EVERY, ["qdot", "one"], {"one": "one"}))[7]
    assert entry["verdict"] == "inconclusive"
    assert any("Not run with q_scale = mean_q" in note for note in entry["notes"])


@pytest.mark.parametrize(
    ("claim", "seeds", "reason"),
    [(2, 9, "fewer than the 10"), (1, 4, "fewer than the 5"), (4, 19, "fewer than the 20")],
)
def test_too_few_seeds_decide_nothing(claim: int, seeds: int, reason: str) -> None:
    found = TABLES[claim]["supported"]
    names = [(d, a) for d in found.board.datasets for a in found.board.algorithms]
    board = {(d, a): found.board.scores(d, a)[:seeds] for d, a in names}
    courses = found.evaluations[found.evaluations["seed"] < seeds]
    entry = judged(evidence(board, evaluations=courses))[claim]
    assert entry["verdict"] == "inconclusive"
    assert any(reason in note for note in entry["notes"])
    assert any("By the rule alone it would be: supported." in note for note in entry["notes"])


def test_an_aggregate_of_one_dataset_needs_the_seeds_of_one() -> None:
    board = {key: values[:8] for key, values in gain(["hopper-medium-v2"], 2, 1).items()}
    assert any("8 seeds, fewer than the 10" in note for note in judged(evidence(board))[1]["notes"])


@pytest.mark.parametrize(
    ("written", "late"), [("2025-05-01T00:00:00+00:00", False), ("2025-07-01T00:00:00+00:00", True)]
)
def test_a_rule_later_than_its_runs_is_marked(written: str, late: bool) -> None:
    study = Names(EVERY, ALGORITHMS)
    judge = Judge(study, CONTENT, TABLES[2]["supported"], Written(written), RUNS)  # type: ignore[arg-type]
    entry = next(entry for entry in judge.judge_all("claims") if entry["id"] == 2)
    assert entry["post_hoc"] is late
    assert (entry["rule_commit"], entry["rule_date"], entry["run_commits"]) == ("c0ffee", written, ["5eed"])


def expected_by(study: Names, found: Evidence, name: str, written: str = "2025-01-01T00:00:00+00:00") -> dict[str, Any]:
    judge = Judge(study, CONTENT, found, Written(written), RUNS)  # type: ignore[arg-type]
    return next(entry for entry in judge.judge_all("expectations") if entry["id"] == name)


@pytest.mark.parametrize(
    ("name", "other"), [("no-score-gap", "no_icnn"), ("gradient-not-convexity-scores", "no_icnn_c")]
)
def test_an_expectation_about_scores_is_no_more_supported_by_stand_ins_or_few_steps_than_a_claim(
    name: str, other: str
) -> None:
    mazes = ["pointmaze-umaze", "halfcheetah-replay"]
    ties = {(d, a): noisy(50, 1) for d in mazes for a in ("qdot", other)}
    entry = expected_by(Names(mazes, ["qdot", other]), evidence(ties), name)
    assert entry["verdict"] == "inconclusive"
    assert any("Stand-ins" in note for note in entry["notes"])
    assert any("would be: supported" in note for note in entry["notes"])
    everywhere = {(d, a): noisy(50, 1) for d in EVERY for a in ("qdot", other)}
    short = expected_by(Names(EVERY, ["qdot", other], steps=10000), evidence(everywhere), name)
    assert short["verdict"] == "inconclusive"
    assert any("10,000 training steps, fewer" in note for note in short["notes"])


@pytest.mark.parametrize(("seeds", "verdict"), [(9, "inconclusive"), (10, "supported")])
def test_a_transport_expectation_needs_ten_seeds(seeds: int, verdict: str) -> None:
    shares = {"icnn": 0.9 + noisy(0.1, 0.02, seeds), "affine": np.full(seeds, 0.9)}
    table = transport("lqr16", {(name, 64, "pushforward_share"): share for name, share in shares.items()})
    entry = expected_by(Names(EVERY, ALGORITHMS), evidence(transport={"lqr": table}), "few-samples")
    assert (entry["verdict"], entry["seeds"], entry["datasets"]) == (verdict, seeds, [])


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([1e-8], "supported"),
        ([1e-8] * 9 + [2e-6], "not supported"),  # one seed that misses is enough
        ([1e-8] * 9 + [np.nan], "inconclusive"),
    ],
)
def test_a_certificate_is_judged_by_its_worst_seed(values: list[float], verdict: str) -> None:
    table = transport("two-hills", {("icnn", 64, "certificate_excess"): values})
    entry = expected_by(Names(EVERY, ALGORITHMS), evidence(transport={"certificate": table}), "certified-distance")
    assert entry["verdict"] == verdict
    assert (entry["measured"], entry["low"]) == (None if np.isnan(values[-1]) else max(values), None)


@pytest.mark.parametrize(
    ("written", "late"), [("2025-05-01T00:00:00+00:00", False), ("2025-07-01T00:00:00+00:00", True)]
)
def test_a_rule_later_than_the_transport_studies_is_marked(written: str, late: bool) -> None:
    entry = expected_by(Names(EVERY, ALGORITHMS), EXPECTED["few-samples"]["supported"], "few-samples", written)
    assert (entry["run_commits"], entry["post_hoc"]) == (["f00d"], late)


def test_draws_of_one_recipe_need_the_seeds_of_one_dataset_and_are_all_named() -> None:
    draws = ["pointmaze-umaze", "pointmaze-umaze-draw1", "pointmaze-umaze-draw2"]
    scores = {(d, a): noisy(50, 1, 8) for d in draws for a in ("qdot", "no_icnn")}
    found = evidence(scores, recipes=dict.fromkeys(draws, draws[0]))
    entry = expected_by(Names(draws, ["qdot", "no_icnn"]), found, "no-score-gap")
    assert entry["datasets"] == draws
    assert any("8 seeds, fewer than the 10" in note for note in entry["notes"])
    assert any("3 draws of pointmaze-umaze; one task each" in note for note in entry["notes"])


def test_a_draw_stands_in_for_its_recipe_where_the_first_was_not_run() -> None:
    scores = {("pointmaze-umaze-draw1", a): noisy(50, 1) for a in ("qdot", "no_icnn")}
    found = evidence(scores, recipes={"pointmaze-umaze-draw1": "pointmaze-umaze"})
    entry = expected_by(Names(["pointmaze-umaze-draw1"], ["qdot", "no_icnn"]), found, "no-score-gap")
    assert entry["datasets"] == ["pointmaze-umaze-draw1"]
