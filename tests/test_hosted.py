"""Files for hosted services keep up with the checkout; nothing here runs them."""

import re
from pathlib import Path
from typing import Any

import nbformat
import yaml

from qdot.params import load

TOP = Path(__file__).parents[1]
TARGETS = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), re.MULTILINE))


def made(text: str) -> set[str]:
    """Targets of the calls of make in a text."""
    calls = re.findall(r"make (?:-C \S+ )?([a-z -]+)", text)
    return {name for call in calls for name in call.split()}


def notebook() -> Any:
    return nbformat.read(TOP / "examples/hosted_gpu.ipynb", as_version=nbformat.NO_CONVERT)


def test_the_hosted_jobs_make_what_exists_on_every_python_that_the_project_names() -> None:
    jobs = yaml.safe_load((TOP / ".github/workflows/ci.yml").read_text())["jobs"]
    for job in jobs.values():
        commands = "\n".join(step.get("run", "") for step in job["steps"])
        assert made(commands) == {"check", "test", "smoke"}
        assert made(commands) <= TARGETS
    machines = [
        (each["os"].partition("-")[0], each["python"]) for each in jobs["posix"]["strategy"]["matrix"]["include"]
    ]
    assert {python for system, python in machines if system == "ubuntu"} == {"3.11", "3.12", "3.13"}
    assert {system for system, _ in machines} == {"ubuntu", "macos"}


def test_the_page_on_platforms_says_that_hosted_files_were_not_run() -> None:
    text = (TOP / "docs/platforms.md").read_text()
    for name in (".github/workflows/ci.yml", "examples/hosted_gpu.ipynb"):
        assert re.search(rf"{re.escape(name)}.*not run", text), name


def test_the_notebook_is_valid_has_a_step_a_cell_and_keeps_no_output() -> None:
    found = notebook()
    nbformat.validate(found)
    steps = [cell for cell in found.cells if cell.cell_type == "code"]
    assert [cell.id for cell in steps] == ["clone", "gpu", "install", "smoke", "quick", "report", "scores"]
    assert all(cell.source.startswith("# ") for cell in steps)
    assert not any(cell.outputs or cell.execution_count for cell in steps)


def test_the_notebooks_steps_name_what_exists() -> None:
    text = "\n".join(cell.source for cell in notebook().cells if cell.cell_type == "code")
    assert made("\n".join(re.findall(r"^!(make .+)", text, re.MULTILINE))) <= TARGETS
    (suite,) = re.findall(r"\bload\('(\w+)'\)", text)
    assert suite in load(TOP)["suites"]
    assert f"reports/build/{suite}/index.html" in text


def test_the_notebooks_python_compiles() -> None:
    for cell in notebook().cells:
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if not line.startswith(("!", "%"))]
            compile("\n".join(lines), cell.id, "exec")


def test_the_notebook_holds_no_address_but_a_placeholder() -> None:
    assert re.findall(r"https?://([^/\"]+)", (TOP / "examples/hosted_gpu.ipynb").read_text()) == ["example.org"]
