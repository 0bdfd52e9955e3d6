"""Order of the tests."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The workflow's tests first: they are the longest, and workers then end together."""
    items.sort(key=lambda item: "tests/workflow/" not in item.nodeid)
