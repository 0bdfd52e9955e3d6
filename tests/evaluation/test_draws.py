"""Draws of one recipe are one task: averages by seed computed by hand, and what must not change with their number."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from claim_evidence import SETTINGS, board, curves, episodes, evaluations, evidence, pooled
from fake_study import fill, new_study
from scipy import stats

from qdot.evaluation.compare import compare
from qdot.evaluation.differences import difference_table
from qdot.evaluation.draws import Draws, average, remark
from qdot.evaluation.pooled import Pooled
from qdot.evaluation.profiles import profile_table
from qdot.evaluation.quantities import cost_ratio, gain_over_best, score_difference
from qdot.evaluation.stability import steadiness
from qdot.evaluation.statistics import t_interval
from qdot.evaluation.summary import Board
from qdot.evaluation.supplement import correlation, near_identity, return_correlation
from qdot.frames import read_csv

MAZES = ["pointmaze-umaze", "pointmaze-umaze-draw1", "pointmaze-umaze-draw2"]
WALKS = ["halfcheetah-replay", "halfcheetah-replay-draw1", "halfcheetah-replay-draw2"]
RECIPES = {"maze": "maze", "maze1": "maze", "maze2": "maze"}
RNG = np.random.default_rng
OURS = {draw: RNG(k).normal(60, 5, 10) for k, draw in enumerate(RECIPES)}
THEIRS = {draw: RNG(k + 9).normal(55, 5, 10) for k, draw in enumerate(RECIPES)}
SCORES = {(d, "qdot"): OURS[d] for d in RECIPES} | {(d, "iql"): THEIRS[d] for d in RECIPES}
GAINS = np.mean([OURS[d] - THEIRS[d] for d in RECIPES], axis=0)  # by seed, over the draws


def test_gain_is_a_paired_t_test_of_the_means_over_draws() -> None:
    theirs = stats.ttest_1samp(GAINS, 0, alternative="greater")
    for found in (
        gain_over_best(evidence(SCORES, recipes=RECIPES), ["maze"], ["iql"]),
        score_difference(evidence(SCORES, recipes=RECIPES), ["maze"], "iql"),
    ):
        assert found.measure.p_above(0) == pytest.approx(theirs.pvalue)
        assert found.measure.value == pytest.approx(GAINS.mean())
        assert (found.datasets, found.seeds) == (list(RECIPES), 10)


def test_copies_of_one_dataset_add_nothing() -> None:
    copies = {(d, a): SCORES["maze", a] for d in RECIPES for a in ("qdot", "iql")}
    once = {key: values for key, values in SCORES.items() if key[0] == "maze"}
    alone, thrice = (
        score_difference(evidence(scores, recipes=RECIPES), ["maze"], "iql").measure.interval(0.95)
        for scores in (once, copies)
    )
    assert thrice == pytest.approx(alone)
    apart = score_difference(evidence(copies), list(RECIPES), "iql").measure.interval(0.95)
    assert apart.high - apart.low < 0.8 * (alone.high - alone.low)  # what counting them as three datasets claimed


def test_a_seed_that_failed_on_one_draw_is_left_out_of_all() -> None:
    rows = [(d, a, k, x) for (d, a), values in SCORES.items() for k, x in enumerate(values)]
    frame = pd.DataFrame(rows, columns=["dataset", "algorithm", "seed", "score"])
    frame = frame[~((frame["dataset"] == "maze1") & (frame["algorithm"] == "iql") & (frame["seed"] == 3))]
    frame = frame.assign(readout="policy", protocol="final", episodes=50)
    draws = Draws(RECIPES)
    found = Pooled(Board(frame, "final", dict.fromkeys(SCORES, "policy"), draws), draws)
    table = found.by_seed("maze", [("qdot", None), ("iql", None)])
    assert table[:, 0] - table[:, 1] == pytest.approx(np.delete(GAINS, 3))


def test_a_draw_that_one_side_lacks_enters_neither() -> None:
    scores = {key: values for key, values in SCORES.items() if key != ("maze2", "iql")}
    table = pooled(scores, RECIPES).by_seed("maze", [("qdot", None), ("iql", None)])
    both = ("maze", "maze1")
    assert table[:, 0] == pytest.approx(np.mean([OURS[d] for d in both], axis=0))
    row = difference_table(pooled(scores, RECIPES), ["iql"], [], ["maze"], SETTINGS).iloc[0]
    assert row["datasets"] == "maze maze1"


def test_differences_have_a_row_per_recipe_that_names_its_draws() -> None:
    scores = SCORES | {("walk", "qdot"): OURS["maze"], ("walk", "iql"): THEIRS["maze"]}
    rows = difference_table(pooled(scores, RECIPES | {"walk": "walk"}), ["iql"], [], ["maze", "walk"], SETTINGS)
    assert dict(zip(rows["dataset"], rows["datasets"], strict=True)) == {
        "maze": "maze maze1 maze2",
        "walk": "walk",
        "all": "maze maze1 maze2 walk",
    }
    assert rows.iloc[0]["p"] == pytest.approx(stats.ttest_1samp(GAINS, 0).pvalue)
    both = np.mean([GAINS.mean(), (OURS["maze"] - THEIRS["maze"]).mean()])  # the recipe weighs as the single dataset
    assert rows.iloc[-1]["difference"] == pytest.approx(both)


def test_only_the_seeds_that_all_draws_have_are_averaged() -> None:
    first, second = pd.Series({0: 1.0, 2: 3.0, 4: 9.0}), pd.Series({2: 5.0, 0: 2.0, 7: 1.0})
    assert average([first, second, pd.Series(dtype=float)]).to_dict() == {0: 1.5, 2: 4.0}
    assert average([]).empty


def test_the_remark_says_what_the_interval_holds() -> None:
    assert remark(["maze", "maze1", "walk"], Draws(RECIPES)) == [
        "Averaged over draws by seed: 2 draws of maze; one task each. "
        "The interval holds the spread over seeds, not over draws."
    ]
    assert remark(["maze", "walk"], Draws(RECIPES)) == []


def test_identity_is_averaged_over_draws_by_seed() -> None:
    ratios = {(d, "one"): RNG(k).uniform(0, 0.1, 10) for k, d in enumerate(RECIPES)}
    found = near_identity(evidence(curves=curves(ratios), recipes=RECIPES), ["maze"], ["one"])
    mine = found.measure.interval(0.95)
    assert mine == pytest.approx(t_interval(np.mean(list(ratios.values()), axis=0), 0.95))
    assert found.datasets == list(RECIPES)


def test_time_is_averaged_over_draws() -> None:
    rates = {(d, "iql"): 1000.0 for d in (*RECIPES, "walk")}
    rates |= {(d, "qdot"): 1000 / r for d, r in zip((*RECIPES, "walk"), (2, 2, 2, 4), strict=True)}
    found = cost_ratio(evidence(rates=rates, recipes=RECIPES), ["maze", "walk"], "iql")
    assert found.measure.value == pytest.approx(np.sqrt(2 * 4))


def test_stability_is_judged_on_the_mean_excess_of_a_seed_over_draws() -> None:
    """Swings differ by seed and draw; the exchanges are those of one task."""
    swing = (-1.0) ** np.arange(10)
    courses, scores = {}, {}
    for k, draw in enumerate(RECIPES):
        courses[draw, "qdot"] = 60 + 0 * swing + np.zeros((5, 1))
        courses[draw, "adversarial"] = 50 + (np.arange(5)[:, None] + 3 + k) * swing
        scores |= {(draw, a): np.full(5, mean) for a, mean in (("qdot", 60.0), ("adversarial", 50.0), ("bc", 1.0))}
    found = steadiness(
        evidence(scores, evaluations=evaluations(courses), recipes=RECIPES), ["maze"], "adversarial", "bc"
    )
    excess = np.mean([[10 / 9 * (s + 3 + k) ** 2 for s in range(5)] for k in range(3)], axis=0)
    assert found.measure.value == pytest.approx(np.sqrt(excess.mean()))
    assert found.measure.p_above(0) == pytest.approx(1 / 32)  # of the sign flips of five seeds, not of fifteen
    assert (found.datasets, found.seeds) == (list(RECIPES), 5)


def test_correlation_resamples_seeds_once_for_all_draws() -> None:
    """Copies of one dataset: seeds give every copy the same resample, clusters do not, so some spread remains."""
    one = episodes("maze", -1.0, seeds=4, clusters=200, each=2)
    rng = RNG(5)
    one["displacement"] = one["displacement"] + rng.normal(size=4)[one["seed"]] * one["return"]  # seeds differ much
    copies = [one.assign(dataset=d) for d in RECIPES]
    spreads = [float(np.std(correlation(draws, "displacement", SETTINGS).draws)) for draws in ([one], copies)]
    assert spreads[1] > 0.9 * spreads[0]
    found = return_correlation(
        evidence(dataset_episodes=pd.concat(copies, ignore_index=True), recipes=RECIPES), ["maze"], 30
    )
    assert found.measure.value == pytest.approx(correlation([one], "displacement", SETTINGS).value)
    assert (found.datasets, found.seeds) == (list(RECIPES), 4)


def test_profiles_resample_seeds_for_all_draws_and_weigh_tasks_alike() -> None:
    copies = {(d, a): SCORES["maze", a] for d in RECIPES for a in ("qdot", "iql")}
    walk = {("walk", a): SCORES["maze1", a] for a in ("qdot", "iql")}
    once = {key: values for key, values in copies.items() if key[0] == "maze"}
    tables = [
        profile_table(board(scores | walk, Draws(RECIPES)), SETTINGS).query("algorithm == 'qdot'")
        for scores in (once, copies)
    ]
    assert tables[1]["value"].tolist() == pytest.approx(tables[0]["value"].tolist())
    assert tables[1]["low"].tolist() == pytest.approx(
        tables[0]["low"].tolist(), abs=0.051
    )  # one seed of 10, of 2 tasks


def test_a_suite_of_draws_keeps_them_apart_in_scores_and_together_in_tests(tmp_path: Path) -> None:
    study = new_study(tmp_path, "decisive", algorithm="qdot,iql,bc", dataset=",".join(MAZES + WALKS))
    fill(study)
    compare(study)
    summary = read_csv(study.compare_dir / "summary.csv", ["dataset"], text=("dataset", "metric"))
    assert set(summary["dataset"]) == {*MAZES, *WALKS, "all"}
    rows = read_csv(study.compare_dir / "differences.csv", ["datasets"], text=("dataset", "datasets", "other"))
    found = rows[rows["other"] == "iql"].set_index("dataset")["datasets"].to_dict()
    assert found == {
        "pointmaze-umaze": " ".join(MAZES),
        "halfcheetah-replay": " ".join(WALKS),
        "all": " ".join(MAZES + WALKS),
    }
