"""Policies and training states as safetensors files with their description inside; nothing is unpickled."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from qdot import strict_json
from qdot.algorithms import registry
from qdot.algorithms.base import Algorithm
from qdot.errors import ParamsError, QdotError, ResultsError
from qdot.provenance import write_atomic
from qdot.training import trusted
from qdot.training.streams import init_generators

SCHEMA = 2
KEY = "qdot"  # one metadata key: safetensors writes several in no fixed order


@dataclass(frozen=True)
class Policy:
    """A trained policy of one seed, with critic and whatever else its readouts need.

    Attributes:
        model: The algorithm, with one seed.
        description: schema, algorithm, config, observation_dim, action_dim, observation_mean, observation_scale,
            action_low, action_high, seed, step.
    """

    model: Algorithm
    description: Mapping[str, Any]

    @property
    def algorithm(self) -> str:
        """Name of the algorithm."""
        return str(self.description["algorithm"])

    @property
    def readouts(self) -> tuple[str, ...]:
        """Ways to act; the first is the default."""
        return self.model.readouts

    @torch.no_grad()
    def act(
        self,
        observations: npt.NDArray[Any],
        readout: str | None = None,
        generators: Sequence[np.random.Generator] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Choose actions.

        Args:
            observations: (n, obs), in the environment's units.
            readout: One of `readouts`; the first where None.
            generators: One per row, for a readout that samples; each row draws from its own.

        Returns:
            (n, act) float32, in the environment's units.

        Raises:
            ParamsError: no such readout.
            ValueError: the observations have another width, or a sampling readout got no generators.
        """
        readout = readout or self.readouts[0]
        if readout not in self.readouts:
            raise ParamsError(f"readout {readout!r}: {self.algorithm} has: {', '.join(self.readouts)}")
        if observations.ndim != 2 or observations.shape[1] != self.model.observation_dim:
            raise ValueError(
                f"observations: found shape {observations.shape}, expected (n, {self.model.observation_dim})"
            )
        actions = self.model.act(
            self._inputs(observations), readout, self._noise(readout, len(observations), generators)
        )
        low, high = (np.asarray(self.description[f"action_{end}"], np.float32) for end in ("low", "high"))
        half = (high - low) / np.float32(2)
        return np.asarray(low + (actions.squeeze(0).numpy() + 1) * half, np.float32)

    @torch.no_grad()
    def value(self, observations: npt.NDArray[Any], actions: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
        """The critic's value of each pair, (n,), of observations (n, obs) and actions (n, act) in environment units.

        Returns:
            In the units of the training rewards; None for an algorithm without a critic.
        """
        low, high = (np.asarray(self.description[f"action_{end}"], np.float32) for end in ("low", "high"))
        scaled = torch.from_numpy((np.asarray(actions, np.float32) - low) / (high - low) * 2 - 1).unsqueeze(0)
        values = self.model.value(self._inputs(observations), scaled)
        return None if values is None else values.squeeze(0).numpy()

    def _inputs(self, observations: npt.NDArray[Any]) -> Tensor:
        """Observations (n, obs) as the networks take them, (1, n, obs)."""
        mean, scale = (np.asarray(self.description[f"observation_{end}"], np.float32) for end in ("mean", "scale"))
        return torch.from_numpy((np.asarray(observations, np.float32) - mean) / scale).unsqueeze(0)

    def _noise(self, readout: str, rows: int, generators: Sequence[np.random.Generator] | None) -> Tensor | None:
        """Standard normal noise (1, rows, ...) for a readout that samples."""
        shape = self.model.noise_shape(readout)
        if not shape:
            return None
        if generators is None or len(generators) != rows:
            found = "none" if generators is None else str(len(generators))
            raise ValueError(f"readout {readout!r} samples: found {found} generators, expected one per row ({rows})")
        draws = [generator.standard_normal(shape, dtype=np.float32) for generator in generators]
        return torch.from_numpy(np.stack(draws)).unsqueeze(0)

    def to_bytes(self) -> bytes:
        """The content of policy.safetensors."""
        return pack_tensors(dict(self.model.tensors_of(0)), self.description)

    @classmethod
    def from_bytes(cls, content: bytes, origin: str = "policy") -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            ResultsError: the content is damaged, or no policy of this version.
            ParamsError: no such algorithm is installed.
        """
        tensors, description = unpack_tensors(content, origin)
        fault = trusted.description_fault(description)
        if fault is None:
            model = _build(description, tensors, origin)
            fault = trusted.tensor_fault(model.state_dict().items(), tensors, finite=True)
        if fault is not None:
            raise _alien(origin, fault)
        model.load_state_dict(tensors)
        return cls(model.eval(), description)

    def save(self, path: str | Path) -> None:
        """Write policy.safetensors atomically."""
        write_atomic(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read policy.safetensors; raises as `from_bytes`, naming the file."""
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise ResultsError(f"{path}: cannot be read ({error.strerror}); train this cell first") from error
        return cls.from_bytes(content, str(path))


def _build(description: Mapping[str, Any], tensors: Mapping[str, Tensor], origin: str) -> Algorithm:
    """The model that a file describes, its weights still as they are drawn.

    Raises:
        ResultsError: there is no such model, or it has more weights than the file.
        ParamsError: no such algorithm is installed.
    """
    kind = registry.get(description["algorithm"])
    try:
        with trusted.Bounded(sum(tensor.numel() for tensor in tensors.values())):
            config = kind.Config(**description["config"])
            sizes = description["observation_dim"], description["action_dim"]
            return kind(config, *sizes, init_generators([description["seed"]]))
    except QdotError as error:
        raise _alien(origin, str(error)) from error
    except Exception as error:  # values of a wrong kind fail wherever they are first used
        raise _alien(origin, f"{type(error).__name__}: {error}") from error


def _alien(origin: str, fault: str) -> ResultsError:
    return ResultsError(
        f"{origin}: is no policy that this version can read ({fault}); train it again or use the version that made it"
    )


def describe(model: Algorithm, seed: int, step: int, units: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """The description that goes into a policy file.

    Args:
        model: The algorithm.
        seed: The seed.
        step: Steps done.
        units: observation_mean, observation_scale, action_low, action_high: from the environment's units and back.
    """
    return {
        "schema": SCHEMA,
        "algorithm": model.name,
        "config": asdict(model.config),
        "observation_dim": model.observation_dim,
        "action_dim": model.action_dim,
        **{name: [float(value) for value in values] for name, values in units.items()},
        "seed": seed,
        "step": step,
    }


def pack_tensors(tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> bytes:
    """Tensors and a JSON description as safetensors; equal content gives equal bytes."""
    return join(tensors, json.dumps(description, sort_keys=True, allow_nan=False))


def join(tensors: Mapping[str, Tensor], text: str) -> bytes:
    """Tensors and a text as safetensors."""
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    return safetensors.torch.save(plain, {KEY: text})


def split(content: bytes) -> tuple[dict[str, Tensor], str]:
    """What `join` joined.

    Raises:
        safetensors.SafetensorError: the content is truncated or no safetensors.
        KeyError, ValueError: it has no such text.
    """
    tensors = safetensors.torch.load(content)
    header = strict_json.parse(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return tensors, header["__metadata__"][KEY]


def unpack_tensors(content: bytes, origin: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `pack_tensors` wrote.

    Raises:
        ResultsError: the content is truncated, is no safetensors, or has no description of ours.
    """
    try:
        tensors, text = split(content)
        description = strict_json.parse(text)
    except safetensors.SafetensorError as error:
        raise ResultsError(f"{origin}: is damaged or no safetensors file ({error}); train this cell again") from error
    except (KeyError, ValueError) as error:
        raise ResultsError(f"{origin}: has no description by qdot, expected a file that `qdot train` wrote") from error
    found = description.get("schema") if isinstance(description, dict) else None
    if found != SCHEMA:
        raise ResultsError(f"{origin}: schema {found!r}, expected {SCHEMA}; train this cell again")
    return tensors, description


def moments_of(model: Algorithm, index: int) -> dict[str, Tensor]:
    """`<optimiser>.<name>` of every moment and count of the seed at `index`, (members of one seed, ...)."""
    return {
        f"{name}.{key}": value if value.ndim == 0 else value.unflatten(0, (model.seeds, -1))[index]
        for name, optimiser in model.optimisers.items()
        for key, value in optimiser.state().items()
    }


def training_state(model: Algorithm, index: int, step: int) -> bytes:
    """state.safetensors of the seed at `index`: moments of every optimiser, and the step that comes next."""
    return pack_tensors(moments_of(model, index), {"schema": SCHEMA, "step": step})
