"""The Snakefile: every suite's graph resolves, subsets are checked, bad input stops before the first job."""

import json
import shutil
from pathlib import Path

import pytest
from said_commands import named_suites
from workflow.checkout import TOP, Checkout

from qdot import params as parameters
from qdot.algorithms import registry
from qdot.study import Study

PARAMS, NAMED = parameters.load(TOP), named_suites()
STAGES = ("data_all", "train_all", "compare_all")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout.copy(tmp_path_factory.mktemp("targets") / "checkout")


def test_the_paper_suite_resolves(checkout: Checkout) -> None:
    printed = checkout.snakemake("--dry-run", "--config", "suite=paper")
    assert "active_train" in printed
    assert "hopper-medium-v2" in printed


def test_every_suite_that_is_a_target_resolves(checkout: Checkout) -> None:
    """One dry run of all: reading the Snakefile eleven times would take minutes."""
    printed = checkout.snakemake("--dry-run", *NAMED, *STAGES)
    assert [target for target in (*NAMED, *STAGES) if f"rule {target}:" not in printed] == []


def test_every_suite_is_a_target_or_one_of_the_papers() -> None:
    assert set(NAMED) == {suite for suite in PARAMS["suites"] if not suite.startswith("paper")}


@pytest.mark.parametrize("suite", list(PARAMS["suites"]))
def test_every_cell_of_a_suite_has_values_that_its_algorithm_takes(suite: str) -> None:
    study = Study.from_config(PARAMS, suite, TOP)
    assert list(study.cells())
    for dataset in study.datasets:
        for algorithm in study.algorithms:
            values = study.resolved(dataset, algorithm)
            made = registry.get(values["method"])
            made.Config.from_values(values["train"], values["algorithm_values"])
            assert set(values["readouts"]) <= set(made.readouts)


def test_an_algorithm_beyond_the_suite_is_trained_and_reported_as_a_subset(checkout: Checkout) -> None:
    printed = checkout.snakemake("--dry-run", "quick", "--config", "dataset=pendulum", "algorithm=prox", "seed=0")
    assert "results/quick/train/pendulum/prox/seed0/manifest.json" in printed
    assert "results/subsets/quick-pendulum_prox_0/compare/claims.json" in printed
    assert "qdot/seed0" not in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--config", "dataset=hoper"), "unknown dataset 'hoper'"),
        (("--config", "algorithm=sac"), "unknown algorithm 'sac'"),
        (("--config", "suite=nope"), "unknown suite 'nope'"),
        (("quick", "--config", "dataset=hopper-medium-v2"), "suite quick: unknown dataset 'hopper-medium-v2'"),
        (("--config", "set=train.learning_rate=3e-4"), "found the text '3e-4'"),
    ],
)
def test_a_bad_name_stops_before_the_first_job(checkout: Checkout, arguments: tuple[str, ...], message: str) -> None:
    assert message in checkout.snakemake("--dry-run", *arguments, status=1)


def test_a_results_folder_that_is_none_is_named(checkout: Checkout) -> None:
    (checkout.top / "results").write_text("a file where a folder should be")
    try:
        printed = checkout.snakemake("train_all", "--config", "algorithm=bc", status=1)
    finally:
        (checkout.top / "results").unlink()
    assert "params.yaml: places.results: 'results': is a file; expected a folder, or nothing yet" in printed


def test_a_file_that_was_fetched_is_asked_of_nobody_again(checkout: Checkout, kitchen_file: Path) -> None:
    """`data_all` where there is a mirror; then neither mirror nor network."""
    suite = ("--config", "suite=kitchen", "algorithm=bc")
    checkout.snakemake("data_all", *suite, QDOT_D4RL_MIRROR=str(kitchen_file.parent))
    printed = checkout.snakemake("--dry-run", *suite)
    assert "rule active_train:" in printed
    assert "rule active_evaluate:" in printed
    assert "rule data:" not in printed
    assert "rule replay_dataset:" not in printed
    shutil.rmtree(checkout.top / "data")


def test_a_dry_run_leaves_no_result(checkout: Checkout) -> None:
    checkout.snakemake("--dry-run")
    assert not list(Path(checkout.top).glob("results/**/manifest.json"))


def test_recipes_hold_the_values_that_the_commands_use(checkout: Checkout) -> None:
    checkout.snakemake("--dry-run", "--config", "set={algorithms.iql.temperature: 1.5}")
    recipe = json.loads((checkout.top / ".snakemake/recipes/tiny/train/pendulum-tiny/iql.json").read_text())
    assert recipe["params"]["algorithm_values"]["temperature"] == 1.5
