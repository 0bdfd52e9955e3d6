"""The wheel alone, in a fresh environment: what each extra brings is enough for what the README says of it."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from fences import python_blocks
from tiny_cells import random_dataset, trained

import qdot

TOP = Path(__file__).parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
PIN = re.compile(r"^[\w.-]+==[^\s\\]+", re.MULTILINE)
# What the parts of the pipeline bring: a policy and the environments need none of it.
OTHERS = ("pandas", "yaml", "h5py", "snakemake", "dvc", "minari", "jinja2", "matplotlib", "onnx")
ENVIRONMENTS = """
import importlib.util, json, gymnasium, qdot, qdot.envs
from qdot.errors import PackageError
absent = [name for name in ("torch", "mujoco", "pandas") if importlib.util.find_spec(name) is None]
try:
    qdot.load_policy("policy.safetensors")
except PackageError as error:
    asked = str(error)
steps = 0
if "mujoco" not in absent:
    env = gymnasium.make("qdot/hopper-v2")
    env.reset(seed=0)
    steps = len(env.step(env.action_space.sample())[0])
print(json.dumps([absent, asked, steps]))
"""


class Bare:
    """A virtual environment, and a folder outside any checkout.

    Attributes:
        folder: Where it runs.
        python: Its interpreter.
    """

    def __init__(self, folder: Path) -> None:
        """Make it, with pip alone."""
        self.folder, self.python = folder, folder / "venv/bin/python"
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        pins = "\n".join(PIN.findall((TOP / "requirements.lock").read_text()))
        (folder / "constraints.txt").write_text(pins + "\n")

    def pip(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run pip."""
        command = [str(self.python), "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def install(self, *arguments: str) -> None:
        """Install in the lock's versions, or fail with what pip says."""
        done = self.pip("install", *arguments, "--constraint", "constraints.txt")
        assert done.returncode == 0, done.stderr[-4000:]

    def run(self, code: str) -> list[object]:
        """The JSON that code prints last, run without this checkout, its variables or the user's packages."""
        done = subprocess.run(
            [str(self.python), "-I", "-c", code], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, require: Callable[[str, bool, str], None]) -> Iterator[Bare]:
    """A fresh environment, deleted after; skipped where pip reaches no index."""
    made = Bare(tmp_path_factory.mktemp("bare"))
    asked = made.pip("download", "--no-deps", "--dest", "probe", "shtab")  # small
    require("index", asked.returncode == 0, f"pip reaches no package index: {asked.stderr.strip()[-300:]}")
    yield made
    shutil.rmtree(made.folder)  # torch alone is most of a gigabyte


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that nothing of an older build gets into it."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(TOP / "src", source / "src", ignore=unwanted)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TOP / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(target), str(source)], check=True)
    (found,) = target.glob("qdot-*.whl")
    return found


def test_a_wheel_grows_by_its_extras(bare: Bare, wheel: Path) -> None:
    """One environment, from the bare wheel to environments to policies: each step installs no more than it says."""
    bare.install(str(wheel))
    absent, asked, _ = bare.run(ENVIRONMENTS)
    assert absent == ["torch", "mujoco", "pandas"]
    assert asked == "torch, safetensors: not installed, and needed here; install the extra: pip install 'qdot[policy]'"

    bare.install(f"{wheel}[envs]")
    assert bare.run(ENVIRONMENTS) == [["torch", "pandas"], asked, 11]

    path = bare.folder / "policy.safetensors"
    path.write_bytes(trained("qdot", random_dataset(3, 1)))
    bare.install("--no-deps", "--requirement", str(TOP / "requirements-torch.txt"))
    bare.install(f"{wheel}[policy,envs]")
    (block,) = [block for block in python_blocks(TOP / "README.md", path) if "load_policy(" in block]
    tail = f"\nimport json, sys\nprint(json.dumps([action.tolist(), [n for n in {OTHERS!r} if n in sys.modules]]))"
    action, imported = bare.run(block + tail)
    assert imported == []

    observation, _ = gymnasium.make("Pendulum-v1").reset(seed=0)
    np.testing.assert_allclose(action, qdot.load_policy(path)(observation), rtol=1e-6)
