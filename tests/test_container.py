"""The Containerfile keeps up with the Makefile; no image is built in tests."""

import re
import tomllib
from pathlib import Path

TOP = Path(__file__).parents[1]


def steps() -> list[tuple[str, str]]:
    """Instructions of the Containerfile with their arguments, lines that continue joined."""
    text = re.sub(r"\\\n", " ", (TOP / "Containerfile").read_text())
    found = [line.partition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in found]


def test_the_layer_of_packages_holds_what_make_install_reads_and_the_code_comes_later() -> None:
    rule = re.search(r"^\.venv/installed: (.+)$", (TOP / "Makefile").read_text(), re.MULTILINE)
    assert rule is not None
    project = tomllib.loads((TOP / "pyproject.toml").read_text())
    needed = {"Makefile", *rule[1].split(), project["project"]["readme"], "src/qdot/__init__.py"}
    found = steps()
    install = found.index(("RUN", "make install"))
    copied = {name for step, rest in found[:install] if step == "COPY" for name in rest.split()[:-1]}
    assert copied == needed
    assert all((TOP / name).is_file() for name in copied)
    assert ("COPY", ". .") in found[install:]


def test_the_base_is_the_python_of_the_lock() -> None:
    compiled = re.search(r"--python-version (\S+)", (TOP / "Makefile").read_text())
    assert compiled is not None
    assert steps()[0] == ("FROM", f"python:{compiled[1]}-slim-bookworm")


def test_nothing_that_git_ignores_goes_into_the_image() -> None:
    ignored = [line.removeprefix("/") for line in (TOP / ".gitignore").read_text().split()]
    left_out = {line.removeprefix("**/") for line in (TOP / ".dockerignore").read_text().split()}
    assert set(ignored) == left_out


def test_the_snakefiles_image_is_a_file_that_one_builds() -> None:
    names = {re.search(r'^container: "(.+)"$', (TOP / name).read_text(), re.MULTILINE) for name in SNAKEFILES}
    assert {name[1] for name in names if name} == {"qdot.sif"}
    assert "apptainer build qdot.sif" in (TOP / "docs/containers.md").read_text()


SNAKEFILES = ("Snakefile", "workflow/study.smk")
