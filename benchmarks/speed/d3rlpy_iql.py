"""IQL of d3rlpy on our data, with our widths, batch and numbers, plain and in its compiled form."""

from dataclasses import replace

from configs import iql_config
from contestants import Step, drawn, values_of
from exchange import minibatch, tables
from learners import ShippedIQL

from qdot.data.batch import Dataset


def d3rlpy_iql(dataset: Dataset, compiled: bool) -> Step:
    """d3rlpy's IQL as its package runs it; `compiled`: with its own `compile_graph`."""
    values = values_of("iql")
    algo = replace(iql_config(values), compile_graph=compiled).create(device=False)
    algo.create_impl((dataset.observation_dim,), dataset.action_dim)
    learner, data, rows, taken = ShippedIQL(algo), tables(dataset), drawn(dataset, values["train"]["batch_size"]), [0]

    def step() -> None:
        learner.update(minibatch(data, next(rows)), taken[0])
        taken[0] += 1

    return step
