"""Train one cell with d3rlpy: `python theirs.py JOB.json`, in d3rlpy's environment; leaves policy.safetensors of ours.

Data are our prepared arrays, as d3rlpy minibatches; networks, initial weights, losses and optimisers are d3rlpy's.
Minibatches are drawn uniformly with replacement, by numpy from the seed. The variant `aligned` also starts from our
initial weights.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import d3rlpy
import numpy as np
import torch
from exchange import load, minibatch, policy_file, tables
from learners import ALIGNED, Learner, build

from qdot.data.batch import Dataset
from qdot.provenance import write_atomic
from qdot.training.trainer import Trainer

BLOCK = 1000  # steps whose rows are drawn at once


def train(job: Mapping[str, Any]) -> bytes:
    """Train; returns the policy file."""
    values, seed = job["values"], job["seed"]
    dataset = load(job)
    learner = start(job, dataset)
    fit(learner, dataset, values["train"], seed)
    return policy_file(learner.policy, values, dataset, seed, values["train"]["steps"])


def start(job: Mapping[str, Any], dataset: Dataset) -> Learner:
    """The learner before its first step; randomness comes from the job's seed."""
    d3rlpy.seed(job["seed"])
    learner = build(job["algorithm"], job["variant"], job["values"], (dataset.observation_dim, dataset.action_dim))
    if job["variant"] == ALIGNED:
        learner.receive(Trainer(job["algorithm"], job["values"], dataset, [job["seed"]]).model)
    return learner


def fit(learner: Learner, dataset: Dataset, train: Mapping[str, Any], seed: int) -> None:
    """Take all steps."""
    data, generator = tables(dataset), np.random.default_rng([seed, 1])
    for step in range(train["steps"]):
        if step % BLOCK == 0:
            rows = torch.from_numpy(generator.integers(dataset.size, size=(BLOCK, train["batch_size"])))
        learner.update(minibatch(data, rows[step % BLOCK]), step)


if __name__ == "__main__":
    torch.set_num_threads(1)
    todo = json.loads(Path(sys.argv[1]).read_text())
    write_atomic(todo["out"], train(todo))
