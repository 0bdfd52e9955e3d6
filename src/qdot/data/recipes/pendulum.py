"""Pendulum: energy swing-up, a PD controller near the top, and noise that differs by episode."""

import gymnasium
import numpy as np

from qdot.data.recipes.episode import Array, Episode, episode_seeds, record

ENVIRONMENT = "Pendulum-v1"
GRAVITY, INERTIA, TOP_ENERGY = 10.0, 1.0 / 3.0, 5.0  # m = l = 1; energy of standing upright
PUMP = 3.0  # torque per unit of speed x missing energy
CATCH_COSINE = 0.9  # above it, the PD controller takes over
PROPORTIONAL, DERIVATIVE = 12.0, 3.0
NOISES = (0.2, 0.5, 1.0, 2.0)  # standard deviation of the torque's noise


def controller(observation: Array) -> Array:
    """Torque (1,) for an observation (cos, sin, speed) of an upright angle 0."""
    cosine, sine, speed = observation
    if cosine > CATCH_COSINE:
        return np.array([-PROPORTIONAL * np.arctan2(sine, cosine) - DERIVATIVE * speed])
    energy = 0.5 * INERTIA * speed**2 + 0.5 * GRAVITY * cosine
    push = PUMP * speed * (TOP_ENERGY - energy)
    return np.array([push if abs(speed) > 1e-3 else 1.0])


def collect(seed: int, steps: int) -> list[Episode]:
    """Episodes until `steps` steps are recorded; the last one is cut off."""
    environment = gymnasium.make(ENVIRONMENT)
    episodes: list[Episode] = []
    while (left := steps - sum(len(episode.rewards) for episode in episodes)) > 0:
        random = episode_seeds(seed, len(episodes))
        noise = NOISES[len(episodes) % len(NOISES)]
        start = int(random.integers(2**31))
        episodes.append(record(environment, lambda o: controller(o) + random.normal(0, noise, 1), start, left))  # noqa: B023
    return episodes
