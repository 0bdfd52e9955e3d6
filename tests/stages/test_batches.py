"""Who steps together after a stop, and from where: without training, on savings as a kill leaves them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_cells import TRAIN

from qdot.stages.batches import find_groups
from qdot.stages.cells import Job
from qdot.training import generations, resume
from qdot.training.resume import Saved

BOTH = (0, 1)
LONG = {"compile_from": 1}  # and so compiled
Groups = list[tuple[list[str], list[int], int]]


class Study:
    """Jobs of one dataset, by algorithm; nothing was saved."""

    def __init__(self, top: Path, seeds: Sequence[int] = BOTH, **train: Any) -> None:
        self.jobs = {}
        for algorithm in ("bc", "iql"):
            recipe = {"suite": "s", "dataset": "d", "algorithm": algorithm, "stage": "train", "digest": algorithm}
            recipe |= {"data_dir": str(top), "params": {"train": TRAIN | train}}
            self.jobs[algorithm] = Job(recipe, {seed: top / algorithm / str(seed) for seed in seeds})

    def save(self, algorithm: str, seed: int, *steps: int, batch: Sequence[int] = BOTH) -> None:
        """Let a seed have been saved at steps."""
        job = self.jobs[algorithm]
        for step in steps:
            saved = Saved(step, {"curve": torch.zeros(0, dtype=torch.float64)}, [], [], [], None, [], batch)
            generations.keep(saved, job.directories[seed], job.identity(seed))

    def damage(self, algorithm: str, seed: int, *names: str) -> None:
        """Cut files of a seed."""
        for name in names:
            path = self.jobs[algorithm].directories[seed] / name
            path.write_bytes(path.read_bytes()[:-3])

    def groups(self, due: Mapping[str, Sequence[int]]) -> Groups:
        """The algorithms, seeds and step of each group of due seeds; the seeds' last savings are of that step."""
        found = find_groups([(self.jobs[name], list(seeds)) for name, seeds in due.items()])
        groups = []
        for ready in found:
            (step,) = {self.step(job, seed) for job, seeds in ready for seed in seeds}
            groups.append((sorted(job.recipe["algorithm"] for job, _ in ready), ready[0][1], step))
        return groups

    @staticmethod
    def step(job: Job, seed: int) -> int:
        """Of a seed's last saving; 0 without one."""
        saved = generations.last(job.directories[seed], job.identity(seed))
        return saved.step if saved else 0


def test_what_was_saved_whole_goes_on_together(tmp_path: Path) -> None:
    study = Study(tmp_path)
    for name in ("bc", "iql"):
        for seed in BOTH:
            study.save(name, seed, 10, 20)
    assert study.groups({"bc": BOTH, "iql": BOTH}) == [(["bc", "iql"], [0, 1], 20)]


def test_seeds_and_algorithms_go_back_to_the_saving_that_all_have(tmp_path: Path) -> None:
    """A kill came after bc's first seed had been saved at step 20; or after both of bc's had."""
    for seeds in ((0,), BOTH):
        study = Study(tmp_path / str(seeds))
        for name in ("bc", "iql"):
            for seed in BOTH:
                study.save(name, seed, 10)
        for seed in seeds:
            study.save("bc", seed, 20)
        assert study.groups({"bc": BOTH, "iql": BOTH}) == [(["bc", "iql"], [0, 1], 10)]


def test_a_kill_in_the_first_round_lets_a_compiled_batch_start_again_together(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for train, expected in ((LONG, [(["bc"], [0, 1], 0)]), ({}, [(["bc"], [1], 0), (["bc"], [0], 10)])):
        study = Study(tmp_path / str(train), **train)
        study.save("bc", 0, 10)
        caplog.clear()
        assert study.groups({"bc": BOTH}) == expected
        assert ("seeds [0, 1] start again together" in caplog.text) == bool(train)


@pytest.mark.parametrize("seed", BOTH)
def test_a_damaged_saving_takes_its_mates_back_to_the_one_before(seed: int, tmp_path: Path) -> None:
    study = Study(tmp_path, **LONG)
    for each in BOTH:
        study.save("bc", each, 10, 20)
    study.damage("bc", seed, resume.NAME)
    assert study.groups({"bc": BOTH}) == [(["bc"], [0, 1], 10)]


@pytest.mark.parametrize("seed", BOTH)
def test_a_seed_whose_savings_are_all_damaged_takes_its_compiled_mates_to_the_start(seed: int, tmp_path: Path) -> None:
    for train, expected in ((LONG, [(["bc"], [0, 1], 0)]), ({}, [(["bc"], [seed], 0), (["bc"], [1 - seed], 20)])):
        study = Study(tmp_path / str(train), **train)
        for each in BOTH:
            study.save("bc", each, 10, 20)
        study.damage("bc", seed, resume.NAME, generations.BEFORE)
        assert study.groups({"bc": BOTH}) == expected


def test_a_seed_that_ended_takes_no_step_again(tmp_path: Path) -> None:
    """Its mate is finished; the other algorithm, whose mate is too, had not come so far."""
    study = Study(tmp_path, **LONG)
    study.save("bc", 1, 30, TRAIN["steps"])
    study.save("iql", 1, 20, 30)
    groups = study.groups({"bc": [1], "iql": [1]})
    assert sorted(groups) == [(["bc"], [1], TRAIN["steps"]), (["iql"], [1], 30)]


def test_seeds_that_are_new_leave_those_that_were_stopped_where_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    study = Study(tmp_path, (*BOTH, 2, 3), **LONG)
    for seed in BOTH:
        study.save("bc", seed, 10, 20)
    assert study.groups({"bc": (*BOTH, 2, 3)}) == [(["bc"], [2, 3], 0), (["bc"], [0, 1], 20)]
    assert "s/d/bc: seeds [0, 1] train without the others" in caplog.text


def test_a_batch_that_names_no_seed_of_its_own_loses_none(tmp_path: Path) -> None:
    study = Study(tmp_path)
    for seed in BOTH:
        study.save("bc", seed, 10, batch=[7])
    assert study.groups({"bc": BOTH}) == [(["bc"], [0, 1], 10)]


def test_what_is_not_gone_on_from_is_deleted(tmp_path: Path) -> None:
    """Savings of other work, as of values that were changed since."""
    study = Study(tmp_path)
    for seed in BOTH:
        study.save("bc", seed, 10, 20)
    study.jobs["bc"] = Job({**study.jobs["bc"].recipe, "digest": "other"}, study.jobs["bc"].directories)
    assert study.groups({"bc": BOTH}) == [(["bc"], [0, 1], 0)]
    assert not any(list(folder.iterdir()) for folder in study.jobs["bc"].directories.values())
