"""What an extra brings is asked for by name where it is missing."""

import importlib.util

import pytest

import qdot
from qdot.errors import PackageError
from qdot.extras import check_installed


def test_missing_modules_are_named_with_their_extra() -> None:
    check_installed("policy", "numpy")
    with pytest.raises(PackageError, match=r"no_such_a, no_such_b: not installed.*pip install 'qdot\[policy\]'"):
        check_installed("policy", "no_such_a", "numpy", "no_such_b")


def test_a_policy_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PackageError, match=r"torch, safetensors: .*'qdot\[policy\]'"):
        qdot.load_policy("policy.safetensors")
