"""The training loop: all seeds of one (dataset, algorithm) in one batched model."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from qdot.algorithms import registry
from qdot.algorithms.base import Batch
from qdot.algorithms.networks import LANES
from qdot.data.batch import Dataset
from qdot.errors import CellFailure, ParamsError
from qdot.provenance import write_atomic
from qdot.training import checkpoint
from qdot.training.curves import Curve
from qdot.training.probe import Probe
from qdot.training.signs import Sign, find_signs
from qdot.training.streams import Minibatches, init_generators

Evaluate = Callable[[dict[int, bytes], int], None]
Progress = Callable[[int, int, float], None]
PROGRESS_SECONDS = 10.0


@dataclass(frozen=True)
class Outcome:
    """How one seed's training ended.

    Attributes:
        seed: The seed.
        status: `ok` or `failed`.
        reason: The failure, or None.
        signs: Failure signs in its curve.
    """

    seed: int
    status: str
    reason: CellFailure | None = None
    signs: Sequence[Sign] = ()


class Trainer:
    """A batched model, its data on the device, and the record of what every step measured.

    Attributes:
        model: The algorithm, all seeds.
        seeds: Its seeds, in order.
        step: Steps done.
        failures: By seed.
        curves: By seed.
    """

    def __init__(
        self, algorithm: str, values: Mapping[str, Any], dataset: Dataset, seeds: Sequence[int], device: str = "cpu"
    ) -> None:
        """Build model and optimisers, and put the dataset on the device.

        Raises:
            ParamsError: a value is missing, unknown or not allowed.
        """
        train, kind = values["train"], registry.get(algorithm)
        if train["batch_size"] % LANES or train["batch_size"] <= 0:
            raise ParamsError(f"train.batch_size: found {train['batch_size']}, expected a positive multiple of {LANES}")
        config = kind.Config.from_values(train, values["algorithm_values"])
        sizes = dataset.observation_dim, dataset.action_dim
        self.model = kind(config, *sizes, init_generators(seeds)).to(device)
        self.model.prepare()
        self.seeds, self.step, self.steps = list(seeds), 0, config.steps
        self.failures: dict[int, CellFailure] = {}
        self.curves = {seed: Curve() for seed in seeds}
        names = ("observation_mean", "observation_scale", "action_low", "action_high")
        self._units = {name: getattr(dataset, name).tolist() for name in names}
        arrays = [getattr(dataset, field) for field in Batch._fields]
        rows = kind.rows(config, dataset.rewards, dataset.episode_starts)
        arrays = arrays if rows is None else [array[rows] for array in arrays]
        self._data = [torch.from_numpy(array).to(device) for array in arrays]
        self._minibatches = Minibatches(seeds, len(arrays[0]), train["batch_size"], device)
        self._probe = Probe(dataset, train["discount"], device)
        self._columns: tuple[str, ...] = ()
        self._record: list[Tensor] = []  # (terms, seeds) of each step since the last row of the curves

    @property
    def alive(self) -> list[int]:
        """Seeds that have not failed."""
        return [seed for seed in self.seeds if seed not in self.failures]

    def advance(self) -> None:
        """One update of every seed."""
        rows = self._minibatches.rows(self.step)
        batch = Batch(*(table.index_select(0, rows).unflatten(0, (len(self.seeds), -1)) for table in self._data))
        info = self.model.update(batch, self.step)
        self._columns = tuple(info)
        self._record.append(torch.stack(list(info.values())))
        self.step += 1

    def inspect(self, log: bool) -> None:
        """Look at the steps since the last row for terms that are not finite; with `log`, add a row to the curves.

        Diagnostics of that row are no reason to stop a seed, whatever they are.
        """
        if not self._record:
            return
        measured = {name: values.tolist() for name, values in self._probe.measure(self.model).items()} if log else {}
        record = torch.stack(self._record).cpu()  # (steps, terms, seeds)
        first = self.step - len(record) + 1
        for index, seed in enumerate(self.seeds):
            if seed in self.failures:
                continue
            bad = (~record[..., index].isfinite()).nonzero()
            if len(bad):
                offset, term = bad[0].tolist()
                self._fail(seed, first + offset, self._columns[term])
            elif log:
                own = {name: values[index] for name, values in measured.items()}
                self.curves[seed].add(self.step, self._columns, record[..., index].T.numpy(), own)
        if log:
            self._record.clear()

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
            contents[seed] = checkpoint.pack_tensors(
                tensors, checkpoint.describe(self.model, seed, self.step, self._units)
            )
        return contents

    def outcome(self, seed: int) -> Outcome:
        """How a seed's training ended."""
        curve = self.curves[seed]
        signs = find_signs(curve.columns, [values for _, values in curve.rows])
        return Outcome(seed, "failed" if seed in self.failures else "ok", self.failures.get(seed), signs)

    def state(self, seed: int) -> bytes:
        """state.safetensors of a seed."""
        return checkpoint.training_state(self.model, self.seeds.index(seed), self.step)

    def restore(self, policies: Sequence[bytes], states: Sequence[bytes]) -> None:
        """Go on from the files of all seeds, in order."""
        self.step = checkpoint.restore(self.model, policies, states)

    def _fail(self, seed: int, step: int, term: str) -> None:
        self.failures[seed] = CellFailure("train", f"{term} is not finite", step=step, term=term)


def train(
    algorithm: str,
    values: Mapping[str, Any],
    dataset: Dataset,
    seeds: Sequence[int],
    device: str = "cpu",
    directories: Mapping[int, Path] | None = None,
    evaluate: Evaluate | None = None,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Train all seeds at once and write policy.safetensors, state.safetensors and curve.csv of each.

    Args:
        algorithm: Name, as in params.yaml.
        values: Resolved cell: sections `train` and `algorithm_values`.
        dataset: Transitions.
        seeds: Seeds.
        device: Of torch.
        directories: Where each seed's files go; nothing is written where None.
        evaluate: Gets the policies (bytes by seed, failed seeds left out) and the step, every `train.evaluate_every`
            steps and at the end.
        progress: Gets (step, steps, seconds since the start), about every 10 s and at the end.

    Returns:
        One outcome per seed, in order. A seed whose loss or weights are not finite fails alone, with curve.csv only.
    """
    settings = values["train"]
    with threads(settings["threads"]):
        trainer = Trainer(algorithm, values, dataset, seeds, device)
        _run(trainer, settings, evaluate, progress or (lambda step, steps, seconds: None))
        policies = trainer.policies()
        for seed, directory in (directories or {}).items():
            _write(trainer, seed, policies.get(seed), directory)
    return [trainer.outcome(seed) for seed in seeds]


def _run(trainer: Trainer, settings: Mapping[str, Any], evaluate: Evaluate | None, progress: Progress) -> None:
    """Advance to the last step, or until every seed has failed."""
    start = reported = time.monotonic()
    while trainer.step < trainer.steps and trainer.alive:
        trainer.advance()
        step, last = trainer.step, trainer.step == trainer.steps
        log = last or step % settings["log_every"] == 0
        due = evaluate is not None and settings["evaluate_every"] > 0
        due = due and (last or step % settings["evaluate_every"] == 0)
        if log or due:
            trainer.inspect(log)
        if due and evaluate is not None and (policies := trainer.policies()):
            evaluate(policies, step)
        now = time.monotonic()
        if last or now - reported >= PROGRESS_SECONDS:
            reported = now
            progress(step, trainer.steps, now - start)


def _write(trainer: Trainer, seed: int, policy: bytes | None, directory: Path) -> None:
    """Write one seed's files; a failed seed has its curve only."""
    trainer.curves[seed].write(directory / "curve.csv")
    if policy is not None:
        write_atomic(directory / "policy.safetensors", policy)
        write_atomic(directory / "state.safetensors", trainer.state(seed))


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run with that many torch threads; results depend on it in their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
