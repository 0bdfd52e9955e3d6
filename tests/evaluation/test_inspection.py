"""What the last checkpoint does to the data, against hand-made maps, closed forms and exact transport."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from tiny_cells import random_dataset, values

from qdot.data.batch import Prepared, transform_rewards
from qdot.evaluation import inspection
from qdot.training.checkpoint import Policy
from qdot.training.loop import threads
from qdot.training.trainer import Trainer

READOUTS = ("map", "distill", "best_of_n", "best_of_n_without_map")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    with threads(1):
        yield


def policy(algorithm: str = "qdot", steps: int = 20) -> Policy:
    trainer = Trainer(algorithm, values(algorithm), random_dataset(4, 2), [3])
    for _ in range(steps):
        trainer.advance()
    return Policy.from_bytes(trainer.policies()[3])


def narrow(made: Policy) -> Policy:
    """The policy with a behaviour model so narrow that no sample of it is clipped to the box."""
    model: Any = made.model
    with torch.no_grad():
        model.behaviour.log_std.fill_(-3.0)
        model.behaviour.network.output.weight.mul_(0.3)
    return made


def found(made: Policy, readouts: tuple[str, ...] = READOUTS) -> dict[tuple[str, str], float]:
    rows = inspection.distances(made, random_dataset(4, 2), readouts)
    return {(row.readout, row.quantity): row.value for row in rows}


def test_a_policy_without_a_behaviour_model_has_no_distance_from_it() -> None:
    assert found(policy("iql"), ("policy",)) == {}


def test_exact_transport_between_shifted_samples_is_the_square_of_the_shift() -> None:
    points = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
    assert inspection.w2_squared(points, points + torch.tensor([0.3, 0.4])) == pytest.approx(0.25, rel=1e-5)


def test_the_behaviours_own_samples_are_no_distance_away() -> None:
    """Best of one without a map is a sample of the behaviour model."""
    made = narrow(policy())
    object.__setattr__(made.model.config, "best_of_n", 1)
    distances = found(made, ("best_of_n_without_map", "map"))
    assert abs(distances["best_of_n_without_map", "w2_squared"]) < 0.05 * distances["map", "w2_squared"]


def test_debiasing_takes_out_what_sampling_adds() -> None:
    """A readout that samples, but does not scatter, is as far by samples as a deterministic one is in closed form."""
    made = narrow(policy())
    model: Any = made.model
    target = torch.tensor([0.4, -0.3])
    model.act = lambda states, readout, noise=None: target.expand(1, states.shape[1], -1)
    state = torch.from_numpy(random_dataset(4, 2).observations[5])
    with torch.no_grad():
        mean, variance = model.behaviour.moments(state.view(1, 1, -1))
        sampled = inspection._debiased(model, state, "best_of_n")
    assert sampled == pytest.approx(((target - mean).square() + variance).sum().item(), rel=0.05)


def test_a_deterministic_readout_is_as_far_as_exact_transport_to_its_action_says() -> None:
    made = narrow(policy())
    model: Any = made.model
    state = torch.from_numpy(random_dataset(4, 2).observations[:1]).unsqueeze(0)
    with torch.no_grad():
        noise = torch.randn(1, 1, 4000, 2, generator=torch.Generator().manual_seed(1))
        samples = model.behaviour.sample(state, noise)[0, 0]
        executed = model.act(state, "map")[0]
        mean, variance = model.behaviour.moments(state)
        closed = ((executed - mean).square() + variance).sum()
    sampled = (samples - executed).square().sum(dim=-1).mean()  # transport to a single point has one plan
    assert closed.item() == pytest.approx(sampled.item(), rel=0.05)
    assert {quantity for _, quantity in found(made, ("map",))} == {"w2_squared", "standard_distance", "surprise"}


@pytest.mark.parametrize("reward", ["as_is", "subtract_one", "normalise_returns"])
def test_overestimation_is_value_minus_return_in_training_units(reward: str) -> None:
    manifest = {"return_max": 30.0, "return_min": 5.0}
    units = inspection.reward_units(Prepared({}, manifest), reward)
    rewards, discounts = np.array([1.0, 0.0, 2.0], np.float32), np.array([1.0, 0.9, 0.81])
    trained = transform_rewards(rewards, reward, 30.0, 5.0)
    row = {"readout": "map", "value": 7.0, "discounted": float(rewards @ discounts), "mass": float(discounts.sum())}
    rows = [row, row, row | {"readout": "bc", "value": None}]
    gap, share = inspection.overestimation(rows, units, largest=5.0)
    assert gap.readout == "map"
    assert gap.value == pytest.approx(7.0 - float(trained @ discounts), rel=1e-6)
    assert (share.readout, share.quantity) == ("map", "value_overestimation_share")
    assert share.value == pytest.approx(gap.value / 5)
    (alone,) = inspection.overestimation(rows, units, largest=0.0)  # no reward in the data: nothing to compare with
    assert alone == gap


def test_the_largest_return_is_of_whole_episodes_and_of_either_sign() -> None:
    dataset = random_dataset(4, 2, size=60)
    dataset.episode_starts.resize(3, refcheck=False)
    dataset.episode_starts[:] = [0, 10, 40]
    dataset.rewards[:] = 0.0
    dataset.rewards[[10, 12, 41, 59]] = [-4.0, -4.0, 1.0, 1.0]
    assert inspection.largest_return(dataset, 0.5) == pytest.approx(4.0 + 4.0 * 0.25)


def test_the_training_law_is_the_map_of_the_data_and_of_the_behaviour_model() -> None:
    """A shift by d costs |d|^2, and moves a Gaussian of sd sigma by |d / sigma|^2 / 2 in KL."""
    made = narrow(policy())
    model: Any = made.model
    shift = torch.tensor([0.3, 0.4])
    model.map.gradient = lambda states, actions: actions + shift
    found = {row.quantity: row.value for row in inspection.training_law(made, random_dataset(4, 2))}
    assert found["transport_cost"] == pytest.approx(0.25)
    spread = model.behaviour.std().detach()[0, 0]
    exact = 0.5 * (shift / spread).square().sum().item()
    assert found["divergence"] == pytest.approx(exact, rel=0.05)  # 256 samples
    assert list(inspection.training_law(policy("iql"), random_dataset(4, 2))) == []


def test_episodes_of_the_data_carry_their_own_return_and_the_map_s_mean_displacement() -> None:
    dataset = random_dataset(4, 2, size=60)
    dataset.episode_starts.resize(3, refcheck=False)
    dataset.episode_starts[:] = [0, 10, 40]
    rewards = np.arange(60, dtype=np.float32)
    made = policy()
    model: Any = made.model
    shift = torch.tensor([0.3, 0.4])
    model.map.gradient = lambda states, actions: actions + shift
    rows = inspection.episode_rows(made, Prepared({"rewards": rewards}, {}), dataset)
    assert [row["length"] for row in rows] == [10, 30, 20]
    assert [row["return"] for row in rows] == [45.0, sum(range(10, 40)), sum(range(40, 60))]
    assert [row["displacement"] for row in rows] == pytest.approx([0.5] * 3)
    assert [row["cluster"] for row in rows] == [0, 1, 2]
    mean, _ = model.behaviour.moments(torch.from_numpy(dataset.observations[:10]).unsqueeze(0))
    distance = (torch.from_numpy(dataset.actions[:10]) - mean[0]).norm(dim=-1).mean()
    assert rows[0]["imitation_distance"] == pytest.approx(distance.item(), rel=1e-5)


def test_many_episodes_fall_into_twenty_blocks_in_order() -> None:
    dataset = random_dataset(4, 2, size=200)
    dataset.episode_starts.resize(100, refcheck=False)
    dataset.episode_starts[:] = np.arange(0, 200, 2)
    rows = inspection.episode_rows(policy(), Prepared({"rewards": dataset.rewards}, {}), dataset)
    clusters = [row["cluster"] for row in rows]
    assert clusters == sorted(clusters)
    assert np.bincount(clusters).tolist() == [5] * 20


def test_moves_are_the_map_s_at_evenly_spaced_rows_and_in_the_plane_where_there_is_one() -> None:
    dataset = random_dataset(4, 2, size=1000)
    recorded = Prepared({"observations": 10 + dataset.observations}, {})
    made = policy()
    model: Any = made.model
    shift = torch.tensor([0.3, -0.4])
    model.map.gradient = lambda states, actions: actions + shift
    rows = inspection.move_rows(made, recorded, dataset, [2, 0])
    numbers = [row["row"] for row in rows]
    assert (numbers[0], numbers[-1], len(set(numbers))) == (0, 999, 256)
    assert max(np.diff(numbers)) <= 4
    assert [row["displacement"] for row in rows] == pytest.approx([0.5] * 256)
    for row in rows[::50]:
        place, action = recorded.arrays["observations"][row["row"]], dataset.actions[row["row"]]
        assert (row["x"], row["y"]) == pytest.approx((place[2], place[0]))
        assert (row["action_x"], row["action_y"]) == pytest.approx(tuple(action))
        assert (row["moved_x"], row["moved_y"]) == pytest.approx((action[0] + 0.3, action[1] - 0.4))
    assert set(inspection.move_rows(made, recorded, dataset, [])[0]) == {"row", "displacement"}
    assert inspection.move_rows(policy("iql"), recorded, dataset, [0, 1]) == []
