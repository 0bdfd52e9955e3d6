"""Configuration: what is read, what is refused."""

import math
from dataclasses import dataclass
from typing import Literal, Optional

import numpy as np
import pytest
from tiny_cells import OWN, TRAIN

from qdot.algorithms import registry
from qdot.algorithms.base import Config, cosine
from qdot.errors import ParamsError


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_values_come_from_both_sections(name: str) -> None:
    config = registry.get(name).Config.from_values(TRAIN, OWN[name])
    assert config.hidden == (32, 32)
    assert all(getattr(config, key) == (tuple(v) if isinstance(v, list) else v) for key, v in OWN[name].items())


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("iql", {"temprature": 3.0}, "unknown key 'temprature'.*temperature"),
        ("qdot", {"q_scale": "two"}, "q_scale: found 'two', expected one of: one, mean_q, gradient_norm"),
        ("qdot", {"twin_q": "max"}, "twin_q: found 'max'"),
        ("qdot", {"icnn_hidden": [60]}, r"icnn_hidden: found \[60\], expected positive multiples of 32"),
        ("bc", {"hidden": []}, r"hidden: found \[\]"),
        ("bc", {"actor_schedule": "linear"}, "actor_schedule: found 'linear'"),
        ("bc", {"hidden": [32, "32"]}, r"hidden: found \(32, '32'\), expected tuple\[int, \.\.\.\]"),
        ("bc", {"hidden": 32}, "hidden: found 32, expected tuple"),
        ("bc", {"learning_rate": True}, "learning_rate: found True, expected float"),
        ("iql", {"temperature": None}, "temperature: found None, expected float"),
        ("qdot", {"map_learning_rate": "fast"}, r"map_learning_rate: found 'fast', expected float \| None"),
        ("qdot", {"best_of_n": 8.0}, "best_of_n: found 8.0, expected int"),
        ("qdot", {"behaviour_holdout": 1}, "behaviour_holdout: found 1, expected bool"),
        ("qdot", {"q_scale": ["one"]}, "q_scale: found .*, expected str"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        registry.get(name).Config.from_values(TRAIN, OWN[name] | changes)


def test_a_whole_number_is_a_float_and_null_is_taken_where_it_may_stand() -> None:
    config = registry.get("qdot").Config.from_values(TRAIN, OWN["qdot"] | {"transport_weight": 1})
    assert config.transport_weight == 1
    assert OWN["qdot"]["map_learning_rate"] is None


@dataclass(frozen=True, kw_only=True)
class Foreign(Config):
    """As a package of somebody else may annotate its values."""

    rate: Optional[float] = None  # noqa: UP045 - that is the case
    pair: tuple[int, str] = (1, "x")
    nested: tuple[tuple[int, ...], ...] = ()
    kind: Literal["a", "b"] = "a"
    unset: float = None  # type: ignore[assignment]


@dataclass(frozen=True, kw_only=True)
class Unresolved(Config):
    """Of a module that imports `Tensor` for type checkers alone."""

    weights: "Nowhere" = None  # type: ignore[name-defined]  # noqa: F821


BASE = {"steps": 1, "hidden": [32], "learning_rate": 0.1, "actor_schedule": "constant"}


def test_annotations_of_other_kinds_are_not_checked() -> None:
    assert Unresolved(**BASE, weights=3).weights == 3
    found = Foreign(**BASE | {"learning_rate": np.float32(0.5)}, pair=[2, "y"], nested=[[1]], kind="c", rate=1)
    assert found.pair == (2, "y")
    with pytest.raises(ParamsError, match="rate: found 'fast'"):
        Foreign(**BASE, rate="fast")


def test_a_missing_value_is_refused_by_name() -> None:
    with pytest.raises(ParamsError, match="missing temperature"):
        registry.get("iql").Config.from_values(TRAIN, {k: v for k, v in OWN["iql"].items() if k != "temperature"})


def test_the_schedule_falls_from_one_to_zero_along_a_cosine() -> None:
    assert [cosine(step, 4) for step in (0, 2, 4, 9)] == pytest.approx([1, 0.5, 0, 0])
    assert cosine(1, 4) == pytest.approx(0.5 + math.sqrt(2) / 4)
