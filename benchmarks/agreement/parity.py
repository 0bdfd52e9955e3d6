"""Step parity: same weights, same minibatches, the losses of each of 100 steps, ours beside d3rlpy's.

Runs in the environment of d3rlpy: `python parity.py CELLS.json OUT.csv`, the cells as `study.py` writes them.
"""

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import d3rlpy
import torch
from exchange import load, minibatch, tables
from learners import build
from torch import Tensor

from qdot.algorithms.base import Batch
from qdot.algorithms.bc import BC
from qdot.training.streams import Minibatches
from qdot.training.trainer import Trainer

STEPS = 100
TOLERANCE = 1e-5  # of |ours - theirs| / max(1, |theirs|): absolute below 1, relative above
COLUMNS = ("dataset", "algorithm", "ours", "theirs", "precision", "term")
COLUMNS += ("start", "end", "steps", "first", "worst", "equal_steps")
PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


class SquaredErrorBC(BC):
    """Our BC with d3rlpy's loss, the mean squared error of the mean action."""

    def policy_loss(self, batch: Batch, step: int) -> Tensor:
        """E_D of the mean over coordinates of (tanh f(s) - a)^2; sigma gets no gradient."""
        error = (self.policy.mean(batch.observations, step) - batch.actions).square().mean(dim=(-1, -2))
        return error + 0 * self.policy.log_std.sum()


def our_model(name: str, values: Mapping[str, Any], dataset: Any) -> Any:
    """Our algorithm with one seed, or the one of this file, ready to train."""
    trainer = Trainer(name, values, dataset, [0])
    if values.get("loss") == "squared_error":
        trainer.model.__class__ = SquaredErrorBC  # same networks and optimiser
    return trainer.model


@contextmanager
def numbers_in(precision: str) -> Iterator[None]:
    """Build and train in one of `PRECISIONS`, both sides."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(PRECISIONS[precision])
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def losses(cell: Mapping[str, Any], variant: str) -> dict[str, list[tuple[float, float]]]:
    """Ours and d3rlpy's loss of each step at which d3rlpy has it, by term."""
    d3rlpy.seed(0)
    dtype = torch.get_default_dtype()
    values, dataset = cell["values"], load(cell)
    model = our_model(cell["algorithm"], values, dataset)
    learner = build(cell["algorithm"], variant, values, (dataset.observation_dim, dataset.action_dim))
    learner.receive(model)
    minibatches = Minibatches([0], dataset.size, values["train"]["batch_size"])
    data = {name: table.to(dtype) for name, table in tables(dataset).items()}
    ours = [torch.from_numpy(getattr(dataset, name)).to(dtype) for name in Batch._fields]
    found: dict[str, list[tuple[float, float]]] = {}
    for step in range(STEPS):
        rows = minibatches.rows(step)
        info = model.update(Batch(*(table.index_select(0, rows).unsqueeze(0) for table in ours)), step)
        for term, theirs in learner.update(minibatch(data, rows), step).items():
            if term in info:
                found.setdefault(term, []).append((float(info[term]), theirs))
    return found


def summary(cell: Mapping[str, Any], variant: str, precision: str) -> list[dict[str, Any]]:
    """A row per term: our loss at start and end, the gap at the first step, the worst, how many steps agree first."""
    rows = []
    with numbers_in(precision):
        found = losses(cell, variant)
    for term, pairs in found.items():
        gaps = [abs(ours - theirs) / max(1.0, abs(theirs)) for ours, theirs in pairs]
        rows.append(
            {
                "dataset": cell["dataset"],
                "algorithm": cell["algorithm"],
                "ours": cell["values"].get("loss", "as it is"),
                "theirs": variant,
                "precision": precision,
                "term": term,
                "start": f"{pairs[0][0]:.4g}",
                "end": f"{pairs[-1][0]:.4g}",
                "steps": len(gaps),
                "first": f"{gaps[0]:.2g}",
                "worst": f"{max(gaps):.2g}",
                "equal_steps": next((index for index, gap in enumerate(gaps) if gap > TOLERANCE), len(gaps)),
            }
        )
    return rows


def main(cells: Sequence[Mapping[str, Any]], out: Path) -> None:
    """Compare every cell with its variants of d3rlpy, and write the table."""
    torch.set_num_threads(1)
    rows = [
        row for cell in cells for variant, precision in cell["against"] for row in summary(cell, variant, precision)
    ]
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
