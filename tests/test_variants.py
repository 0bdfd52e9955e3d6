"""Variants of an algorithm: whose values win, what they may change, and how a suite's grid is written out."""

import copy
from pathlib import Path
from typing import Any

import pytest

from qdot import params, variants
from qdot.errors import ParamsError
from qdot.params_check import check
from qdot.study import Study

TOP = Path(__file__).parents[1]


@pytest.fixture
def loaded() -> dict[str, Any]:
    return copy.deepcopy(params.load(TOP))


def test_a_variant_runs_its_method_with_its_own_values_over_all_others(loaded: dict[str, Any]) -> None:
    loaded["algorithms"]["qdot_weak"] = {"variant_of": "qdot", "transport_weight": 9.0, "train": {"steps": 77}}
    loaded["domains"]["control"].setdefault("algorithms", {})["qdot"] = {"transport_weight": 5.0, "best_of_n": 7}
    check(loaded, TOP)
    found = params.resolve(loaded, "tiny", "pendulum-tiny", "qdot_weak")
    assert (found.values["algorithm"], found.values["method"]) == ("qdot_weak", "qdot")
    assert found.values["algorithm_values"]["transport_weight"] == 9.0
    assert found.values["algorithm_values"]["best_of_n"] == 7  # what the domain says of its method reaches it
    assert found.values["train"]["steps"] == 77
    assert found.sources["algorithm_values.transport_weight"] == "variant qdot_weak"
    assert params.resolve(loaded, "tiny", "pendulum-tiny", "qdot").values["algorithm_values"]["transport_weight"] == 5.0


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"variant_of": "q_dot"}, r"algorithms.mine.variant_of: found 'q_dot'; expected one of: qdot"),
        ({"variant_of": "qdot", "alpha": 1.0}, r"algorithms.mine: unknown key 'alpha'; qdot has: readouts"),
        ({"variant_of": "qdot", "transport_weight": -1.0}, r"algorithms.mine: transport_weight: -1.0"),
    ],
)
def test_a_wrong_variant_is_refused_by_name(loaded: dict[str, Any], entry: dict[str, Any], message: str) -> None:
    loaded["algorithms"]["mine"] = entry
    with pytest.raises(ParamsError, match=message):
        check(loaded, TOP)


def test_a_grid_is_every_combination_of_its_values_as_algorithms_of_the_suite(loaded: dict[str, Any]) -> None:
    loaded["suites"]["tiny"]["grid"] = [{"of": "qdot", "transport_weight": [0.5, 2], "train.hidden": [[32, 32], [64]]}]
    study = Study.from_config(loaded, "tiny", TOP)
    made = [name for name in study.algorithms if name.startswith("qdot-")]
    assert made == [
        f"qdot-transport_weight-{weight}-hidden-{hidden}" for weight in ("0.5", "2") for hidden in ("32x32", "64")
    ]
    values = study.resolved("pendulum-tiny", made[3])
    assert values["algorithm_values"]["transport_weight"] == 2
    assert values["train"]["hidden"] == [64]  # over the suite's own
    assert values["method"] == "qdot"
    loaded["suites"]["tiny"]["grid"] = [{"of": "qdot", "transport_weight": [0.6, 3], "readouts": [["map"]]}]
    fixed = Study.from_config(loaded, "tiny", TOP)
    assert [name for name in fixed.algorithms if "-" in name] == [
        "qdot-transport_weight-0.6",
        "qdot-transport_weight-3",
    ]
    assert fixed.resolved("pendulum-tiny", "qdot-transport_weight-3")["readouts"] == ["map"]
    assert "grid" not in study.params["suites"]["tiny"]
    assert variants.expand(study.params) == study.params  # a recipe's params are expanded once and for all


def test_a_grid_of_a_variant_keeps_the_variants_values(loaded: dict[str, Any]) -> None:
    loaded["algorithms"]["qdot_weak"] = {"variant_of": "qdot", "transport_weight": 9.0}
    loaded["suites"]["tiny"]["grid"] = [{"of": "qdot_weak", "expectile": [0.8]}]
    study = Study.from_config(loaded, "tiny", TOP)
    values = study.resolved("pendulum-tiny", "qdot_weak-expectile-0.8")["algorithm_values"]
    assert (values["transport_weight"], values["expectile"]) == (9.0, 0.8)


def test_a_grid_of_an_unknown_algorithm_is_refused(loaded: dict[str, Any]) -> None:
    loaded["suites"]["tiny"]["grid"] = [{"of": "sac", "alpha": [1]}]
    with pytest.raises(ParamsError, match=r"suites.tiny.grid: unknown algorithm 'sac'; expected one of: qdot"):
        Study.from_config(loaded, "tiny", TOP)


def test_a_grid_without_end_is_refused(loaded: dict[str, Any]) -> None:
    many = list(range(2, 102))
    loaded["suites"]["tiny"]["grid"] = [{"of": "qdot", "best_of_n": many, "behaviour_components": many}]
    with pytest.raises(ParamsError, match=r"suites.tiny.grid: 10,000 combinations; expected at most 1,000"):
        Study.from_config(loaded, "tiny", TOP)


def test_a_grids_names_are_names(loaded: dict[str, Any]) -> None:
    loaded["suites"]["tiny"]["grid"] = [{"of": "qdot", "icnn_activation": ["../../x", "elu"]}]
    with pytest.raises(ParamsError, match=r"params: algorithms: 'qdot-icnn_activation-../../x' does not match"):
        Study.from_config(loaded, "tiny", TOP)


def test_two_grids_may_not_mean_different_things_by_one_name(loaded: dict[str, Any]) -> None:
    loaded["suites"]["tiny"]["grid"] = [{"of": "qdot", "expectile": [0.6, 0.7]}]
    loaded["suites"]["quick"]["grid"] = [{"of": "qdot", "expectile": [0.6, 0.7], "readouts": [["map"]]}]
    with pytest.raises(ParamsError, match=r"grid: makes 'qdot-expectile-0.6', which stands for other values elsewhere"):
        Study.from_config(loaded, "tiny", TOP)


def test_the_command_line_reaches_variants_below_their_own_values(loaded: dict[str, Any]) -> None:
    def value(key: str, algorithm: str, **said: Any) -> Any:
        study = Study.from_config({**loaded, "set": said}, "ablations", TOP)
        return study.resolved("pointmaze-umaze", algorithm)["algorithm_values"][key]

    assert value("rung", "no_icnn_c", **{"algorithms.no_icnn.rung": "shift"}) == "potential"
    assert value("rung", "no_icnn", **{"algorithms.no_icnn.rung": "shift"}) == "shift"
    assert value("best_of_n", "no_icnn_c", **{"algorithms.no_icnn.best_of_n": 5}) == 5
    assert value("transport_weight", "no_icnn_c", **{"algorithms.no_icnn_c.transport_weight": 3.0}) == 3.0
    own = loaded["domains"]["maze"]["algorithms"]["no_icnn"]["transport_weight"]
    assert value("transport_weight", "no_icnn", **{"algorithms.no_icnn_c.transport_weight": 3.0}) == own
