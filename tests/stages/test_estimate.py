"""The estimate adds up what a study does: steps, looks, episodes, inspections, processes; each kind measured once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qdot import params as parameters
from qdot.evaluation.rollout import block_size
from qdot.stages import estimate, probe
from qdot.study import Study

TOP = Path(__file__).parents[2]
FREE: dict[str, Any] = {"build": 0.0, "look": 0.0, "load": 0.0, "measure": {}, "move": 0.0}


def study_of(suite: str) -> Study:
    return Study.from_config({**parameters.load(TOP), "suite": suite}, root=TOP)


def test_a_probe_measures_a_step_and_every_readout() -> None:
    cost = probe.probe(study_of("tiny").resolved("pendulum-tiny", "qdot"), [0, 1])
    assert 0 < cost.critic < cost.step
    assert set(cost.act) > {"map", "distill", "best_of_n"}
    assert set(cost.measure) == set(cost.act)
    assert min(*cost.act.values(), *cost.measure.values(), cost.build, cost.look, cost.load, cost.move) > 0


def test_only_a_model_with_a_map_is_inspected_row_by_row_and_only_one_with_a_critic_shares_it() -> None:
    cost = probe.probe(study_of("tiny").resolved("pendulum-tiny", "bc"), [0])
    assert (cost.critic, set(cost.act)) == (0.0, {"policy"})
    made = estimate.Estimate()
    assert estimate.transitions(study_of("tiny").resolved("pendulum-tiny", "bc")) == 4000  # its recipe's
    assert estimate.transitions(study_of("kitchen").resolved("kitchen-complete-v0", "bc")) == 3680  # as published
    assert estimate.transitions(study_of("paper").resolved("hopper-medium-v2", "bc")) == estimate.TRANSITIONS
    assert (made.training, made.evaluation) == (0.0, 0.0)


def test_an_environment_is_timed_in_blocks_as_evaluation_plays_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by one second per reading: one second per call of a block's step."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(probe, "clock", lambda: float(next(ticks)))
    calls = np.ceil(probe.PLAYED / block_size("Pendulum-v1"))
    assert probe.environment_step("Pendulum-v1") == pytest.approx(1 / block_size("Pendulum-v1"))
    assert next(ticks) == 2 * calls


def test_time_adds_up_over_steps_seeds_episodes_and_readouts(monkeypatch: pytest.MonkeyPatch) -> None:
    probed = []
    cost = estimate.Cost(
        **{"step": 0.01, "critic": 0.004, "act": {"map": 0.002, "distill": 0.001}, "build": 0.5, "look": 0.2},
        **{"load": 0.05, "measure": {"map": 0.3, "distill": 0.4}, "move": 1e-5},
    )
    monkeypatch.setattr(estimate, "probe", lambda *_: probed.append(1) or cost)
    monkeypatch.setattr(estimate, "environment_step", lambda _: 0.0001)
    values = study_of("tiny").resolved("pendulum-tiny", "qdot")
    values |= {"readouts": ["map", "distill"], "evaluate": {"episodes": 25}}
    values["train"] |= {"steps": 1000, "evaluate_every": 500, "evaluate_episodes": 10, "log_every": 300}
    made = estimate.Estimate()
    for stage, seeds in (("train", [0, 1]), ("evaluate", [0, 1]), ("evaluate", [])):
        made.add({"stage": stage, "params": values, "seeds": seeds})
    assert made.training == pytest.approx(estimate.START + 0.5 + 1000 * 0.01 + 4 * 0.2)
    played = 200 * 0.0001  # Pendulum's horizon; all episodes are one block of 32
    during = 2 * 2 * (10 * played + 200 * 0.002 + 0.05)
    final = 2 * (2 * 25 * played + 200 * 0.003 + 2 * 0.05)
    inspected = 2 * (0.3 + 0.4 + 4000 * 1e-5)
    assert made.evaluation == pytest.approx(3 * estimate.START + during + final + inspected)
    assert len(probed) == 1


def test_algorithms_of_a_dataset_with_equal_critics_pay_for_one_in_each_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(estimate, "probe", lambda *_: estimate.Cost(0.01, 0.004, {}, **FREE))
    jobs = []
    for dataset, algorithm in (("pendulum", "qdot"), ("pendulum", "ddpg_bc"), ("halfcheetah-replay", "ddpg_bc")):
        values = study_of("quick").resolved(dataset, algorithm)
        values["train"] |= {"steps": 1000, "evaluate_every": 0}
        jobs.append({"stage": "train", "params": values, "seeds": [0, 1]})
    made, dealt = estimate.Estimate(), estimate.Estimate(processes=2)
    for job in jobs:
        made.add(job)
        dealt.add(job)
    starts = 2 * estimate.START  # a process per dataset
    assert made.training == pytest.approx(starts + 1000 * (0.01 + 0.006 + 0.01))
    assert dealt.training == pytest.approx(2 * starts + 1000 * (0.01 + 0.01 + 0.01))
    values["algorithm_values"]["expectile"] += 0.1
    made.add({"stage": "train", "params": values, "seeds": [0, 1]})
    assert made.training == pytest.approx(starts + 1000 * (0.01 + 0.006 + 0.01 + 0.01))
