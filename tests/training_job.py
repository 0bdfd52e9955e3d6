"""A training job on a dataset made here, in a folder of its own, for tests of what befalls one."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_study import TOP, new_study

from qdot import params as parameters
from qdot import recipes
from qdot.cli import main
from qdot.processes import SIGNALS
from qdot.provenance import read_json, write_json
from qdot.stages.cells import UNFINISHED
from qdot.study import Study

DATASET = "pendulum-tiny"
FILES = ("manifest.json", "policy.safetensors", "state.safetensors", "curve.csv", "evaluations.csv")


class TrainingJob:
    """A folder with a prepared dataset and the recipes of a training job: suite tiny, other values of `train`."""

    def __init__(
        self,
        top: Path,
        monkeypatch: pytest.MonkeyPatch,
        algorithms: Sequence[str] = ("qdot", "iql", "bc"),
        environment: str | None = None,
        **train: Any,
    ) -> None:
        self.top = top
        top.mkdir()
        monkeypatch.chdir(top)
        new_study(top, "tiny")
        changed = {f"train.{name}": value for name, value in train.items()}
        self.study = Study.from_config({**parameters.load(TOP), "suite": "tiny", "set": changed})
        made = [recipes.data_recipe(self.study, DATASET)]
        made += [recipes.train_recipe(self.study, DATASET, algorithm) for algorithm in algorithms]
        self.recipes = [top / f"{index}.json" for index in range(len(made))]
        for path, recipe in zip(self.recipes, made, strict=True):
            if environment and recipe["stage"] == "train":
                recipe["params"]["data"]["environment"] = environment
            write_json(path, recipe)
        cells = [(algorithm, seed) for algorithm in algorithms for seed in self.study.seeds]
        self.folders = [top / self.study.train_dir(DATASET, *cell) for cell in cells]
        assert self.prepare() == 0

    @property
    def data(self) -> Path:
        """Folder of the prepared dataset."""
        return self.top / self.study.data_dir(DATASET)

    def prepare(self) -> int:
        """The data stage, in this process."""
        return main(["data", "--recipe", str(self.recipes[0]), str(self.data / "manifest.json")])

    def arguments(self, workers: int = 1) -> list[str]:
        """Of `qdot`."""
        found = ["train", "--recipe", *map(str, self.recipes[1:]), "--seeds", ",".join(map(str, self.study.seeds))]
        found += ["--device", "cpu", "--workers", str(workers)]
        return [*found, *(str(folder / "manifest.json") for folder in self.folders)]

    def run(self) -> int:
        """The job in this process, whose signals stay what they were; its exit status."""
        before = {number: signal.getsignal(number) for number in SIGNALS}
        try:
            return main(self.arguments())
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def start(self, workers: int = 1) -> subprocess.Popen[bytes]:
        """The job as a process, which saves twice a second."""
        paths = os.pathsep.join([str(TOP / "src"), str(TOP / "tests")])  # the latter for environments of tests
        environment = os.environ | {"PYTHONPATH": paths, "QDOT_SAVE_SECONDS": "0.5"}
        command = [sys.executable, "-m", "qdot", *self.arguments(workers)]
        own_group = True  # so that a test can signal all its processes, as Ctrl-C does
        return subprocess.Popen(
            command, cwd=self.top, env=environment, stderr=subprocess.PIPE, start_new_session=own_group
        )

    def end(self, workers: int) -> str:
        """Run the job to its end, as a process; returns what it printed."""
        process = self.start(workers)
        _, printed = process.communicate()
        assert process.returncode == 0, printed.decode()
        assert not any((folder / name).exists() for folder in self.folders for name in UNFINISHED)
        return printed.decode()

    def manifests(self) -> list[dict[str, Any]]:
        """Of every cell."""
        return [read_json(folder / "manifest.json") for folder in self.folders]

    def statuses(self) -> list[str]:
        """Of every cell."""
        return [manifest["status"] for manifest in self.manifests()]

    def reason(self) -> str:
        """What every cell failed of."""
        (error,) = {manifest["reason"]["error"] for manifest in self.manifests()}
        return str(error)

    def contents(self) -> dict[str, bytes]:
        """Every file whose bytes no clock touches."""
        return {
            "/".join([*folder.parts[-2:], name]): (folder / name).read_bytes()
            for folder in self.folders
            for name in FILES
        }

    def left(self) -> list[str]:
        """Files that have no business in a finished cell."""
        kept = {*FILES, "runtime.json"}
        return [path.name for folder in self.folders for path in folder.iterdir() if path.name not in kept]
