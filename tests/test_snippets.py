"""The documents' Python runs as it stands there, on invented results and a tiny policy."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_study import fill, new_study
from fences import DOCUMENTS, TOP, python_blocks
from tiny_cells import random_dataset, trained

import qdot
from qdot.cli import main
from qdot.evaluation.compare import compare

# Blocks of each document that a test here runs; those of the tutorial: tests/workflow/test_tutorial.py.
RUN = {"README.md": 3, "docs/environments.md": 1, "docs/policies.md": 3, "docs/tutorial.md": 3}


def test_every_block_of_python_has_a_test() -> None:
    found = {document.relative_to(TOP).as_posix(): len(python_blocks(document, TOP)) for document in DOCUMENTS}
    assert {name: count for name, count in found.items() if count} == RUN


@pytest.fixture(scope="module")
def pendulum(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy of Pendulum's sizes."""
    path = tmp_path_factory.mktemp("pendulum") / "policy.safetensors"
    path.write_bytes(trained("qdot", random_dataset(3, 1)))
    return path


def test_the_readme_loads_a_policy_and_acts(pendulum: Path) -> None:
    (block,) = [block for block in python_blocks(TOP / "README.md", pendulum) if "load_policy(" in block]
    names: dict[str, Any] = {}
    exec(block, names)
    observation, _ = names["env"].reset(seed=0)
    assert np.array_equal(names["action"], qdot.load_policy(pendulum)(observation))


def test_the_readme_loads_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = new_study(tmp_path, "quick")
    fill(study)
    compare(study)
    monkeypatch.chdir(tmp_path)
    (block,) = [block for block in python_blocks(TOP / "README.md", tmp_path) if "results.load(" in block]
    names: dict[str, Any] = {}
    exec(block, names)
    assert set(names["scores"].dataset) == set(study.datasets)


@pytest.mark.parametrize("document", ["README.md", "docs/environments.md"])
def test_a_policy_is_played_in_a_faithful_environment(document: str, pendulum: Path, tmp_path: Path) -> None:
    (block,) = [block for block in python_blocks(TOP / document, pendulum) if '"qdot/hopper-v2"' in block]
    path = tmp_path / "policy.safetensors"
    path.write_bytes(trained("bc", random_dataset(11, 3)))
    names: dict[str, Any] = {"policy": qdot.load_policy(path)}
    exec(block, names)
    assert np.isfinite(names["total"])


def test_the_page_on_policies_runs_from_top_to_bottom(
    pendulum: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    require: Callable[[str, bool, str], None],
) -> None:
    require("onnx", find_spec("onnxruntime") is not None, "onnxruntime is not installed; pip install 'qdot[onnx]'")
    monkeypatch.chdir(tmp_path)
    assert main(["policy", "export", str(pendulum), "--readout", "map"]) == 0
    assert len(capsys.readouterr().err.splitlines()) == 1
    names: dict[str, Any] = {}
    for block in python_blocks(TOP / "docs/policies.md", pendulum):
        exec(block, names)
    np.testing.assert_allclose(names["actions"][0], names["action"], rtol=0, atol=1e-5)
    assert names["facts"]["readout"] == "map"
    assert names["distilled"].shape == names["best"].shape == (1,)
    assert names["worth"].shape == (1,)
