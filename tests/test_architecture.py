"""The design's promises about names and imports, read from the code."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

TOP = Path(__file__).parents[1]
SOURCE = TOP / "src" / "qdot"
STAGES = ("data", "train", "evaluate", "transport", "compare", "report")
LAYERS = {
    "data": 0,
    "envs": 0,
    "algorithms": 1,
    "training": 2,
    "transport": 2,
    "evaluation": 3,
    "reporting": 3,
    "stages": 4,
}


def imports(path: Path) -> set[str]:
    """Names of qdot's subpackages that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {name.split(".")[1] for name in names if name.startswith("qdot.")}
    return found


@pytest.mark.parametrize("path", sorted(SOURCE.glob("*/*.py")), ids=lambda path: "/".join(path.parts[-2:]))
def test_imports_go_down_only(path: Path) -> None:
    layer = LAYERS[path.parent.name]
    above = {name for name in imports(path) if LAYERS.get(name, -1) > layer}
    assert not above, f"{path} imports {above}"


def test_reporting_reads_no_evaluation_code() -> None:
    for path in (SOURCE / "reporting").glob("*.py"):
        assert not imports(path) & {"evaluation", "training", "algorithms"}, path


def test_one_stage_has_one_name() -> None:
    params = yaml.safe_load((TOP / "params.yaml").read_text())
    stages = yaml.safe_load((TOP / "dvc.yaml").read_text())["stages"]
    assert tuple(stages) == STAGES
    for stage in STAGES:
        assert stage in params
        assert f"rule {stage}:" in (TOP / "workflow" / "rules" / f"{stage}.smk").read_text()


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("qdot.due", ("torch", "mujoco", "minari", "pandas")),
        ("qdot.reporting.render", ("torch",)),
        ("qdot.envs", ("torch", "mujoco", "snakemake", "dvc")),
        ("qdot.cli", ("torch", "gymnasium", "pandas", "yaml", "shtab")),
        ("qdot.policies", ("mujoco", "minari", "pandas", "yaml", "h5py", "scipy", "jinja2", "snakemake")),
        ("qdot.training.loop", ("gymnasium", "mujoco", "minari", "pandas", "yaml", "h5py")),
    ],
)
def test_importing_stays_light(module: str, forbidden: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([name for name in {forbidden!r} if name in sys.modules])"
    environment = {"PYTHONPATH": str(TOP / "src"), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"
