"""Shifted data is what its name says, and the unshifted data does not know of it."""

import copy
import time
import zlib
from collections import Counter
from collections.abc import Callable
from itertools import cycle, islice, repeat
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from minari.data_collector import EpisodeBuffer
from scipy.stats import norm

from qdot import params as parameters
from qdot import params_check, recipes
from qdot.data import collect_halfcheetah
from qdot.data.collect import RECIPES, collect
from qdot.data.collect_episodes import record
from qdot.data.collect_halfcheetah import LinearController, improve
from qdot.data.collect_maze import WaypointController
from qdot.data.collect_shifts import BiasedController, worse_half
from qdot.data.files import content_sha256
from qdot.data.minari import read_minari
from qdot.data.recording import Recording
from qdot.envs.maze import PointMazeEnv
from qdot.errors import ParamsError
from qdot.study import Study

TOP = Path(__file__).parents[2]
MAZE, CHEETAH = "pointmaze-umaze", "halfcheetah-replay"
SHIFTS = ("suboptimal", "action_bias", "mixture")
LENGTH = {MAZE: 300, CHEETAH: 1000}
pytestmark = pytest.mark.filterwarnings("ignore:.*out of date")


@pytest.fixture(autouse=True)
def _short_learning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect_halfcheetah, "DIRECTIONS", 2)
    monkeypatch.setattr(collect_halfcheetah, "BEST", 1)


def read(recipe: str, steps: int, directory: Path, shift: str | None = None) -> Recording:
    return read_minari(collect(recipe, 0, steps, directory, shift)).recording


def returns_of(recording: Recording, length: int) -> np.ndarray:
    return recording.rewards.astype(float).reshape(-1, length).sum(axis=1)


def stream(recipe: str) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(recipe.encode()), 0])


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("recipe", [MAZE, CHEETAH])
def test_collecting_shifted_data_twice_gives_the_same_bytes(recipe: str, shift: str, tmp_path: Path) -> None:
    steps = LENGTH[recipe] + 50
    first = collect(recipe, 0, steps, tmp_path / "one", shift)
    time.sleep(1.1)  # file formats keep dates in seconds
    second = collect(recipe, 0, steps, tmp_path / "two", shift)
    assert content_sha256(first) == content_sha256(second)
    assert first == tmp_path / "one" / f"qdot/{recipe}-{shift}-seed0-{steps}-v0"
    recording = read_minari(first).recording
    assert len(recording.rewards) == steps
    assert np.flatnonzero(recording.ends).tolist() == [LENGTH[recipe] - 1, steps - 1]
    assert not recording.terminals.any()


def test_unshifted_maze_data_is_the_plain_behaviour_on_the_plain_stream(tmp_path: Path) -> None:
    environment = gymnasium.make("qdot/pointmaze-umaze")
    maze = environment.unwrapped
    assert isinstance(maze, PointMazeEnv)
    wanted = record(environment, repeat((WaypointController(maze, fixed=False), 0.5)), stream(MAZE), 700)
    found = read(MAZE, 700, tmp_path)
    assert np.array_equal(found.actions, np.concatenate([episode.actions for episode in wanted]).astype(np.float32))


def test_unshifted_cheetah_data_is_the_plain_behaviour_on_the_plain_stream(tmp_path: Path) -> None:
    environment, generator = gymnasium.make("HalfCheetah-v4"), stream(CHEETAH)
    (policy,) = improve(environment, generator, 1, 8)
    schedule = cycle([(policy, noise) for noise in (0.1, 0.3, 0.6)])
    wanted = record(environment, schedule, generator, 2500)
    found = read(CHEETAH, 2500, tmp_path)
    assert np.array_equal(found.actions, np.concatenate([episode.actions for episode in wanted]).astype(np.float32))


@pytest.mark.parametrize(("recipe", "kept"), [(MAZE, 8), (CHEETAH, 2)])
def test_suboptimal_data_is_the_worse_half_of_twice_as_much(recipe: str, kept: int, tmp_path: Path) -> None:
    length = LENGTH[recipe]
    whole, half = (read(recipe, n * length, tmp_path, s) for n, s in ((2 * kept, None), (kept, "suboptimal")))
    returns = returns_of(whole, length)
    assert np.unique(returns).size > kept // 2
    found = returns_of(half, length)
    assert sorted(found) == sorted(returns)[:kept]
    assert found.max() <= np.median(returns) < returns.max()
    assert found.mean() < returns.mean()
    episodes = whole.observations.reshape(2 * kept, length, -1)
    origin = [
        int(np.flatnonzero((episodes == episode).all(axis=(1, 2)))[0])
        for episode in half.observations.reshape(kept, length, -1)
    ]
    assert origin == sorted(set(origin))


def episode(value: float, terminated: bool = False) -> EpisodeBuffer:
    """Three steps whose return is 3 times `value`."""
    return EpisodeBuffer(
        observations=np.full((4, 1), value),
        actions=np.full((3, 1), value),
        rewards=np.full(3, value),
        terminations=np.array([False, False, terminated]),
        truncations=np.array([False, False, not terminated]),
    )


def test_the_worse_half_keeps_its_order_and_ends_where_asked() -> None:
    recorded = [episode(value) for value in (2.0, 5.0, 1.0, 7.0, 2.0, 2.0)]
    kept = worse_half(recorded, 7)
    assert [float(one.rewards[0]) for one in kept] == [2.0, 1.0, 2.0]
    assert [len(one) for one in kept] == [3, 3, 1]
    assert len(kept[-1].observations) == 2
    assert [one.truncations.tolist() for one in kept[1:]] == [[False, False, True], [True]]
    (last,) = worse_half([episode(9.0), episode(1.0, terminated=True)], 3)
    assert (last.terminations.tolist(), last.truncations.tolist()) == ([False, False, True], [False] * 3)


def mean_of_clipped(mean: np.ndarray, deviation: float) -> np.ndarray:
    """Expectation of a Gaussian clipped to [-1, 1], in closed form."""
    low, high = (-1 - mean) / deviation, (1 - mean) / deviation
    inside = mean * (norm.cdf(high) - norm.cdf(low)) + deviation * (norm.pdf(low) - norm.pdf(high))
    return inside + norm.sf(high) - norm.cdf(low)


@pytest.mark.parametrize(
    ("recipe", "controller", "bias", "noise"),
    [(MAZE, WaypointController, 0.5, 0.5), (CHEETAH, LinearController, 0.1, 0.1)],
)
def test_biased_actions_are_off_by_the_bias_before_noise_and_clipping(
    recipe: str, controller: Any, bias: float, noise: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[np.ndarray] = []
    act: Callable[[Any, np.ndarray], np.ndarray] = controller.act

    def watched(self: Any, observation: np.ndarray) -> np.ndarray:
        asked.append(act(self, observation))
        return asked[-1]

    monkeypatch.setattr(controller, "act", watched)
    steps = 1000
    recorded = read(recipe, steps, tmp_path, "action_bias").actions
    unbiased = np.clip(asked[-steps:], -1, 1)
    error = (recorded - mean_of_clipped(unbiased + bias, noise)).mean()
    assert abs(error) < 0.06 * noise
    assert (recorded - mean_of_clipped(unbiased, noise)).mean() > bias / 4  # where the bounds allow it


def test_a_bias_adds_to_what_the_bounds_leave_of_an_action() -> None:
    policy = LinearController(np.array([[3.0], [-3.0], [0.25]]), np.zeros(1), np.ones(1))
    biased = BiasedController(policy, 0.5, gymnasium.spaces.Box(-1.0, 1.0, (3,)))
    assert biased.act(np.ones(1)).tolist() == [1.5, -0.5, 0.75]


def test_four_of_five_maze_episodes_of_the_mixture_are_random(tmp_path: Path) -> None:
    def saturated(shift: str | None) -> np.ndarray:
        actions = read(MAZE, 10 * 300, tmp_path, shift).actions.reshape(10, 300, 2)
        return (np.abs(actions) >= 1).mean(axis=(1, 2))  # uniform actions never touch their bounds

    assert (saturated(None) > 0.3).all()
    found = saturated("mixture")
    assert (found == 0).tolist() == [True, True, True, True, False] * 2
    assert (found[[4, 9]] > 0.3).all()


def test_four_of_five_cheetah_episodes_of_the_mixture_are_the_noisiest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect_halfcheetah, "learn", lambda *_: list(range(8)))

    def turns(shift: str | None, episodes: int) -> Counter[Any]:
        schedule = collect_halfcheetah.SCHEDULES[shift](gymnasium.Env(), np.random.default_rng(0), 1)
        return Counter(islice(schedule, episodes))

    checkpoints = range(8)
    assert turns(None, 24) == {(policy, noise): 1 for policy in checkpoints for noise in (0.1, 0.3, 0.6)}
    assert turns("mixture", 40) == {(k, noise): count for k in checkpoints for noise, count in ((0.6, 4), (0.1, 1))}


def test_shifted_cheetah_data_has_the_checkpoints_of_twice_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def watched(environment: Any, generator: Any, iterations: int, checkpoints: int) -> list[LinearController]:
        asked.append(iterations)
        return [LinearController(np.zeros((6, 17)), np.zeros(17), np.ones(17))]

    monkeypatch.setattr(collect_halfcheetah, "improve", watched)
    environment = gymnasium.make("HalfCheetah-v4")
    for shift, steps in ((None, 100_000), ("suboptimal", 100_000), ("action_bias", 50_000), ("mixture", 50_000)):
        collect_halfcheetah.SCHEDULES[shift](environment, np.random.default_rng(0), steps)
    assert asked == [32] * 4


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("pendulum", r"'pendulum': recipe_shift: found 'worse'; this recipe knows: none, so leave it out"),
        (MAZE, r"recipe_shift: found 'worse'; this recipe knows: suboptimal, action_bias, mixture"),
    ],
)
def test_an_unknown_shift_is_refused(recipe: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=message):
        collect(recipe, 0, 100, tmp_path, "worse")
    assert not list(tmp_path.iterdir())


def test_the_schema_allows_the_shifts_that_recipes_know() -> None:
    schema = params_check.schema(TOP)
    known = {shift for module in RECIPES.values() for shift in module.SCHEDULES if shift is not None}
    assert set(schema["$defs"]["dataset"]["properties"]["recipe_shift"]["enum"]) == known == set(SHIFTS)


def test_draws_and_shifts_change_nothing_else_of_their_dataset() -> None:
    datasets = parameters.load(TOP)["datasets"]
    for name in (MAZE, CHEETAH):
        for draw in (1, 2):
            assert datasets[f"{name}-draw{draw}"] == {**datasets[name], "recipe_seed": draw, "draw_of": name}
        for ending, shift in (("suboptimal", "suboptimal"), ("biased", "action_bias"), ("mixture", "mixture")):
            changes = {"recipe_shift": shift, "recipe_steps": 50_000}
            assert datasets[f"{name}-{ending}"] == {**datasets[name], **changes}


def test_the_digest_of_a_dataset_covers_its_shift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TOP)
    params = parameters.load(TOP)
    changed = copy.deepcopy(params)
    changed["datasets"]["pointmaze-umaze-biased"]["recipe_shift"] = "mixture"
    studies = [Study.from_config({**values, "suite": "quick"}) for values in (params, changed)]
    cores = [recipes.data_recipe(study, "pointmaze-umaze-biased")["core"] for study in studies]
    assert cores[0] != cores[1]
