"""Exact optimal transport between samples, by POT: the referee where no closed form is known."""

import numpy as np
import ot

from qdot.transport.problems import Array

PIVOTS = 5_000_000  # of the network simplex, at most; POT warns when they do not suffice


def w2_squared(first: Array, second: Array) -> float:
    """W2^2 between two samples of equal weights, (n, dim) and (m, dim). Memory: n m doubles, 200 MB at n = m = 5000."""
    return float(ot.emd2([], [], ot.dist(first, second), numItermax=PIVOTS))


def w1(first: Array, second: Array) -> float:
    """W1 between two samples of equal weights."""
    return float(ot.emd2([], [], ot.dist(first, second, metric="euclidean"), numItermax=PIVOTS))


def paired_cost(first: Array, second: Array) -> float:
    """Mean squared distance between rows, (n, dim) twice: an upper bound of W2^2, equal to it for an optimal map."""
    return float(np.square(first - second).sum(axis=-1).mean())
