"""What every algorithm is: a module that holds all seeds, one `update` for all of them, and readouts that act."""

import math
import numbers
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from types import UnionType
from typing import Any, ClassVar, NamedTuple, Self, Union, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from qdot.algorithms.networks import LANES, Step
from qdot.algorithms.optimiser import Learner
from qdot.errors import ParamsError

Array = npt.NDArray[np.generic]
Generators = Callable[[str], list[torch.Generator]]
NUMBERS: dict[Any, Any] = {int: numbers.Integral, float: numbers.Real}
TUPLES = (tuple[int, ...], tuple[float, ...], tuple[bool, ...], tuple[str, ...])


class Batch(NamedTuple):
    """Transitions of one step, for every seed its own.

    Attributes:
        observations: (seeds, batch, obs).
        actions: (seeds, batch, act), in [-1, 1].
        rewards: (seeds, batch).
        next_observations: (seeds, batch, obs).
        terminals: (seeds, batch), 1 where the episode truly ended: no bootstrap.
        held_out: (seeds, batch), 1 where the row's episode is kept from the behaviour model, whose likelihood is
            measured there.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    next_observations: Tensor
    terminals: Tensor
    held_out: Tensor


@dataclass(frozen=True, kw_only=True)
class Config:
    """Values that every algorithm reads from the train section; a subclass adds its own.

    Attributes:
        steps: Length of training, for the schedule.
        hidden: Widths of the hidden layers.
        learning_rate: Of Adam.
        actor_schedule: `cosine` (to 0 at the last step) or `constant`; of every network that acts.
    """

    steps: int
    hidden: tuple[int, ...]
    learning_rate: float
    actor_schedule: str

    @classmethod
    def from_values(cls, train: Mapping[str, Any], algorithm: Mapping[str, Any]) -> Self:
        """Take this algorithm's values from the two sections of a resolved cell.

        Raises:
            ParamsError: a value is missing, unknown or not allowed.
        """
        known = [field.name for field in fields(cls)]
        own = [name for name in known if name not in train]
        for key in algorithm:
            if key not in known:
                raise ParamsError(
                    f"algorithm values: unknown key {key!r}; expected some of: {', '.join(own) or 'none'}"
                )
        values = {name: {**train, **algorithm}[name] for name in known if name in train or name in algorithm}
        if missing := [name for name in known if name not in values]:
            raise ParamsError(f"algorithm values: missing {', '.join(missing)}; give them in params.yaml")
        return cls(**values)

    def __post_init__(self) -> None:
        """Turn lists into tuples and check the values."""
        kinds = _kinds(type(self))
        for field in fields(self):
            value, kind = getattr(self, field.name), kinds.get(field.name)
            if isinstance(value, list):
                value = tuple(value)
                object.__setattr__(self, field.name, value)
            if value is not field.default and not _is_of(value, kind):
                expected = kind.__name__ if isinstance(kind, type) else kind
                raise ParamsError(f"{field.name}: found {value!r}, expected {expected}")
        self._check("actor_schedule", "cosine", "constant")
        self._check_widths("hidden")

    def _check(self, key: str, *allowed: str) -> None:
        """Refuse a word that is not one of `allowed`."""
        if getattr(self, key) not in allowed:
            raise ParamsError(f"{key}: found {getattr(self, key)!r}, expected one of: {', '.join(allowed)}")

    def _check_widths(self, key: str) -> None:
        """Refuse layer widths that would let a seed's bits depend on its batch mates."""
        widths = getattr(self, key)
        if not widths or any(width % LANES or width <= 0 for width in widths):
            raise ParamsError(f"{key}: found {list(widths)}, expected positive multiples of {LANES}, e.g. [256, 256]")


def _kinds(config: type[Config]) -> dict[str, Any]:
    """The annotations of a configuration; none where one of them names what only a type checker sees."""
    try:
        return get_type_hints(config)
    except NameError:
        return {}


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is of an annotated kind: number, word, switch, None, any of these, or a tuple of one of them.

    A whole number is a float too, a switch is no number; what is annotated otherwise passes.
    """
    if get_origin(kind) in (Union, UnionType):
        return any(_is_of(value, member) for member in get_args(kind))
    if kind in TUPLES:
        return isinstance(value, tuple) and all(_is_of(member, get_args(kind)[0]) for member in value)
    if kind in NUMBERS:
        return isinstance(value, NUMBERS[kind]) and not isinstance(value, bool)
    return isinstance(value, kind) if kind in (bool, str, type(None)) else True


Values = Config  # `Algorithm.Config` hides the name


class Algorithm(Learner, ABC):
    """An offline RL algorithm that trains all its seeds at once.

    Attributes:
        name: As in params.yaml.
        readouts: Ways to act; the first is the default.
        Config: The dataclass of its values.
        config: The values.
        seeds: Number of seeds.
        observation_dim: Width of an observation.
        action_dim: Width of an action.
    """

    name: ClassVar[str]
    readouts: ClassVar[tuple[str, ...]] = ("policy",)
    Config: ClassVar[type[Values]]
    config: Values

    def __init__(self, config: Values, observation_dim: int, action_dim: int, generators: Generators) -> None:
        """Remember the sizes; a subclass then builds its networks.

        Args:
            config: Values.
            observation_dim: Width of an observation.
            action_dim: Width of an action.
            generators: From a network's name to one generator per seed, for its initial weights.
        """
        super().__init__()
        self.config = config
        self.observation_dim, self.action_dim = observation_dim, action_dim
        self.seeds = len(generators("seeds"))

    @classmethod
    def rows(cls, config: Values, rewards: Array, episode_starts: Array) -> Array | None:
        """Rows of the dataset to train on; None for all.

        Args:
            config: Values.
            rewards: (n,), as recorded, before any transform.
            episode_starts: (episodes,), the first row of each episode.
        """
        return None

    @abstractmethod
    def prepare(self) -> None:
        """Make the optimisers and pack slow copies; call it once before `update`, on the device where training runs."""

    @abstractmethod
    def update(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        """One step of training; `step` counts from 0. Returns terms (seeds,) by name, detached."""

    @abstractmethod
    def act(self, observations: Tensor, readout: str, noise: Tensor | None = None) -> Tensor:
        """Actions (seeds, n, act) in [-1, 1] for observations (seeds, n, obs).

        Args:
            observations: (seeds, n, obs).
            readout: One of `readouts`.
            noise: Standard normal (seeds, n, *noise_shape(readout)); None where that shape is empty.
        """

    def value(self, observations: Tensor, actions: Tensor) -> Tensor | None:
        """The critic's value (seeds, n) of (seeds, n, obs) and (seeds, n, act); None for an algorithm without one."""
        critic = getattr(self, "critic", None)
        return None if critic is None else critic.min_q(observations, actions)

    def noise_shape(self, readout: str) -> tuple[int, ...]:
        """Shape of the noise that `act` needs per row; () where the readout is deterministic."""
        return ()

    def actor_rate(self, step: Step) -> float | Tensor:
        """Factor of the actors' learning rate at a step."""
        return cosine(step, self.config.steps) if self.config.actor_schedule == "cosine" else 1.0

    def tensors_of(self, seed: int) -> Iterator[tuple[str, Tensor]]:
        """Name and tensor (members of one seed, ...) of every weight and buffer of the seed at index `seed`."""
        for name, tensor in self.state_dict().items():
            yield name, tensor.unflatten(0, (self.seeds, -1))[seed]


def cosine(step: Step, steps: int) -> float | Tensor:
    """Cosine decay from 1 at step 0 to 0 at `steps`."""
    if isinstance(step, Tensor):
        return 0.5 * (1 + (math.pi * (step / steps).clamp(max=1.0)).cos())
    return 0.5 * (1 + math.cos(math.pi * min(step / steps, 1.0)))
