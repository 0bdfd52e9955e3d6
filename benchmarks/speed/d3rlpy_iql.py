"""IQL of d3rlpy on our data, with our widths, batch and numbers. Its `compile_graph` does nothing without CUDA."""

from configs import iql_config
from contestants import Step, drawn, values_of
from exchange import minibatch, tables
from learners import ShippedIQL

from qdot.data.batch import Dataset


def d3rlpy_iql(dataset: Dataset) -> Step:
    """d3rlpy's IQL as its package runs it."""
    values = values_of("iql")
    algo = iql_config(values).create(device=False)
    algo.create_impl((dataset.observation_dim,), dataset.action_dim)
    learner, data, rows, taken = ShippedIQL(algo), tables(dataset), drawn(dataset, values["train"]["batch_size"]), [0]

    def step() -> None:
        learner.update(minibatch(data, next(rows)), taken[0])
        taken[0] += 1

    return step
