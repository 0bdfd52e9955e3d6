"""What is killed: a whole suite under Snakemake, or one training job; and what each leaves behind."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil

from qdot import params, recipes
from qdot.cli import main
from qdot.data.files import visible_files
from qdot.provenance import read_json, sha256_file, write_json
from qdot.stages.runtime import git_state
from qdot.study import Study
from qdot.training import checkpoint, resume

TOP = Path(__file__).parents[2]
RESULTS = ("data/prepared", "results", "reports/build")
HIDDEN = (*RESULTS, "data/raw")  # where no temporary file may stay
CLOCKS = "runtime.json"  # of a suite it is frozen, so that what is made of clocks is compared as all else
RUNTIME = "src/qdot/stages/runtime.py"
FROZEN = Path(__file__).with_name("frozen_runtime.py")
DIRTY = "-dirty"  # behind a commit that the files were not as in
SAVE_SECONDS = "0.5"
ALGORITHMS = ("qdot", "iql", "bc")
DATASET = "pendulum-tiny"
CHANGES = {"train.steps": 150, "train.evaluate_every": 0}  # of suite tiny: rollouts are the suite's, beside
COMPILED = {"train.steps": 20_000, "train.evaluate_every": 0, "train.compile_from": 1}  # outlasts tracing
COMPILED_ALGORITHMS = ("bc",)  # one part to trace, which each attempt does anew before its first step


class Running(Protocol):
    """A process tree that was started; what is asked of `subprocess.Popen`."""

    @property
    def pid(self) -> int:
        """Of its first process."""
        ...

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        ...

    def wait(self) -> int:
        """Wait for its end; returns its exit status."""
        ...


class Scene:
    """A folder in which work is started, killed and started again.

    Attributes:
        folder: The folder.
        log: What the last attempt printed.
        whole: What the undisturbed work left, as `run.py` keeps it.
        commit: Of the code at work.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder ready, once per commit: nobody kills yesterday's code."""
        self.folder, self.log = folder, folder.parent / f"{folder.name}.log"
        self.whole, made = folder.parent / f"{folder.name}.json", folder / ".made"
        self.commit = self.code()
        if not made.exists() or made.read_text() != self.commit or self.commit.endswith(DIRTY):
            shutil.rmtree(folder, ignore_errors=True)
            self.whole.unlink(missing_ok=True)
            folder.mkdir(parents=True)
            self.make()
            made.write_text(self.commit)

    def code(self) -> str:
        """The commit of the code at work: this checkout's, marked where its files differ."""
        state = git_state()
        return f"{state['git_commit']}{DIRTY if state['git_dirty'] else ''}"

    def make(self) -> None:
        """Put into the folder what work needs."""
        raise NotImplementedError

    def start(self, draw: int) -> Running:
        """Start the work, or go on with it; `draw` chooses what the results may not depend on."""
        raise NotImplementedError

    def clear(self) -> None:
        """Delete all that the work makes."""
        raise NotImplementedError

    def digests(self) -> dict[str, str]:
        """SHA-256 by name of every result that no clock touches."""
        found = {}
        for path in (path for top in RESULTS for path in visible_files(self.folder / top)):
            name = path.relative_to(self.folder).as_posix()
            if path.name != CLOCKS:
                found[name] = sha256_file(path)
        return found

    def left(self) -> list[str]:
        """Temporary files that nobody deleted."""
        hidden = (path for top in HIDDEN for path in (self.folder / top).rglob(".*") if path.name != ".locks")
        return sorted(path.relative_to(self.folder).as_posix() for path in hidden)

    def step(self) -> int:
        """The step that the furthest training is known to have reached: that of its last saving."""
        steps = [0]
        for path in self.folder.glob(f"results/*/train/*/*/*/{resume.NAME}"):
            try:
                _, text = checkpoint.split(path.read_bytes())
            except FileNotFoundError:
                continue  # it ended meanwhile
            steps.append(json.loads(text)["step"])
        return max(steps)

    def settle(self) -> None:
        """Wait for processes that outlived the one that started them."""
        while any(_works_in(process, self.folder) for process in psutil.process_iter()):
            time.sleep(0.2)


class Suite(Scene):
    """A suite from data to report, under Snakemake, in a clone of this checkout's last commit with frozen clocks."""

    def __init__(self, folder: Path, name: str) -> None:
        """Clone, once."""
        self.name = name
        super().__init__(folder)

    def make(self) -> None:
        """Clone."""
        shutil.rmtree(self.folder)
        subprocess.run(["git", "clone", "--quiet", str(TOP), str(self.folder)], check=True)
        shutil.copy(FROZEN, self.folder / RUNTIME)

    def code(self) -> str:
        """The last commit, whatever lies beside it."""
        return super().code().removesuffix(DIRTY)

    def start(self, draw: int) -> Running:
        """As `make` does, on one core or two."""
        variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        variables |= {"PATH": os.pathsep.join([str(Path(sys.executable).parent), variables["PATH"]])}
        variables |= {"QDOT_SAVE_SECONDS": SAVE_SECONDS}
        command = ["workflow/run", self.name, "--cores", str(1 + draw % 2)]
        with self.log.open("w") as log:
            return subprocess.Popen(command, cwd=self.folder, env=variables, stdout=log, stderr=log)

    def clear(self) -> None:
        """Data, results, reports, logs, and what Snakemake knows."""
        for name in ("data", "results", "reports/build", "logs", ".snakemake"):
            shutil.rmtree(self.folder / name, ignore_errors=True)


class Training(Scene):
    """`qdot train` of some algorithms and two seeds; forked, so that an attempt need not import everything again."""

    def __init__(self, folder: Path, compiled: bool = False) -> None:
        """Make it, once; `compiled`: steps are compiled programs, whose last digits depend on who steps together."""
        self.changes: dict[str, Any] = dict(COMPILED if compiled else CHANGES)
        self.algorithms = COMPILED_ALGORITHMS if compiled else ALGORITHMS
        super().__init__(folder)

    def make(self) -> None:
        """Recipes and a prepared dataset; compiled programs, which later attempts find where the first put them."""
        for name in ("params.yaml", "workflow"):
            copy = shutil.copytree if (TOP / name).is_dir() else shutil.copy
            copy(TOP / name, self.folder / name)
        os.chdir(self.folder)
        study = self._study()
        write_json(Path("data.json"), recipes.data_recipe(study, DATASET))
        for algorithm in self.algorithms:
            write_json(Path(f"{algorithm}.json"), recipes.train_recipe(study, DATASET, algorithm))
        if main(["--quiet", "data", "--recipe", "data.json", str(study.data_dir(DATASET) / "manifest.json")]):
            raise SystemExit("the dataset could not be prepared")
        if "train.compile_from" in self.changes:
            status = self.start(0).wait()
            found = [read_json(path)["compiled"] for path in Path("results").rglob("runtime.json")]
            if status or not found or not all(found):
                raise SystemExit(f"its steps were not compiled: see {self.log}")
            self.clear()

    def _study(self) -> Study:
        return Study.from_config({**params.load(), "suite": "tiny", "set": self.changes})

    def start(self, draw: int) -> Running:
        """In one process."""
        os.chdir(self.folder)
        study = self._study()
        folders = [study.train_dir(DATASET, algorithm, seed) for algorithm in self.algorithms for seed in study.seeds]
        command = ["train", "--device", "cpu", "--recipe", *(f"{algorithm}.json" for algorithm in self.algorithms)]
        command += ["--seeds", ",".join(map(str, study.seeds)), *(str(folder / "manifest.json") for folder in folders)]
        return Forked(command, self.log)

    def clear(self) -> None:
        """The results alone."""
        shutil.rmtree(self.folder / "results", ignore_errors=True)


class Forked:
    """A `qdot` command in a fork of this process.

    Attributes:
        pid: Of the fork.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        """Start it."""
        self._status: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            os.environ["QDOT_SAVE_SECONDS"] = SAVE_SECONDS
            handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            os._exit(_status_of(command))

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status

    def wait(self) -> int:
        """Wait for its end; returns its exit status."""
        while (status := self.poll()) is None:
            time.sleep(0.02)
        return status


def _status_of(command: Sequence[str]) -> int:
    """Run a `qdot` command in this process; returns its exit status."""
    try:
        return main(command)
    except SystemExit as end:
        return int(end.code or 0)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    """Whether a process other than this one runs in a folder."""
    try:
        return process.pid != os.getpid() and process.cwd() == str(folder) and process.status() != "zombie"
    except psutil.Error:
        return False
