"""Holds a command that a document says against what would read it: the tools' parsers, the Makefile, params.yaml."""

import re
import shutil
import tomllib
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from dvc.cli import DvcParserError
from dvc.cli.parser import get_main_parser
from fences import TOP, commands
from snakemake.cli import get_argument_parser

from qdot import cli, params_check
from qdot import params as parameters
from qdot.errors import ParamsError
from qdot.places import VARIABLES
from qdot.study import SUBSET_KEYS, Study

Params = Mapping[str, Any]
# What a machine of its own is needed for; the commands inside `--wrap` and after an image's name are still checked.
UNCHECKED = {
    "podman": "images are built on machines that have it; the Containerfile is held against the Makefile",
    "apptainer": "as podman",
    "sbatch": "a cluster's; what it wraps is checked",
}
WRONG = (AssertionError, KeyError, ParamsError)  # what a wrong command raises
UTILITIES = {"cd", "rm", "tar", "grep", "sha256sum", "sed", "git", "awk", "python", "."}
STAGES = ("data", "train", "evaluate", "transport", "compare", "report")


def check(words: list[str], params: Params) -> None:
    """Check one command.

    Raises:
        WRONG: it names a command, option, target, variable or value that does not exist.
    """
    while words and re.match(r"[A-Z][A-Z0-9_]*=", words[0]):
        _variable(words[0])
        words = words[1:]
    if not words:
        return
    name = "snakemake" if words[0] == "workflow/run" else Path(words[0]).name or words[0]
    if name in CHECKS:
        CHECKS[name](words[1:], params)
    else:
        assert name in UTILITIES, f"{name}: no command that this test knows"
        assert name in ("cd", ".") or shutil.which(name), f"{name}: not on this machine"


def _parsed(parser: ArgumentParser, words: list[str]) -> Namespace:
    try:
        return parser.parse_args(words)
    except (SystemExit, DvcParserError) as error:
        if getattr(error, "code", 1) != 0:
            raise AssertionError(f"{parser.prog} does not take {' '.join(words)}") from error
        return Namespace()  # --help


@cache
def _variables() -> set[str]:
    """Environment variables that the code reads."""
    read = [re.findall(r"QDOT_[A-Z0-9_]+", path.read_text()) for path in (TOP / "src").rglob("*.py")]
    return {"PYTHONPATH", *VARIABLES.values(), *(name for names in read for name in names)}


def _variable(assignment: str) -> None:
    name = assignment.partition("=")[0]
    assert name in _variables(), f"{name}: no code reads it"


def _export(words: list[str], params: Params) -> None:
    for word in words:
        _variable(word)


def _make(words: list[str], params: Params) -> None:
    makefile = (TOP / "Makefile").read_text()
    for word in words:
        name, _, value = word.partition("=")
        known = f"$({name})" in makefile if value else re.search(rf"^{name}:.*## ", makefile, re.MULTILINE)
        assert known, f"make {word}: no such {'variable' if value else 'target'}"


def named_suites() -> list[str]:
    """Suites that are targets: `NAMED` of the Snakefile."""
    named = re.search(r"^NAMED = \((.*?)\)$", (TOP / "Snakefile").read_text(), re.MULTILINE | re.DOTALL)
    assert named is not None
    return re.findall(r'"(\w+)"', named[1])


def _targets() -> set[str]:
    """What the Snakefile lets be named: suites, stages, all."""
    return {*named_suites(), *(f"{stage}_all" for stage in STAGES), "all"}


def _snakemake(words: list[str], params: Params) -> None:
    options = _parsed(get_argument_parser(), words)
    assert set(options.targets) <= _targets(), f"{options.targets}: no such target"
    config = dict(entry.split("=", 1) for entry in options.config or [])
    assert set(config) <= {"suite", "set", *SUBSET_KEYS}, f"--config {config}: no such key"
    if "set" in config:
        config["set"] = yaml.safe_load(config["set"])
    suites = [name for name in options.targets if name in params["suites"]]
    study = Study.from_config({**params, **config}, *suites, root=TOP)
    assert not study.missing, study.missing


def _qdot(words: list[str], params: Params) -> None:
    options = _parsed(cli._parser(), words)
    for name in _suites_of(options):
        assert name.isupper() or name.partition("-")[0] in params["suites"], f"{name}: no such suite"
    cell = getattr(options, "cell", "")
    if "/" in cell and not cell.endswith(".safetensors"):
        suite, dataset, algorithm, *seed = cell.split("/")
        parameters.resolve(params, suite, dataset, algorithm)
        assert not seed or int(seed[0]) in params["suites"][suite]["seeds"], f"{cell}: no such seed"


def _suites_of(options: Namespace) -> list[str]:
    """The names among a command's arguments that should be suites or subsets of them."""
    suite = getattr(options, "suite", None) or []
    runs = [run.partition(":")[2] or run for run in getattr(options, "runs", [])]
    return [*([suite] if isinstance(suite, str) else suite), *(run for run in runs if not run.startswith("docs/"))]


def _dvc(words: list[str], params: Params) -> None:
    options = _parsed(get_main_parser(), words)
    for entry in getattr(options, "set_param", None) or []:
        key, _, text = entry.partition("=")
        *outer, last = key.split(".")
        params = yaml.safe_load(yaml.safe_dump(params))
        section = params
        for name in outer:
            section = section[name]
        assert last in section, f"-S {key}: no such value in params.yaml"
        section[last] = yaml.safe_load(text)
    params_check.check(params, TOP)


def _pip(words: list[str], params: Params) -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    assert words[0] == "install", words
    for word in words[1:]:
        extras = re.match(r"qdot\[([\w,]+)\] @ file://", word)
        local = extras is None and not word.startswith("-")
        assert not local or (TOP / word / "pyproject.toml").is_file(), f"pip install {word}: nothing there"
        for extra in extras[1].split(",") if extras else ():
            assert extra in project["optional-dependencies"], f"{extra}: no such extra"


def _wrapped(words: list[str], params: Params) -> None:
    for command in commands(words[words.index("--wrap") + 1]):
        check(command, params)


def _unchecked(words: list[str], params: Params) -> None:
    """See UNCHECKED."""


CHECKS: dict[str, Callable[[list[str], Params], None]] = {
    "export": _export,
    "make": _make,
    "snakemake": _snakemake,
    "qdot": _qdot,
    "dvc": _dvc,
    "pip": _pip,
    "sbatch": _wrapped,
    "podman": _unchecked,
    "apptainer": _unchecked,
}
