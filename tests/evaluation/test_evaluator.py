"""Worker processes that roll out: the same numbers however many there are, and clear failures."""

import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gated_robots import GATED, SHUT, VARIABLE
from tiny_cells import random_dataset, values

from qdot.errors import ResultsError
from qdot.evaluation.evaluator import Evaluator
from qdot.training.trainer import Trainer


@pytest.fixture(scope="module")
def policies() -> dict[int, bytes]:
    trainer = Trainer("qdot", values("qdot"), random_dataset(3, 1), [0, 5])
    trainer.advance()
    return trainer.policies()


def evaluate(policies: dict[int, bytes], workers: int) -> list[dict[str, Any]]:
    with Evaluator("Pendulum-v1", "pendulum", 0.99, workers) as evaluator:
        for seed in sorted(policies, reverse=workers > 1):
            for readout in ("map", "best_of_n"):
                evaluator.submit(policies[seed], seed, readout, 40, 12, "final")
        return evaluator.rows()


def test_the_numbers_do_not_depend_on_the_number_of_workers(policies: dict[int, bytes]) -> None:
    one, two = evaluate(policies, 1), evaluate(policies, 2)
    assert one == two
    keys = [(row["dataset"], row["seed"], row["readout"], row["step"], row["episode"]) for row in one]
    assert keys == [("pendulum", s, r, 40, e) for s in (0, 5) for r in ("best_of_n", "map") for e in range(12)]
    assert {(row["length"], row["success"]) for row in one} == {(200, "")}
    assert len({row["return"] for row in one}) == len(one)


def test_a_damaged_policy_is_an_error_with_the_workers_traceback() -> None:
    with Evaluator("Pendulum-v1", "pendulum", 0.99) as evaluator:
        evaluator.submit(b"no policy", 3, "map", 40, 2, "final")
        with pytest.raises(
            ResultsError, match=r"Pendulum-v1 failed \(pendulum, seed 3, readout map, step 40"
        ) as raised:
            evaluator.rows()
    assert "in from_bytes" in str(raised.value.__cause__)


def test_a_seed_that_fails_takes_no_other_along(policies: dict[int, bytes]) -> None:
    seed = min(policies)
    with Evaluator("Pendulum-v1", "pendulum", 0.99) as evaluator:
        evaluator.submit(policies[seed], seed, "map", 40, 2, "final")
        evaluator.submit(b"no policy", 77, "map", 40, 2, "final")
        rows, failures = evaluator.collect()
    assert {row["seed"] for row in rows} == {seed}
    assert len(rows) == 2
    assert set(failures) == {77}


@pytest.fixture
def deadly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An environment of a user's module whose process dies at the first reset."""
    text = (
        "import os\n"
        "import gymnasium\n"
        "from gymnasium.envs.classic_control.pendulum import PendulumEnv\n"
        "class Deadly(PendulumEnv):\n"
        "    def reset(self, **options):\n"
        "        os._exit(9)\n"
        "gymnasium.register('Deadly-v0', Deadly, max_episode_steps=3)\n"
    )
    (tmp_path / "deadly_robots.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield "deadly_robots:Deadly-v0"
    sys.modules.pop("deadly_robots", None)


def test_a_worker_that_dies_is_told_so(deadly: str, policies: dict[int, bytes]) -> None:
    with Evaluator(deadly, "mine", 0.99) as evaluator:
        evaluator.submit(policies[0], 0, "map", 40, 2, "final")
        with pytest.raises(ResultsError, match=r"worker process was ended from outside.*fewer workers"):
            evaluator.rows()


@pytest.fixture
def gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder whose files shut the gates of the robots that have some."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_only_whole_evaluations_are_taken_and_none_is_waited_for(gates: Path, policies: dict[int, bytes]) -> None:
    """An evaluation of which one block of two has ended is none yet; those that follow it wait too."""
    with Evaluator(GATED, "mine", 0.99) as evaluator:
        for seed, policy in policies.items():
            evaluator.submit(policy, seed, "map", 40, 33, "final")
        whole = evaluator.rows()
    (gates / SHUT).write_text("32")  # of the first evaluation's two blocks
    with Evaluator(GATED, "mine", 0.99) as evaluator:
        for seed, policy in policies.items():
            evaluator.submit(policy, seed, "map", 40, 33, "final")
        assert evaluator.collect(1.0) == ([], {})
        assert evaluator.is_waiting
        (gates / SHUT).unlink()
        assert evaluator.rows() == whole
        assert not evaluator.is_waiting
    assert len(whole) == 33 * len(policies)


def test_an_error_of_the_caller_ends_rollouts_that_would_never_end(gates: Path, policies: dict[int, bytes]) -> None:
    def leave() -> None:
        with Evaluator(GATED, "mine", 0.99, workers=2) as evaluator:
            for seed, policy in policies.items():
                evaluator.submit(policy, seed, "map", 40, 33, "final")
            raise KeyError

    (gates / SHUT).write_text("0")
    with pytest.raises(KeyError):
        leave()
    assert not multiprocessing.active_children()


def test_what_is_queued_after_a_worker_died_is_a_failure_of_its_seed(deadly: str, policies: dict[int, bytes]) -> None:
    with Evaluator(deadly, "mine", 0.99) as evaluator:
        evaluator.submit(policies[0], 0, "map", 40, 2, "final")
        assert set(evaluator.collect()[1]) == {0}
        evaluator.submit(policies[5], 5, "map", 40, 2, "final")
        rows, failures = evaluator.collect()
    assert rows == []
    assert "worker process was ended from outside" in str(failures[5])
