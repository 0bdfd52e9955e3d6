"""Claim 7's measures against scipy, partial correlation by regression, and small cases by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from claim_evidence import SETTINGS, curves, episodes, evidence
from scipy import stats

from qdot.evaluation.evidence import Untestable
from qdot.evaluation.supplement import correlation, near_identity, return_correlation, supplement_table

RNG = np.random.default_rng


def one_map(count: int = 40, clusters: int = 8) -> pd.DataFrame:
    generator = RNG(0)
    lengths = generator.integers(10, 100, count)
    frame = pd.DataFrame({"dataset": "a", "algorithm": "qdot", "seed": 0, "episode": np.arange(count)})
    frame["cluster"] = np.arange(count) % clusters
    frame["length"], frame["return"] = lengths, lengths + generator.normal(0, 20, count)
    frame["displacement"] = -lengths + generator.normal(0, 20, count)
    return frame.assign(imitation_distance=generator.normal(size=count), action_sd=1.0)


def test_correlation_is_spearmans_where_length_is_constant() -> None:
    frame = one_map().assign(length=50)
    theirs = stats.spearmanr(frame["displacement"], frame["return"]).statistic
    assert correlation([frame], "displacement", SETTINGS).value == pytest.approx(theirs)


def test_partial_correlation_equals_that_of_regression_residuals() -> None:
    frame = one_map()
    ranks = frame[["displacement", "return", "length"]].rank()
    design = np.stack([np.ones(len(ranks)), ranks["length"]], axis=1)
    rest = [ranks[c] - design @ np.linalg.lstsq(design, ranks[c], rcond=None)[0] for c in ("displacement", "return")]
    mine = correlation([frame], "displacement", SETTINGS).value
    assert mine == pytest.approx(np.corrcoef(*rest)[0, 1])
    assert abs(mine) < 0.4  # length made both: the plain correlation is strong
    assert stats.spearmanr(frame["displacement"], frame["return"]).statistic < -0.4


def test_correlation_is_the_mean_over_maps() -> None:
    first, second = one_map(), one_map().assign(seed=1, displacement=RNG(1).normal(size=40))
    values = [correlation([frame], "displacement", SETTINGS).value for frame in (first, second)]
    both = correlation([pd.concat([first, second], ignore_index=True)], "displacement", SETTINGS)
    assert both.value == pytest.approx(np.mean(values))


def test_clusters_are_resampled_whole() -> None:
    """Ten copies of every episode in its own cluster add nothing to what is known."""
    once = pd.concat([one_map(40, 40).assign(seed=k) for k in range(2)], ignore_index=True)
    copies = pd.concat([once] * 10, ignore_index=True)
    spreads = [float(np.std(correlation([rows], "displacement", SETTINGS).draws)) for rows in (once, copies)]
    assert spreads[1] == pytest.approx(spreads[0], rel=0.08)


@pytest.mark.parametrize("change", [{"seed": 0}, {"cluster": 0}])
def test_one_map_or_one_cluster_has_no_interval(change: dict[str, int]) -> None:
    rows = pd.concat([one_map().assign(seed=k) for k in range(3)], ignore_index=True).assign(**change)
    assert math.isnan(correlation([rows], "displacement", SETTINGS).interval(0.95).low)


def test_poor_episodes_that_move_further_are_found() -> None:
    found = return_correlation(evidence(dataset_episodes=episodes("a", -2.0)), ["a"], 30)
    assert found.measure.value < -0.7
    assert found.measure.p_below(0) < 0.01
    assert found.secondary[0].estimate.value == pytest.approx(found.measure.value)  # equal columns here


def test_few_episodes_are_not_tested() -> None:
    few = episodes("kitchen-complete-v0", -2.0, clusters=19, each=1)
    with pytest.raises(Untestable, match="kitchen-complete-v0: fewer than 30 episodes"):
        return_correlation(evidence(dataset_episodes=few), ["kitchen-complete-v0"], 30)
    row = supplement_table(few, 30, SETTINGS).iloc[0]
    assert row["status"] == "not tested: fewer than 30 episodes"
    assert math.isnan(row["value"])
    assert (row["episodes"], row["clusters"], row["seeds"]) == (19, 19, 10)


def test_without_the_file_the_correlation_is_not_tested() -> None:
    with pytest.raises(Untestable, match=r"no dataset_episodes\.csv"):
        return_correlation(evidence(), ["a"], 30)


def test_table_has_both_measures_beside_each_other() -> None:
    table = supplement_table(episodes("a", -1.0), 30, SETTINGS)
    assert list(table["measure"]) == ["displacement", "imitation_distance"]
    assert set(table["status"]) == {"ok"}
    assert (table["high"] < 0).all()


def test_identity_takes_the_larger_of_the_scales() -> None:
    ratios = curves({("a", "one"): [0.01, 0.02, 0.03], ("a", "scaled"): [0.05, 0.06, 0.07]})
    found = near_identity(evidence(curves=ratios), ["a"], ["one", "scaled"])
    assert found.measure.value == pytest.approx(0.06)
    assert found.seeds == 3
    with pytest.raises(Untestable, match="no displacement_over_sd in the curves of qdot"):
        near_identity(evidence(curves=ratios), ["a"], ["qdot"])
