"""A batched model of one algorithm, all its seeds, and the record of what every step measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from qdot.algorithms import registry
from qdot.algorithms.base import Array, Batch
from qdot.algorithms.networks import LANES
from qdot.data.batch import Dataset
from qdot.errors import CellFailure, ParamsError
from qdot.training import checkpoint
from qdot.training.curves import Curve
from qdot.training.probe import Probe
from qdot.training.signs import Sign, find_signs
from qdot.training.streams import Minibatches, init_generators

Evaluate = Callable[[dict[int, bytes], int], None]


@dataclass(frozen=True)
class Outcome:
    """How one seed's training ended.

    Attributes:
        seed: The seed.
        status: `ok` or `failed`.
        seconds: What the steps of all seeds took, those of a shared critic included.
        reason: What it failed of, or None.
        signs: Failure signs in its curve.
        compiled: Whether its steps were, where they could be.
    """

    seed: int
    status: str
    seconds: float
    reason: Exception | None = None
    signs: Sequence[Sign] = ()
    compiled: bool = False


@dataclass(frozen=True)
class Good:
    """The weights of a seed at the last row of its curve at which they, and all terms before, were finite.

    Attributes:
        step: Steps done.
        tensors: By name, (members of the seed, ...).
    """

    step: int
    tensors: Mapping[str, Tensor]


class Source:
    """Transitions on the device, and the minibatches of each step; trainers of one source see the same ones.

    Attributes:
        dataset: Whose rows they all are; None where some are left out.
    """

    def __init__(
        self, dataset: Dataset, rows: Array | None, seeds: Sequence[int], batch_size: int, device: str = "cpu"
    ) -> None:
        """Put the dataset, or those rows of it, on the device.

        Raises:
            ParamsError: a batch size that would let a seed's bits depend on its batch mates.
        """
        if batch_size % LANES or batch_size <= 0:
            raise ParamsError(f"train.batch_size: found {batch_size}, expected a positive multiple of {LANES}")
        arrays = [getattr(dataset, field) for field in Batch._fields]
        arrays = arrays if rows is None else [array[rows] for array in arrays]
        self.dataset = dataset if rows is None else None
        self.tables = [torch.from_numpy(array).to(device) for array in arrays]
        self.minibatches = Minibatches(seeds, len(arrays[0]), batch_size, device)
        count, drawn_from = len(seeds) * batch_size, self.tables
        if device.startswith("cuda"):
            drawn_from = [_side_by_side(self.tables)]
            self.tables = _apart(drawn_from[0], self.tables)
        self._drawn = [(table, table.new_empty(count, *table.shape[1:])) for table in drawn_from]
        parts = [drawn for _, drawn in self._drawn]
        parts = _apart(parts[0], self.tables) if len(parts) == 1 else parts
        self._batch = Batch(*(part.unflatten(0, (len(seeds), -1)) for part in parts))
        self._step: int | None = None

    def batch(self, step: int) -> Batch:
        """The transitions of a step, for every seed its own; they lie where those of the step before did."""
        if self._step != step:
            rows = self.minibatches.rows(step)
            for table, drawn in self._drawn:
                torch.index_select(table, 0, rows, out=drawn)
            self._step = step
        return self._batch


def _side_by_side(tables: Sequence[Tensor]) -> Tensor:
    """One table (rows, width) of several, from which one kernel draws; each starts at a multiple of 16 bytes."""
    parts = [table.reshape(len(table), -1) for table in tables]
    return torch.cat([functional.pad(part, (0, -part.shape[1] % 4)) for part in parts], dim=1)


def _apart(joined: Tensor, tables: Sequence[Tensor]) -> list[Tensor]:
    """The parts of such a table, or of rows of it, with the widths of `tables`."""
    found, start = [], 0
    for table in tables:
        width = table.shape[1] if table.dim() > 1 else 1
        part = joined[:, start : start + width]
        found.append(part if table.dim() > 1 else part[:, 0])
        start += width + -width % 4
    return found


class Trainer:
    """A batched model, its data, and the record of what every step measured.

    Attributes:
        model: The algorithm, all seeds.
        source: Its minibatches.
        seeds: Its seeds, in order.
        step: Steps done.
        steps: Steps to do.
        failures: By seed.
        good: By seed; none before the first row of the curves.
        curves: By seed.
        terms: Names of what a step measures.
        record: Terms (terms, seeds) of each step since the last row of the curves.
    """

    def __init__(
        self,
        algorithm: str,
        values: Mapping[str, Any],
        dataset: Dataset,
        seeds: Sequence[int],
        device: str = "cpu",
        source: Source | None = None,
    ) -> None:
        """Build model and optimisers.

        Args:
            algorithm: Name, as in params.yaml.
            values: Resolved cell: sections `train` and `algorithm_values`.
            dataset: Transitions.
            seeds: Seeds.
            device: Of torch.
            source: The same transitions, seeds and batch size on the device, for an algorithm that trains on all rows;
                None to put them there.

        Raises:
            ParamsError: a value is missing, unknown or not allowed.
        """
        train, kind = values["train"], registry.get(algorithm)
        config = kind.Config.from_values(train, values["algorithm_values"])
        rows = kind.rows(config, dataset.recorded_rewards, dataset.episode_starts)
        if source is None or rows is not None:
            source = Source(dataset, rows, seeds, train["batch_size"], device)
        self.source = source
        self.model = kind(config, dataset.observation_dim, dataset.action_dim, init_generators(seeds)).to(device)
        self.model.prepare()
        self.seeds, self.step, self.steps = list(seeds), 0, config.steps
        self.failures: dict[int, CellFailure] = {}
        self.good: dict[int, Good] = {}
        self.curves = {seed: Curve() for seed in seeds}
        names = ("observation_mean", "observation_scale", "action_low", "action_high")
        self._units = {name: getattr(dataset, name).tolist() for name in names}
        self._probe = Probe(dataset, train["discount"], device)
        self.terms: tuple[str, ...] = ()
        self.record: list[Tensor] = []

    @property
    def alive(self) -> list[int]:
        """Seeds that have not failed."""
        return [seed for seed in self.seeds if seed not in self.failures]

    def advance(self) -> None:
        """One update of every seed."""
        self.note(self.model.update(self.source.batch(self.step), self.step))

    def note(self, info: Mapping[str, Tensor]) -> None:
        """End a step that was taken: keep its terms (seeds,)."""
        self.terms = tuple(info)
        self.record.append(torch.stack(list(info.values())))
        self.step += 1

    def inspect(self, log: bool) -> None:
        """Look at the steps since the last row for terms that are not finite; with `log`, add a row to the curves.

        Diagnostics of that row are no reason to stop a seed, whatever they are.
        """
        if not self.record:
            return
        measured = {name: values.tolist() for name, values in self._probe.measure(self.model).items()} if log else {}
        record = torch.stack(self.record).cpu()  # (steps, terms, seeds)
        first = self.step - len(record) + 1
        for index, seed in enumerate(self.seeds):
            if seed in self.failures:
                continue
            bad = (~record[..., index].isfinite()).nonzero()
            if len(bad):
                offset, term = bad[0].tolist()
                self._fail(seed, first + offset, self.terms[term])
            elif log:
                own = {name: values[index] for name, values in measured.items()}
                self.curves[seed].add(self.step, self.terms, record[..., index].T.numpy(), own)
                tensors = {name: tensor.clone() for name, tensor in self.model.tensors_of(index)}
                if all(tensor.isfinite().all() for tensor in tensors.values()):
                    self.good[seed] = Good(self.step, tensors)
        if log:
            self.record.clear()

    def policies(self) -> dict[int, bytes]:
        """policy.safetensors of every seed that has not failed; one whose weights are not finite fails here."""
        contents = {}
        for index, seed in enumerate(self.seeds):
            if seed in self.failures:
                continue
            tensors = dict(self.model.tensors_of(index))
            bad = next((name for name, tensor in tensors.items() if not tensor.isfinite().all()), None)
            if bad is not None:
                self._fail(seed, self.step, f"weights {bad}")
                continue
            contents[seed] = self._packed(seed, self.step, tensors)
        return contents

    def last_good(self, seed: int) -> bytes | None:
        """A policy file of the last good weights of a seed that failed; None where it has none."""
        good = self.good.get(seed)
        return self._packed(seed, good.step, good.tensors) if good else None

    def _packed(self, seed: int, step: int, tensors: Mapping[str, Tensor]) -> bytes:
        return checkpoint.pack_tensors(tensors, checkpoint.describe(self.model, seed, step, self._units))

    def outcome(self, seed: int, seconds: float, compiled: bool = False) -> Outcome:
        """How a seed's training ended; `seconds` is what the steps of all seeds took."""
        curve, failure = self.curves[seed], self.failures.get(seed)
        signs = find_signs(curve.columns, [values for _, values in curve.rows])
        return Outcome(seed, "failed" if failure else "ok", seconds, failure, signs, compiled)

    def state(self, seed: int) -> bytes:
        """state.safetensors of a seed."""
        return checkpoint.training_state(self.model, self.seeds.index(seed), self.step)

    def _fail(self, seed: int, step: int, term: str) -> None:
        self.failures[seed] = CellFailure("train", f"{term} is not finite", step=step, term=term)
