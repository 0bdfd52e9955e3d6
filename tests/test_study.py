"""Subsets share the suite's cells; their tables lie elsewhere."""

from pathlib import Path
from typing import Any

import pytest

from qdot import params as parameters
from qdot.errors import ParamsError
from qdot.study import Cell, Study, require_checkout, selected, slug

TOP = Path(__file__).parents[1]


def study(suite: str | None = None, **config: Any) -> Study:
    return Study.from_config({**parameters.load(TOP), **config}, suite, TOP)


def test_a_dataset_with_slashes_is_one_folder() -> None:
    assert slug("minari:D4RL/pen/human-v2") == "minari--D4RL--pen--human-v2"


def test_two_datasets_never_share_a_folder() -> None:
    params = parameters.load(TOP)
    params["datasets"] |= {"minari:a/b": params["datasets"]["pendulum"], "minari/a:b": params["datasets"]["pendulum"]}
    with pytest.raises(ParamsError, match="minari:a/b and minari/a:b share the folder minari--a--b"):
        Study.from_config(params, root=TOP)


@pytest.mark.parametrize(("value", "expected"), [(None, None), (0, ("0",)), ("a,b", ("a", "b")), (["a"], ("a",))])
def test_a_selection_is_read_from_every_form_snakemake_gives(value: Any, expected: Any) -> None:
    assert selected(value) == expected


def test_a_subset_shares_cells_and_keeps_its_own_tables() -> None:
    whole, part = study("quick"), study("quick", dataset="pendulum", algorithm="qdot,iql", seed=0)
    assert list(part.cells()) == [Cell("pendulum", "qdot", 0), Cell("pendulum", "iql", 0)]
    assert part.train_dir("pendulum", "qdot", 0) == whole.train_dir("pendulum", "qdot", 0)
    assert part.compare_dir == TOP / "results/subsets/quick-pendulum_qdot-iql_0/compare"
    assert part.report_dir == TOP / "reports/build/quick-pendulum_qdot-iql_0"
    assert whole.compare_dir == TOP / "results/quick/compare"


def test_choosing_everything_is_the_whole_suite() -> None:
    assert not study("quick", dataset="pointmaze-umaze,halfcheetah-replay,pendulum", seed="0,1,2").is_subset


def test_a_long_subset_has_a_short_name_of_its_own() -> None:
    paper = parameters.load(TOP)["suites"]["paper"]["datasets"]
    one, two = study(dataset=",".join(paper[:9])), study(dataset=",".join(paper[:10]))
    assert len(one.name) < 80
    assert one.name != two.name


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"dataset": "hoper"}, "--config dataset: unknown dataset 'hoper'"),
        ({"algorithm": "sac"}, "--config algorithm: unknown algorithm 'sac'"),
        ({"seed": 77}, "--config seed: unknown seed '77'"),
        ({"suite": "nope"}, "unknown suite 'nope'"),
    ],
)
def test_an_unknown_name_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        study(**config)


def test_a_name_of_another_suite_is_refused_when_its_target_is_asked_for() -> None:
    chosen = study("quick", dataset="hopper-medium-v2")
    assert list(chosen.or_whole_suite().cells()) == list(study("quick").cells())
    with pytest.raises(ParamsError, match="suite quick: unknown dataset 'hopper-medium-v2'"):
        chosen.require_chosen()


def test_an_algorithm_that_the_suite_does_not_list_runs_with_the_suites_values_beside_its_cells() -> None:
    chosen = study("quick", dataset="pendulum", algorithm="prox,qdot", seed=0)
    assert list(chosen.cells()) == [Cell("pendulum", "qdot", 0), Cell("pendulum", "prox", 0)]
    assert chosen.beyond == ("prox",)
    assert not chosen.missing
    assert chosen.resolved("pendulum", "prox")["train"] == chosen.resolved("pendulum", "qdot")["train"]
    assert chosen.train_dir("pendulum", "prox", 0) == TOP / "results/quick/train/pendulum/prox/seed0"
    assert chosen.compare_dir == TOP / "results/subsets/quick-pendulum_prox-qdot_0/compare"


def test_the_whole_suite_and_one_algorithm_more_is_a_subset_with_tables_of_its_own() -> None:
    listed = parameters.load(TOP)["suites"]["quick"]["algorithms"]
    more = study("quick", algorithm=[*listed, "prox"])
    assert more.is_subset
    assert more.compare_dir != study("quick").compare_dir
    assert not study("quick", algorithm=listed).is_subset


def test_a_refused_name_says_how_to_add_it() -> None:
    (text,) = study("quick", seed="0,19").missing
    assert "unknown seed '19'" in text
    assert text.endswith("to run it, add it to suites.quick.seeds in params.yaml")


def test_another_checkouts_code_is_refused(tmp_path: Path) -> None:
    require_checkout(TOP)
    with pytest.raises(ParamsError, match="PYTHONPATH=src"):
        require_checkout(tmp_path)
