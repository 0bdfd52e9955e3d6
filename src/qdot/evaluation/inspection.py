"""What a trained policy does to the data: distance of each readout from the behaviour model, and the map by episode.

The distance is of the EXECUTED law: E_s W2^2(beta(. | s), pi(. | s)). It has a closed form for a deterministic readout;
for one that samples it is taken between samples at single states by exact transport (POT), less half of what two
samples of each law are apart from one another, which takes out what sampling alone adds (the debiasing of Genevay et
al. 2018). The behaviour model is meant as fitted, its draws not clipped to the box.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import ot
import torch
from torch import Tensor

from qdot.algorithms import diagnostics
from qdot.data.batch import RETURN_SCALE, Dataset, Prepared
from qdot.training.checkpoint import Policy
from qdot.training.signs import SHARE

STATES = 256  # at which a deterministic readout is measured
SAMPLED_STATES = 8  # at which a readout that samples is
SAMPLES = 256  # of each side, per state
CLUSTERS = 20  # blocks of consecutive episodes: the collecting policy changes slowly, if at all, within one
CHUNK = 4096  # rows of the data that the map moves at once
TRAINING_LAW = "training_law"  # in place of a readout: T # beta_hat, which map_sample alone executes, clipped


class Inspected(NamedTuple):
    """One number about one readout of a trained policy."""

    readout: str
    quantity: str
    value: float


def reward_units(prepared: Prepared, reward: str) -> tuple[float, float]:
    """(scale, shift) from a reward of the environment to one as trained on (`qdot.data.batch.transform_rewards`)."""
    if reward == "subtract_one":
        return 1.0, -1.0
    if reward == "normalise_returns":
        return RETURN_SCALE / (prepared.manifest["return_max"] - prepared.manifest["return_min"]), 0.0
    return 1.0, 0.0


def largest_return(dataset: Dataset, discount: float) -> float:
    """Largest absolute discounted return of an episode of the data, in rewards as trained on."""
    starts = dataset.episode_starts
    steps = np.arange(dataset.size) - np.repeat(starts, np.diff([*starts, dataset.size]))
    return float(np.abs(np.add.reduceat(discount**steps * dataset.rewards.astype(np.float64), starts)).max())


def overestimation(
    rows: Sequence[Mapping[str, Any]], units: tuple[float, float], largest: float
) -> Iterator[Inspected]:
    """Per readout: mean of the critic's value at an episode's start minus the discounted return that followed.

    Where a time limit ends the episode, the critic counts a tail that the return has not: gamma^length of a value.

    Args:
        rows: Episodes, as `Evaluator.collect` gives them; those without a critic's value are left out.
        units: `reward_units` of the training.
        largest: `largest_return` of the data. The share of it is left out where it is 0: there is nothing to compare.
    """
    scale, shift = units
    gaps: dict[str, list[float]] = {}
    for row in rows:
        if row["value"] is not None:
            gap = row["value"] - scale * row["discounted"] - shift * row["mass"]
            gaps.setdefault(row["readout"], []).append(gap)
    for readout, values in gaps.items():
        mean = float(np.mean(values))
        yield Inspected(readout, "value_overestimation", mean)
        if largest > 0:
            yield Inspected(readout, SHARE, mean / largest)


def distances(policy: Policy, dataset: Dataset, readouts: Sequence[str]) -> Iterator[Inspected]:
    """How far each readout is from the policy's own behaviour model; nothing where it has none."""
    model: Any = policy.model
    if not hasattr(model, "behaviour"):
        return
    states, _ = _sample(dataset)
    with torch.no_grad():
        mean, variance = model.behaviour.moments(states)
        for readout in readouts:
            if model.noise_shape(readout):
                few = states[0, :: STATES // SAMPLED_STATES]
                yield Inspected(readout, "w2_squared", float(np.mean([_debiased(model, s, readout) for s in few])))
                continue
            executed = model.act(states, readout)
            squared = diagnostics.distance_to_behaviour(executed, mean, variance)
            yield Inspected(readout, "w2_squared", squared.item())
            standard = diagnostics.standard_distance(executed, mean, variance)
            yield Inspected(readout, "standard_distance", standard.item())
            yield Inspected(readout, "surprise", -model.behaviour.log_likelihood(states, executed).mean().item())


def training_law(policy: Policy, dataset: Dataset) -> Iterator[Inspected]:
    """What the map does to the data's actions and to the behaviour model; nothing without a map."""
    model: Any = policy.model
    if not hasattr(model, "map"):
        return
    states, actions = _sample(dataset)
    noise = torch.randn(1, STATES, 1, model.behaviour.noise_width, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        moved = model.map.gradient(states, actions)
        yield Inspected(TRAINING_LAW, "transport_cost", (moved - actions).square().sum(dim=-1).mean().item())
        drawn = model.behaviour.draws(states, noise)[:, :, 0]
        images, jacobian = diagnostics.jacobians(model.map.gradient, states, drawn)
        density = model.behaviour.log_likelihood
        found = diagnostics.pushed_divergence(density, images, jacobian, states, drawn)
        yield Inspected(TRAINING_LAW, "divergence", found.item())


def _sample(dataset: Dataset) -> tuple[Tensor, Tensor]:
    """States (1, STATES, obs) and actions (1, STATES, act), evenly spaced over the data."""
    places = np.linspace(0, dataset.size - 1, STATES).round().astype(int)
    states, actions = (torch.from_numpy(table[places])[None] for table in (dataset.observations, dataset.actions))
    return states, actions


def _debiased(model: Any, state: Tensor, readout: str) -> float:
    """W2^2 between behaviour model and readout at a state (obs,), less half of that between two samples of each."""
    generator = torch.Generator().manual_seed(0)
    one = state.view(1, 1, -1)
    noise = torch.randn(1, 1, 2 * SAMPLES, model.behaviour.noise_width, generator=generator)
    first, second = model.behaviour.draws(one, noise)[0, 0].split(SAMPLES)
    shape = (1, 2 * SAMPLES, *model.noise_shape(readout))
    executed = model.act(one.expand(-1, 2 * SAMPLES, -1), readout, torch.randn(shape, generator=generator))[0]
    done, again = executed.split(SAMPLES)
    return w2_squared(first, done) - 0.5 * (w2_squared(first, second) + w2_squared(done, again))


def w2_squared(first: Tensor, second: Tensor) -> float:
    """Exact W2^2 between two samples (n, act), each of equal weights, by POT."""
    return float(ot.emd2([], [], ot.dist(first.double().numpy(), second.double().numpy())))


def episode_rows(policy: Policy, prepared: Prepared, dataset: Dataset) -> list[dict[str, Any]]:
    """Per episode of the dataset: return, length, how far the map moves its actions; nothing without a map.

    Returns:
        Rows with `episode`, `cluster` (a block of consecutive episodes), `return` (undiscounted, as recorded) and
        `length`, and means over the episode's rows: `displacement` ||T(s, a) - a||, `imitation_distance`
        ||a - E_beta[a | s]||, `action_sd` sqrt(tr Cov_beta(a | s)).
    """
    model: Any = policy.model
    if not hasattr(model, "map"):
        return []
    parts = [_moved(model, dataset, first) for first in range(0, dataset.size, CHUNK)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    starts = dataset.episode_starts
    lengths = np.diff([*starts, dataset.size])
    returns = np.add.reduceat(prepared.arrays["rewards"].astype(np.float64), starts)
    means = {name: np.add.reduceat(values, starts) / lengths for name, values in columns.items()}
    return [
        {
            "episode": episode,
            "cluster": episode * CLUSTERS // max(len(starts), CLUSTERS),
            "return": float(returns[episode]),
            "length": int(lengths[episode]),
            **{name: float(values[episode]) for name, values in means.items()},
        }
        for episode in range(len(starts))
    ]


@torch.no_grad()
def move_rows(policy: Policy, prepared: Prepared, dataset: Dataset, position: Sequence[int]) -> list[dict[str, Any]]:
    """Where the map moves single actions of the data, at evenly spaced rows; nothing without a map.

    Args:
        policy: The policy.
        prepared: The data as recorded.
        dataset: The same as trained on.
        position: Which two observations are a place in the plane; none where the task has no such.

    Returns:
        Rows with `row` and `displacement` ||T(s, a) - a||; with a position and actions of two dimensions also the place
        `x`, `y` as recorded, the action and where it is moved to, `action_x` to `moved_y`, in rescaled actions.
    """
    model: Any = policy.model
    if not hasattr(model, "map"):
        return []
    places = np.unique(np.linspace(0, dataset.size - 1, STATES).round().astype(int))
    states, actions = (torch.from_numpy(table[places])[None] for table in (dataset.observations, dataset.actions))
    moved = model.map.gradient(states, actions)
    displacement = (moved - actions).norm(dim=-1)[0].double().numpy()
    rows = [{"row": int(place), "displacement": float(far)} for place, far in zip(places, displacement, strict=True)]
    if len(position) == 2 and actions.shape[-1] == 2:
        plane = (prepared.arrays["observations"][places][:, list(position)], actions[0].numpy(), moved[0].numpy())
        for row, values in zip(rows, np.hstack(plane).astype(np.float64), strict=True):
            row |= dict(zip(("x", "y", "action_x", "action_y", "moved_x", "moved_y"), map(float, values), strict=True))
    return rows


@torch.no_grad()
def _moved(model: Any, dataset: Dataset, first: int) -> dict[str, np.ndarray]:
    """Distances of a chunk of rows, each (rows,), float64."""
    rows = slice(first, first + CHUNK)
    states, actions = (torch.from_numpy(table[rows])[None] for table in (dataset.observations, dataset.actions))
    mean, variance = model.behaviour.moments(states)
    found = {
        "displacement": (model.map.gradient(states, actions) - actions).norm(dim=-1),
        "imitation_distance": (actions - mean).norm(dim=-1),
        "action_sd": variance.sum(dim=-1).sqrt(),
    }
    return {name: values[0].double().numpy() for name, values in found.items()}
