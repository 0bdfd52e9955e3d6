"""Configuration: what is read, what is refused."""

import math

import pytest
from tiny_cells import OWN, TRAIN

from qdot.algorithms import registry
from qdot.algorithms.base import cosine
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
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        registry.get(name).Config.from_values(TRAIN, OWN[name] | changes)


def test_a_missing_value_is_refused_by_name() -> None:
    with pytest.raises(ParamsError, match="missing temperature"):
        registry.get("iql").Config.from_values(TRAIN, {k: v for k, v in OWN["iql"].items() if k != "temperature"})


def test_the_schedule_falls_from_one_to_zero_along_a_cosine() -> None:
    assert [cosine(step, 4) for step in (0, 2, 4, 9)] == pytest.approx([1, 0.5, 0, 0])
    assert cosine(1, 4) == pytest.approx(0.5 + math.sqrt(2) / 4)
