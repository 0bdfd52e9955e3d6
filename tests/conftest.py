"""Fixtures shared by all tests."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from qdot.places import VARIABLES

KITCHEN_FILE = "mini_kitchen_microwave_kettle_light_slider-v0.hdf5"


@pytest.fixture(scope="session")
def require() -> Callable[[str, bool, str], None]:
    """Skip where a resource is absent, or fail where QDOT_REQUIRE names it (CI does)."""
    required = {name for name in os.environ.get("QDOT_REQUIRE", "").split(",") if name}

    def check(resource: str, present: bool, reason: str) -> None:
        if present:
            return
        if resource in required:
            pytest.fail(f"QDOT_REQUIRE names {resource}: {reason}")
        pytest.skip(reason)

    return check


@pytest.fixture(scope="session")
def kitchen_file(require: Callable[[str, bool, str], None]) -> Path:
    """D4RL's real kitchen-complete-v0 file, in the folder that QDOT_D4RL_MIRROR names."""
    mirror = Path(os.environ.get("QDOT_D4RL_MIRROR", "."))
    found = next((path for path in (mirror / KITCHEN_FILE, mirror / "kitchen" / KITCHEN_FILE) if path.is_file()), None)
    require("data", found is not None, f"{KITCHEN_FILE} is not in the folder QDOT_D4RL_MIRROR names ({mirror})")
    assert found is not None
    return found


def pytest_configure() -> None:
    """No test writes where the user's own results lie."""
    for variable in VARIABLES.values():
        os.environ.pop(variable, None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The workflow's tests first: they are the longest, and workers then end together."""
    items.sort(key=lambda item: "tests/workflow/" not in item.nodeid)
