"""params.yaml is checked before anything runs, and each value's origin is known."""

import copy
import math
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from qdot import params as parameters
from qdot.errors import ParamsError
from qdot.params_check import check

TOP = Path(__file__).parents[1]


@pytest.fixture
def params() -> dict[str, Any]:
    return copy.deepcopy(parameters.load(TOP))


def test_the_file_opens_with_the_paper_suite() -> None:
    values = [line for line in (TOP / "params.yaml").read_text().splitlines() if line and not line.startswith("#")]
    assert values[0] == "suite: paper"


def test_the_paper_suite_is_the_papers_study(params: dict[str, Any]) -> None:
    paper = params["suites"]["paper"]
    assert len(paper["datasets"]) == 18
    assert len(paper["seeds"]) == 5
    assert paper["train"] == {"steps": 1_000_000, "batch_size": 256, "hidden": [256, 256]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p["train"].update(learnin_rate=0.1), r"train: .*'learnin_rate' was unexpected.*known keys: steps"),
        (lambda p: p["train"].update(learning_rate="3e-4"), r"train.learning_rate: found the text '3e-4'.*3\.0e-4"),
        (lambda p: p["train"].update(batch_size=48), r"train.batch_size: 48 is not a multiple of 32"),
        (lambda p: p.update(suite="papr"), r"unknown suite 'papr'; expected one of: paper"),
        (lambda p: p["suites"]["tiny"].update(datasets=["hopper"]), r"suites.tiny.datasets: unknown dataset 'hopper'"),
        (lambda p: p["suites"]["tiny"].update(algorithms=["sac"]), r"suites.tiny.algorithms: unknown algorithm 'sac'"),
        (lambda p: p["datasets"]["pendulum"].update(domain="toys"), r"datasets.pendulum.domain: unknown domain 'toys'"),
        (
            lambda p: p["algorithms"]["qdot"].update(alpha=1),
            r"algorithms.qdot: .*'alpha' was unexpected.*transport_weight",
        ),
        (
            lambda p: p["domains"]["kitchen"]["algorithm"].update(expectil=0.9),
            r"domains.kitchen.algorithm: unknown key",
        ),
        (
            lambda p: p["domains"]["kitchen"]["algorithm"].update(temperature="3e-1"),
            r"kitchen for iql: temperature: .*3e-1",
        ),
        (
            lambda p: p["datasets"]["pendulum"].update(algorithms={"nope": {}}),
            r"pendulum.algorithms: unknown algorithm",
        ),
        (
            lambda p: p["datasets"]["pendulum"].update(algorithms={"iql": {"tau": 1}}),
            r"algorithms.iql: unknown key 'tau'",
        ),
        (lambda p: p["datasets"]["pendulum"].pop("recipe"), r"datasets.pendulum: recipe is missing"),
        (lambda p: p["datasets"]["pendulum"].update(source="file"), r"datasets.pendulum: path is missing"),
        (lambda p: p["domains"]["control"]["data"].pop("source"), r"datasets.halfcheetah-replay: source is missing"),
        (lambda p: p.pop("evaluate"), r"'evaluate' is a required property"),
        (lambda p: p["train"].update(learning_rate=math.nan), r"train.learning_rate: found nan, expected a finite"),
        (lambda p: p["train"].update(discount=math.inf), r"train.discount: found inf"),
        (lambda p: p["train"].update(steps=100.0), r"train.steps: 100.0 is not of type 'integer'"),
        (lambda p: p["train"].update(steps=10**400), r"train.steps: found a whole number of 1329 bits"),
        (lambda p: p["suites"].update({1: {}}), r"suites: found the name 1, expected text"),
        (lambda p: p["domains"]["control"]["data"].update(source=["collect"]), r"control.data.source: .*is not one of"),
        (lambda p: p["domains"]["control"]["data"].update(sourc="d4rl"), r"'sourc' was unexpected.*known keys: source"),
        (lambda p: p["algorithms"].update(mine={"variant_of": ["iql"]}), r"mine.variant_of: .*not of type 'string'"),
        (lambda p: p["algorithms"].update(mine={"readouts": 5}), r"mine.readouts: 5 is not of type 'array'"),
        (
            lambda p: p["datasets"]["pendulum"].update(reference_scores=[1, 1]),
            r"reference_scores: \[1, 1\]; ",
        ),
    ],
)
def test_a_bad_value_is_refused_by_name(params: dict[str, Any], change: Any, message: str) -> None:
    change(params)
    with pytest.raises(ParamsError, match=re.compile(message, re.DOTALL)):
        check(params, TOP)


HOSTILE = ["$(touch x)", "a b; rm", "../../x", "..", ".", "", "a/../b", "/etc", "a//b", "-rf", "a\n", "a\0b", "`id`"]
HOSTILE += ["<script>alert(1)</script>", "{dataset}", "a'b", 'a"b', "a\\b", "a|b", "ä", "a" * 200, "a/", ":a"]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["datasets", "suites", "algorithms", "domains"])
def test_names_that_a_shell_or_a_path_would_read_are_refused(params: dict[str, Any], kind: str, name: str) -> None:
    """Names become folders, words of commands and Snakemake's wildcards."""
    sample = {"datasets": "pendulum", "suites": "tiny", "algorithms": "bc", "domains": "control"}
    params[kind][name] = copy.deepcopy(params[kind][sample[kind]])
    with pytest.raises(ParamsError, match=rf"params: {kind}: "):
        check(params, TOP)


def test_the_names_of_public_datasets_are_allowed(params: dict[str, Any]) -> None:
    for name in ("minari:D4RL/pen/human-v2", "hopper-medium-v2", "my_data.v1+x", "a:b/c"):
        params["datasets"][name] = params["datasets"]["pendulum"]
    check(params, TOP)


@pytest.mark.parametrize(
    "text", ["[" * 3000, "a: &a [*a]", "2001-99-99", "{suite: a, suite: b}", "!!python/object:os.system x", "\xff"]
)
def test_a_hostile_file_is_named(tmp_path: Path, text: str) -> None:
    shutil.copytree(TOP / "workflow/schemas", tmp_path / "workflow/schemas")
    (tmp_path / "params.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ParamsError, match=r"params\.yaml: is no valid YAML"):
        parameters.load(tmp_path)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"params\.yaml: cannot be read"):
        parameters.load(tmp_path)
    shutil.copytree(TOP / "workflow/schemas", tmp_path / "workflow/schemas")
    (tmp_path / "params.yaml").write_text("suite: [")
    with pytest.raises(ParamsError, match=r"params\.yaml: is no valid YAML"):
        parameters.load(tmp_path)


def test_precedence_is_stage_algorithm_domain_dataset_suite_command_line(params: dict[str, Any]) -> None:
    def resolved() -> tuple[Any, str]:
        made = parameters.resolve(params, "tiny", "pendulum-tiny", "iql")
        return made.values["train"]["evaluate_episodes"], made.sources["train.evaluate_episodes"]

    for level in (params["domains"]["control"], params["suites"]["tiny"]):
        level["train"].pop("evaluate_episodes")
    assert resolved() == (10, "stage default")
    params["algorithms"]["iql"]["train"] = {"evaluate_episodes": 11}
    assert resolved() == (11, "algorithm iql")
    params["domains"]["control"]["train"]["evaluate_episodes"] = 12
    assert resolved() == (12, "domain control")
    params["datasets"]["pendulum-tiny"]["train"] = {"evaluate_episodes": 13}
    assert resolved() == (13, "dataset pendulum-tiny")
    params["suites"]["tiny"]["train"]["evaluate_episodes"] = 14
    assert resolved() == (14, "suite tiny")
    params["set"] = {"train.evaluate_episodes": 15}
    assert resolved() == (15, "command line")


def test_a_domain_value_reaches_the_algorithms_that_declare_it(params: dict[str, Any]) -> None:
    iql = parameters.resolve(params, "kitchen", "kitchen-complete-v0", "iql").values["algorithm_values"]
    bc = parameters.resolve(params, "kitchen", "kitchen-complete-v0", "bc").values["algorithm_values"]
    assert (iql["temperature"], iql["actor_dropout"]) == (0.5, 0.1)
    assert bc == {"actor_dropout": 0.1}


def test_readouts_can_be_chosen_on_the_command_line(params: dict[str, Any]) -> None:
    chosen = parameters.with_command_line(params, {"algorithms.qdot.readouts": ["distill"]}, TOP)
    values = parameters.resolve(chosen, "tiny", "pendulum-tiny", "qdot").values
    assert (values["readouts"], values["primary_readout"]) == (["distill"], "distill")
    assert "readouts" not in values["algorithm_values"]


def test_the_primary_readout_is_one_that_the_algorithm_has(params: dict[str, Any]) -> None:
    assert parameters.resolve(params, "tiny", "pendulum-tiny", "qdot").values["primary_readout"] == "map"
    assert parameters.resolve(params, "tiny", "pendulum-tiny", "iql").values["primary_readout"] == "policy"


@pytest.mark.parametrize("form", ["train.steps=7", "{train.steps: 7}", {"train.steps": "7"}, {"train.steps": 7}])
def test_command_line_values_are_read_from_every_form_snakemake_gives(form: Any) -> None:
    assert parameters.parse_set(form) == {"train.steps": 7}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train.stps=5", "unknown key 'train.stps'"),
        ("algorithms.qdot.alpha=5", r"unknown key 'qdot\.alpha'"),
        ("report.title=x", r"expected train\.KEY, evaluate\.KEY or algorithms\.NAME\.KEY"),
        ("train.learning_rate=3e-4", "found the text '3e-4'"),
        ("nonsense", "unknown key 'nonsense'"),
        ("{train.steps: .nan}", "train.steps: found nan"),
        ("{" * 2000, "is no YAML mapping"),
        ("{train.steps: 2001-99-99}", "is no YAML mapping"),
        ({"train.steps": "[" * 2000}, "a value is no YAML"),
    ],
)
def test_a_bad_command_line_value_is_refused(params: dict[str, Any], text: Any, message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        parameters.with_command_line(params, parameters.parse_set(text), TOP)
