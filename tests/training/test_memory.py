"""Two million steps are trained on, by all of the paper's algorithms at once, in the memory of a laptop."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qdot.data.arrays import Column, write_columns
from qdot.provenance import write_json

TOP = Path(__file__).parents[2]
ROWS, EPISODES, OBSERVED, ACTED = 2_000_000, 2000, 17, 6  # halfcheetah-medium-expert's sizes
LIMIT = 6 * 2**30  # bytes of main memory
CHILD = """
import json, resource, sys
from functools import partial
from pathlib import Path
from qdot import params
from qdot.evaluation.inspection import distances, episode_rows
from qdot.stages.train import Datasets
from qdot.data.batch import load_prepared
from qdot.training.checkpoint import Policy
from qdot.training.family import Member
from qdot.training.loop import train_family
from qdot.training.memory import keep_freed_memory

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
what, top, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
loaded, name = params.load(top), "halfcheetah-medium-expert-v2"
suite = loaded["suites"]["paper"]
values = {algorithm: params.resolve(loaded, "paper", name, algorithm).values for algorithm in suite["algorithms"]}
if what == "train":
    keep_freed_memory()
    datasets, members = Datasets(folder), []
    for algorithm, own in values.items():
        assert (own["train"]["hidden"], own["train"]["batch_size"]) == ([256, 256], 256)
        own["train"] |= {"steps": 20, "log_every": 10}
        directories = {seed: folder / algorithm / str(seed) for seed in suite["seeds"]}
        members.append(Member(own["method"], own, datasets.get(own["train"]), directories))
    outcomes = train_family(members, suite["seeds"])
    print(json.dumps([peak(), [outcome.status for own in outcomes for outcome in own]]))
else:
    prepared, policy = load_prepared(folder), Policy.load(folder / "qdot" / "0" / "policy.safetensors")
    dataset = Datasets(folder).get(values["qdot"]["train"])
    list(distances(policy, dataset, values["qdot"]["readouts"]))
    print(json.dumps([peak(), [len(episode_rows(policy, prepared, dataset))]]))
"""


def write(folder: Path) -> None:
    """A prepared dataset of noise."""
    generator = np.random.default_rng(0)
    columns = {
        "observations": Column(generator.standard_normal((ROWS, OBSERVED), np.float32)),
        "actions": Column(generator.random((ROWS, ACTED), np.float32) * 1.8 - 0.9),
        "rewards": Column(generator.standard_normal(ROWS, np.float32)),
        "next_observations": Column(generator.standard_normal((ROWS, OBSERVED), np.float32)),
        "terminals": Column(np.zeros(ROWS, np.float32)),
        "episode_starts": Column(np.arange(0, ROWS, ROWS // EPISODES), dtype=np.int64),
    }
    folder.mkdir()
    write_columns(folder / "arrays.safetensors", columns)
    bounds = {"action_low": [-1.0] * ACTED, "action_high": [1.0] * ACTED}
    write_json(folder / "manifest.json", {"status": "ok", "return_min": -100.0, "return_max": 100.0, **bounds})


def run(what: str, folder: Path) -> tuple[int, list]:
    """Peak of resident memory of a process, bytes, and what it printed beside."""
    command = [sys.executable, "-c", CHILD, what, str(TOP), str(folder)]
    variables = {"PYTHONPATH": str(TOP / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert done.returncode == 0, done.stderr
    peak, found = json.loads(done.stdout)
    return peak, found


@pytest.mark.slow
def test_two_million_steps_are_trained_on_and_inspected_within_the_limit(tmp_path: Path) -> None:
    write(tmp_path / "prepared")
    size = ROWS * 4 * (2 * OBSERVED + ACTED + 2)
    peak, statuses = run("train", tmp_path / "prepared")
    assert statuses == ["ok"] * 40
    assert size < peak < LIMIT
    inspected, (episodes,) = run("inspect", tmp_path / "prepared")
    assert episodes == EPISODES
    assert size < inspected < LIMIT
