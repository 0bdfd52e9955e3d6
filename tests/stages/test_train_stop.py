"""`qdot train` that is stopped from outside, and started again: the same files as without."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_study import TOP, new_study

from qdot import params as parameters
from qdot import recipes
from qdot.cli import main
from qdot.provenance import read_json, write_json
from qdot.study import Study
from qdot.training import resume

DATASET = "pendulum-tiny"
ALGORITHMS = ("qdot", "iql", "bc")
FILES = ("manifest.json", "policy.safetensors", "state.safetensors", "curve.csv", "evaluations.csv")


class Job:
    """A folder with a prepared dataset and the recipes of a training job."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.top = top
        top.mkdir()
        monkeypatch.chdir(top)
        new_study(top, "tiny")
        config = {**parameters.load(TOP), "suite": "tiny", "set": {"train.steps": 1500, "train.evaluate_every": 300}}
        study = Study.from_config(config)
        made = [recipes.data_recipe(study, DATASET)]
        made += [recipes.train_recipe(study, DATASET, algorithm) for algorithm in ALGORITHMS]
        self.recipes = [top / f"{index}.json" for index in range(len(made))]
        for path, recipe in zip(self.recipes, made, strict=True):
            write_json(path, recipe)
        self.folders = [study.train_dir(DATASET, algorithm, seed) for algorithm in ALGORITHMS for seed in study.seeds]
        assert main(["data", "--recipe", str(self.recipes[0]), str(study.data_dir(DATASET) / "manifest.json")]) == 0

    def start(self, workers: int) -> subprocess.Popen[bytes]:
        """The job as a process, which saves twice a second."""
        manifests = [folder / "manifest.json" for folder in self.folders]
        command = [
            sys.executable,
            "-m",
            "qdot",
            "train",
            "--seeds",
            "0,1",
            "--workers",
            str(workers),
            "--device",
            "cpu",
        ]
        command += ["--recipe", *map(str, self.recipes[1:]), "--workers", str(workers), *map(str, manifests)]
        environment = os.environ | {"PYTHONPATH": str(TOP / "src"), "QDOT_SAVE_SECONDS": "0.5"}
        return subprocess.Popen(command, cwd=self.top, env=environment, stderr=subprocess.PIPE)

    def stop(self, number: signal.Signals, workers: int) -> int:
        """Start the job, and signal it after it has saved; returns its status."""
        process, saved = self.start(workers), [self.top / folder / resume.NAME for folder in self.folders]
        while not all(path.is_file() for path in saved) and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(number)
        process.communicate()
        assert not list(self.top.glob("results/**/manifest.json"))
        return process.returncode

    def end(self, workers: int) -> None:
        """Run the job to its end."""
        process = self.start(workers)
        _, printed = process.communicate()
        assert process.returncode == 0, printed.decode()
        assert not list(self.top.glob(f"results/**/{resume.NAME}"))

    def contents(self) -> dict[str, bytes]:
        """Every file whose bytes no clock touches."""
        return {
            f"{folder}/{name}": (self.top / folder / name).read_bytes() for folder in self.folders for name in FILES
        }


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_is_stopped_by_any_signal_goes_on_to_the_same_files(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Job(tmp_path / "whole", monkeypatch)
    whole.end(workers=1)
    stopped = Job(tmp_path / "stopped", monkeypatch)
    assert stopped.stop(signal.SIGTERM, workers) == 143
    assert stopped.stop(signal.SIGKILL, workers) == -signal.SIGKILL
    stopped.end(workers)
    contents = stopped.contents()
    assert contents == whole.contents()
    assert all(read_json(stopped.top / folder / "manifest.json")["status"] == "ok" for folder in stopped.folders)
