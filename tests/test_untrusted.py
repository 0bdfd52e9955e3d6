"""What comes from outside is data: no code of the project runs it, and no file makes a reader run anything."""

import ast
import contextlib
import csv
import io
import pickle
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from fuzz.targets import TARGETS, Target

from qdot.errors import QdotError

TOP = Path(__file__).parents[1]
FOLDERS = ("src", "workflow", "benchmarks", "examples", ".ci")
RUNNERS = {"pickle", "_pickle", "cPickle", "shelve", "marshal", "dill", "cloudpickle", "joblib", "jsonpickle", "code"}
CALLS = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "runpy.run_path", "runpy.run_module"),
    *("subprocess.getoutput", "subprocess.getstatusoutput", "pandas.read_pickle", "pandas.read_hdf", "pandas.eval"),
    *("yaml.load_all", "yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.full_load", "yaml.full_load_all"),
}
# Calls that are allowed with a word that makes them safe.
SAFE_WITH = {
    "numpy.load": ("allow_pickle", "False"),
    "numpy.lib.format.read_array": ("allow_pickle", "False"),
    "torch.load": ("weights_only", "True"),
    "yaml.load": ("Loader", "yaml.SafeLoader"),
}


def names(tree: ast.AST) -> dict[str, str]:
    """What each imported name of a file stands for: `np` -> `numpy`."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name.partition(".")[0]: alias.asname and alias.name for alias in node.names}
            found |= {name: name for name, full in found.items() if full is None}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module or ''}.{alias.name}" for alias in node.names}
    return found


def offences(text: str) -> Iterator[str]:
    """Each way of running what is read that a Python text has."""
    tree = ast.parse(text)
    known = names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"imports {module}" for module in modules if module.partition(".")[0] in RUNNERS)
        if not isinstance(node, ast.Call):
            continue
        first, dot, rest = ast.unparse(node.func).partition(".")
        called = known.get(first, first) + dot + rest
        words = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if called in CALLS:
            yield f"calls {called}"
        if called in SAFE_WITH and words.get(SAFE_WITH[called][0]) != SAFE_WITH[called][1]:
            yield f"calls {called} without {'='.join(SAFE_WITH[called])}"
        if called.startswith("subprocess.") and words.get("shell", "False") != "False":
            yield f"calls {called} with a shell"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import pickle", ["imports pickle"]),
        ("from joblib import load", ["imports joblib"]),
        ("import numpy as np; np.load(p)", ["calls numpy.load without allow_pickle=False"]),
        ("import numpy; numpy.load(p, allow_pickle=True)", ["calls numpy.load without allow_pickle=False"]),
        ("from torch import load as l; l(p)", ["calls torch.load without weights_only=True"]),
        ("import torch; torch.load(p, weights_only=True)", []),
        ("import yaml; yaml.load(t)", ["calls yaml.load without Loader=yaml.SafeLoader"]),
        ("import yaml; yaml.safe_load(t)", []),
        ("eval('1')", ["calls eval"]),
        ("model.eval()", []),
        ("import subprocess as s; s.run('ls', shell=True)", ["calls subprocess.run with a shell"]),
        ("import subprocess; subprocess.run(['ls'])", []),
        ("import os; os.system('ls')", ["calls os.system"]),
    ],
)
def test_the_search_finds_what_it_looks_for(text: str, expected: list[str]) -> None:
    assert list(offences(text)) == expected


def test_no_code_of_the_project_runs_what_it_reads() -> None:
    paths = [path for folder in FOLDERS for path in (TOP / folder).rglob("*.py")]
    assert len(paths) > 200
    found = {str(path.relative_to(TOP)): list(offences(path.read_text())) for path in paths}
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_no_rule_runs_python_that_it_reads() -> None:
    """Rule files are Python and more: words of them, as they are no tree of Python's."""
    for path in [TOP / "Snakefile", *(TOP / "workflow").rglob("*.smk")]:
        text = path.read_text()
        for word in (*RUNNERS - {"code"}, "eval(", "exec(", "os.system", "subprocess", "run:", "script:", "notebook:"):
            assert word not in text, f"{path}: {word}"


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (self.path, "w"))


def bombs(path: Path) -> Iterator[bytes]:
    """Files that make `path` where anything runs them."""
    pickled = pickle.dumps(Touch(path))
    yield pickled
    objects = io.BytesIO()
    np.save(objects, np.array([Touch(path)], dtype=object), allow_pickle=True)
    yield objects.getvalue()
    for member in ("observations.npy", "archive/data.pkl"):  # as numpy and torch write them
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr(member, objects.getvalue() if member.endswith("npy") else pickled)
            file.writestr("archive/version", "3")
        yield archive.getvalue()
    hdf5 = io.BytesIO()
    with h5py.File(hdf5, "w") as file:
        for name in ("observations", "actions", "rewards", "terminals"):
            file[name] = np.void(pickled)
            file[name].attrs["pickled"] = np.void(pickled)
    yield hdf5.getvalue()
    yield f"a: !!python/object/apply:builtins.open [{path}, w]\n".encode()
    yield f'{{"py/reduce": [{{"py/function": "builtins.open"}}, {{"py/tuple": ["{path}", "w"]}}]}}'.encode()
    yield f'=cmd|"touch {path}"!A1,$(touch {path}),`touch {path}`\n'.encode()


def test_the_bombs_go_off_where_they_are_run(tmp_path: Path) -> None:
    first = next(bombs(tmp_path / "touched"))
    pickle.loads(first).close()
    assert (tmp_path / "touched").exists()


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_file_makes_a_reader_run_it(target: Target, tmp_path: Path) -> None:
    folder, touched = tmp_path / "folder", tmp_path / "touched"
    folder.mkdir()
    target.prepare(folder)
    for bomb in bombs(touched):
        with contextlib.suppress(QdotError):
            target.read(folder, bomb)
        assert not touched.exists()


def test_security_names_tests_and_numbers_that_are_there() -> None:
    text = (TOP / "SECURITY.md").read_text()
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", text))
    assert len(named) > 15
    assert [name for name in named if not (TOP / name).is_file()] == []
    with (TOP / "docs" / "security-fuzz.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert f"a run of {sum(int(row['cases']) for row in rows):,} cases" in text
    (said,) = re.findall(r"\(`make fuzz`, ([^)]*)\)", text)
    assert {row["date"] for row in rows} == set(re.findall(r"\d{4}-\d\d-\d\d", said))
