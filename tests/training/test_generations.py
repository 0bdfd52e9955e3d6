"""The last two savings of each seed: wherever a kill comes, all seeds have one of the same step."""

import itertools
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from qdot.training import generations, resume
from qdot.training.resume import Saved

WORK = "this work"
SEEDS = (0, 1, 2)
ROUNDS = (10, 20, 30)


class Killed(BaseException):
    """As SIGKILL."""


def saving(step: int) -> Saved:
    return Saved(step, {"curve": torch.zeros(0, dtype=torch.float64)}, [], [], [], None, [], SEEDS)


def save_all(top: Path, after: int = 0) -> None:
    for step in (step for step in ROUNDS if step > after):
        for seed in SEEDS:
            generations.keep(saving(step), top / str(seed), WORK)


def newest(top: Path) -> int:
    """The newest step that every seed has; 0 for none."""
    steps = [{found.step for found in generations.find(top / str(seed), WORK)} for seed in SEEDS]
    return max(set.intersection(*steps), default=0)


def go_back(top: Path, step: int) -> None:
    for seed in SEEDS:
        found = {one.step: one for one in generations.find(top / str(seed), WORK)}
        generations.go_back(top / str(seed), found.get(step))


def dies(monkeypatch: pytest.MonkeyPatch, rename: int, work: Callable[[], None]) -> bool:
    """Do work that is killed before its renaming of that number; whether it came so far."""
    plain, count = os.replace, itertools.count(1)

    def replace(*given: Any) -> None:
        if next(count) == rename:
            raise Killed
        plain(*given)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        try:
            work()
        except Killed:
            return True
    return False


def test_a_kill_at_any_renaming_leaves_a_saving_that_all_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second kill too, as all go back, and a third as they go on."""
    for number in itertools.count(1):
        top = tmp_path / str(number)
        if not dies(monkeypatch, number, lambda top=top: save_all(top)):
            break
        came = newest(top)
        whole = max((step for step in ROUNDS if _is_whole(top, step)), default=0)
        assert came >= whole
        for second in itertools.count(1):
            if not dies(monkeypatch, second, lambda top=top, came=came: go_back(top, came)):
                break
            assert newest(top) == came
        dies(monkeypatch, number % 5 + 1, lambda top=top, came=came: save_all(top, came))
        assert newest(top) >= came
        go_back(top, newest(top))
        save_all(top, newest(top))
        assert newest(top) == ROUNDS[-1]
    assert number == 1 + 2 * len(ROUNDS) * len(SEEDS)  # a saving renames the last one, and what it wrote


def _is_whole(top: Path, step: int) -> bool:
    """Whether all seeds were saved at a step: the last seed is saved last."""
    return any(found.step == step for found in generations.find(top / str(SEEDS[-1]), WORK))


def test_a_damaged_last_saving_leaves_the_one_before_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_all(tmp_path)
    path = tmp_path / "1" / resume.NAME
    path.write_bytes(path.read_bytes()[:-3])
    with caplog.at_level(logging.WARNING):
        assert [found.step for found in generations.find(tmp_path / "1", WORK)] == [20]
    assert f"{path}: is damaged" in caplog.text
    go_back(tmp_path, newest(tmp_path))
    lasts = [generations.last(tmp_path / str(seed), WORK) for seed in SEEDS]
    assert [last.step for last in lasts if last] == [20, 20, 20]


def test_what_is_dropped_is_gone(tmp_path: Path) -> None:
    save_all(tmp_path)
    generations.go_back(tmp_path / "0", None)
    assert list((tmp_path / "0").iterdir()) == []
    assert generations.last(tmp_path / "0", WORK) is None


def test_savings_of_other_work_are_none(tmp_path: Path) -> None:
    save_all(tmp_path)
    assert generations.find(tmp_path / "0", "other work") == []
