"""Which seeds of which algorithms step together, and from where.

Those that did before a stop go on together, from the newest step that all of them were saved at: the last digits of a
compiled run depend on how many seeds step together.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qdot.stages.cells import Job, Ready
from qdot.training import generations
from qdot.training.family import COMMON
from qdot.training.generations import Saving
from qdot.training.program import is_long

log = logging.getLogger("qdot")
Found = dict[int, list[Saving]]  # by seed, newest first


@dataclass(frozen=True)
class Batch:
    """Seeds of a job that step together.

    Attributes:
        job: The job.
        seeds: The seeds.
        steps: Where they can start, newest first.
        found: What they can go on from.
    """

    job: Job
    seeds: list[int]
    steps: list[int]
    found: Found

    @property
    def train(self) -> dict[str, Any]:
        """Section `train` of its values."""
        values: dict[str, Any] = self.job.recipe["params"]["train"]
        return values

    def start_at(self, step: int) -> None:
        """Let every seed's last saving be that of a step."""
        for seed in self.seeds:
            saving = next((one for one in self.found[seed] if one.step == step), None)
            generations.go_back(self.job.directories[seed], saving)
        if is_long(self.train) and step < self.train["steps"] and len(self.seeds) < len(self.job.directories):
            log.warning(
                "%s: seeds %s train without the others; a compiled run's last digits depend on how many train together",
                self.job.name,
                self.seeds,
            )


def find_groups(ready: Ready) -> list[Ready]:
    """Jobs that step together: the same seeds, a step that all were saved at, equal values where a family has one.

    Where algorithms that stepped together were saved in turn, and a kill came between, some go back to the saving that
    the others have too. What a seed does not go on from is deleted.
    """
    groups: dict[Any, Ready] = {}
    batches = [batch for job, due in ready for batch in _batches(job, due)]
    for batch in sorted(batches, key=lambda batch: batch.steps[0]):
        own = (*batch.seeds, *(batch.train[key] for key in COMMON))
        step = next((step for step in batch.steps if (step, *own) in groups), batch.steps[0])
        groups.setdefault((step, *own), []).append((batch.job, batch.seeds))
        batch.start_at(step)
    return list(groups.values())


def _batches(job: Job, due: Sequence[int]) -> Iterator[Batch]:
    """A job's due seeds, parted by what each stepped with; one without a saving belongs where others name it."""
    found = {seed: generations.find(job.directories[seed], job.identity(seed)) for seed in due}
    mates = {seed: savings[0].batch for seed, savings in found.items() if savings}
    for seed in due:
        mates.setdefault(seed, next((batch for batch in mates.values() if seed in batch), ()))
    for batch in dict.fromkeys(mates.values()):
        seeds = sorted((seed for seed in due if mates[seed] == batch), key=[*batch, *due].index)
        yield from _starts(job, seeds, found)


def _starts(job: Job, seeds: list[int], found: Found) -> Iterator[Batch]:
    """Seeds that stepped together, with the steps that all have; where there is none, a plain run's seeds go apart."""
    train, newest = job.recipe["params"]["train"], {seed: _newest(found[seed]) for seed in seeds}
    common = set.intersection(*({saving.step for saving in found[seed]} for seed in seeds))
    if train["steps"] in common:
        common = {train["steps"]}  # no step is left, so it does not matter who is there to take it
    if common:
        yield Batch(job, seeds, sorted(common, reverse=True), found)
    elif any(newest.values()) and is_long(train):
        log.warning("%s: seeds %s start again together: they have no saving of one step", job.name, seeds)
        yield Batch(job, seeds, [0], found)
    else:
        for step in sorted(set(newest.values())):
            yield Batch(job, [seed for seed in seeds if newest[seed] == step], [step], found)


def _newest(savings: Sequence[Saving]) -> int:
    """The step of the newest; 0 where there is none."""
    return savings[0].step if savings else 0
