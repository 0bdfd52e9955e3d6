"""Study `novelty`: does |T(s, a) - a| tell actions of the data from others?

Displacement is about |grad Q| / (2 alpha), no measure of novelty: failures are expected, and shown beside the distance
to the nearest (state, action) of the data.
"""

import numpy as np
from scipy import stats
from scipy.spatial import KDTree

from qdot.algorithms.transport_loss import ACTION_BOUND
from qdot.transport.fitting import Budget
from qdot.transport.linear_quadratic import biased_regulator
from qdot.transport.lqr import ALPHA
from qdot.transport.lqr_methods import Conditional, Data, fit_map
from qdot.transport.problems import Array
from qdot.transport.records import Row

STUDY = "novelty"
SAMPLES = 2000  # that the map was fitted to
SIZE = 500  # of each kind of action
RESAMPLES = 1000  # of the bootstrap
INTERVAL = (0.025, 0.975)
NOISES = (0.1, 0.3, 1.0)
BUDGETS = {
    "tiny": Budget(20),
    "small": Budget(400, learning_rate=3e-3),
    "full": Budget(2000, learning_rate=3e-3),
}
PROBLEMS = {"lqr2": (2, 2), "lqr16": (16, 4)}  # action and state dimension


def rows(scale: str, seed: int) -> list[Row]:
    """AUROC of both detectors on every kind of action, in 2-D and 16-D."""
    return [row for name in PROBLEMS for row in problem_rows(name, BUDGETS[scale], seed)]


def problem_rows(name: str, budget: Budget, seed: int) -> list[Row]:
    """AUROC and its bootstrap interval: fresh actions of the data's law against each kind of other action."""
    problem = biased_regulator(*PROBLEMS[name])
    rng = np.random.default_rng([seed, 12])
    data = problem.sample(rng, SAMPLES)
    transport = fit_map(problem, data, ALPHA, budget, seed, "icnn")
    states, actions = problem.sample(rng, SIZE)
    found = []
    for detector, score in _detectors(data, transport).items():
        inside = score(states, actions)
        for kind, others in _kinds(transport, states, actions, seed).items():
            value, low, high = auroc_interval(inside, score(states, others), np.random.default_rng([seed, 13]))
            identity = (STUDY, f"{name}/{kind}", detector, actions.shape[1], SAMPLES, seed)
            for metric, number in (("auroc", value), ("auroc_low", low), ("auroc_high", high)):
                found.append(Row(*identity, metric, number, referee="distance to the nearest data action"))
    return found


def _kinds(transport: Conditional, states: Array, actions: Array, seed: int) -> dict[str, Array]:
    """Actions that the data do not hold in these states."""
    rng = np.random.default_rng([seed, 14])
    kinds = {
        "uniform": rng.uniform(-ACTION_BOUND, ACTION_BOUND, size=actions.shape),
        "other_state": np.roll(actions, 1, axis=0),
        "mapped": transport(states, actions),
    }
    return kinds | {f"noise_{size:g}": actions + size * rng.normal(size=actions.shape) for size in NOISES}


def _detectors(data: Data, transport: Conditional) -> dict[str, Conditional]:
    """Scores of (states, actions), (n,): the larger, the newer."""
    scale = np.concatenate([data[0].std(axis=0), data[1].std(axis=0)])
    tree = KDTree(np.hstack(data) / scale)

    def nearest(states: Array, actions: Array) -> Array:
        return np.asarray(tree.query(np.hstack([states, actions]) / scale)[0])

    def displacement(states: Array, actions: Array) -> Array:
        return np.asarray(np.linalg.norm(transport(states, actions) - actions, axis=1))

    return {"displacement": displacement, "nearest_data_action": nearest}


def auroc(inside: Array, outside: Array) -> float:
    """P(score outside > score inside), ties one half: Mann and Whitney's statistic."""
    ranks = stats.rankdata(np.concatenate([inside, outside]))
    total = ranks[len(inside) :].sum() - len(outside) * (len(outside) + 1) / 2.0
    return float(total / (len(inside) * len(outside)))


def auroc_interval(inside: Array, outside: Array, rng: np.random.Generator) -> tuple[float, float, float]:
    """AUROC with the bounds of a percentile bootstrap over both samples."""
    draws = [auroc(rng.choice(inside, len(inside)), rng.choice(outside, len(outside))) for _ in range(RESAMPLES)]
    low, high = np.quantile(draws, INTERVAL)
    return auroc(inside, outside), float(low), float(high)
