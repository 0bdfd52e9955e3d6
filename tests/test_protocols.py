"""The suites of the paper evaluate as its lineage (IQL, MXQL): values as that states them, not from params.yaml."""

import pytest

from qdot import params
from qdot.study import Study

EVERY = {"gym": (5000, 10), "kitchen": (5000, 10), "antmaze": (30000, 100)}  # steps, episodes
IQL = {"gym": (0.7, 3.0, 0.0), "kitchen": (0.7, 0.5, 0.1), "antmaze": (0.9, 10.0, 0.0)}  # expectile, beta, dropout
REWARDS = {"gym": "normalise_returns", "kitchen": "as_is", "antmaze": "subtract_one"}


def study(suite: str) -> Study:
    return Study.from_config(params.load(), suite)


@pytest.mark.parametrize("suite", ["paper", "paper_v0", "paper_lineage"])
def test_each_domain_keeps_its_rhythm_and_its_values(suite: str) -> None:
    found = study(suite)
    seen = set()
    for dataset in found.datasets:
        values = found.resolved(dataset, "iql")
        domain, train, own = values["domain"], values["train"], values["algorithm_values"]
        assert (train["evaluate_every"], train["evaluate_episodes"]) == EVERY[domain], dataset
        assert (own["expectile"], own["temperature"], own["actor_dropout"]) == IQL[domain], dataset
        assert (train["reward"], train["steps"]) == (REWARDS[domain], 1000000), dataset
        seen.add(domain)
    assert seen == ({"antmaze"} if suite == "paper_v0" else set(EVERY))


@pytest.mark.parametrize("suite", ["paper", "paper_v0", "paper_lineage", "kitchen"])
def test_the_final_evaluation_has_more_episodes_than_one_during_training(suite: str) -> None:
    found = study(suite)
    for dataset in found.datasets:
        values = found.resolved(dataset, "qdot")
        assert values["evaluate"]["episodes"] > values["train"]["evaluate_episodes"], dataset


def test_the_lineages_suite_differs_from_the_papers_in_seeds_and_the_norm_of_v_alone() -> None:
    paper, lineage = study("paper"), study("paper_lineage")
    assert (lineage.datasets, lineage.algorithms) == (paper.datasets, paper.algorithms)
    assert lineage.seeds == (0, 1, 2, 3, 4, 5)
    for dataset in paper.datasets:
        for algorithm in paper.algorithms:
            expected, found = (one.resolved(dataset, algorithm) for one in (paper, lineage))
            changed = {**expected, "suite": "paper_lineage", "train": {**expected["train"], "value_layer_norm": True}}
            assert found == changed
