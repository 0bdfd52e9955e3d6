"""Rollouts for the report: the episodes of the final evaluation, as paths or pictures, or why there are none."""

import csv
import io
import itertools
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from fake_study import new_study
from PIL import Image
from tiny_cells import random_dataset, trained

import qdot.envs  # noqa: F401 - registers our environments
from qdot import due, provenance, recipes, rollouts
from qdot.cli import main
from qdot.envs import renderer
from qdot.evaluation.animation import LIMIT
from qdot.evaluation.rollout import episode_seed
from qdot.study import Cell, Study
from qdot.training.checkpoint import Policy

MAZE, RUNNER = "pointmaze-umaze", "halfcheetah-replay"
WIDTHS = {MAZE: (4, 2), RUNNER: (17, 6)}


class Folder:
    """A project folder in which some cells were trained and evaluated."""

    def __init__(self, top: Path, *algorithms: str) -> None:
        self.study = new_study(top, "quick")
        self.study = Study(self.study.params, "quick", {}, Path())
        for dataset in WIDTHS:
            for algorithm in algorithms:
                self.train(dataset, algorithm)

    def train(self, dataset: str, algorithm: str, content: bytes | None = None) -> Path:
        """A trained and evaluated cell; returns its policy."""
        cell = Cell(dataset, algorithm, self.study.seeds[0])
        folder = self.study.cell_dir("train", cell)
        provenance.write_atomic(folder / "policy.safetensors", content or trained(algorithm, self.data(dataset)))
        files = provenance.hash_files(folder, ["policy.safetensors"])
        provenance.write_manifest(folder / "manifest.json", {"status": "ok", "files": files})
        provenance.write_manifest(self.study.cell_dir("evaluate", cell) / "manifest.json", {"status": "ok"})
        return folder / "policy.safetensors"

    def data(self, dataset: str) -> Any:
        return random_dataset(*WIDTHS[dataset])

    def recipe(self, dataset: str) -> dict[str, Any]:
        return recipes.rollouts_recipe(self.study, dataset)

    def run(self, dataset: str) -> dict[str, Any]:
        """Do the job, as its rule does; returns the manifest."""
        path = recipes.recipe_path(self.study, "rollouts", dataset)
        due.put(path, self.recipe(dataset), current=False)
        assert main(["rollouts", "--recipe", str(path)]) == 0
        return provenance.read_json(self.file(dataset, "manifest.json"))

    def file(self, dataset: str, name: str) -> Path:
        return Path(self.recipe(dataset)["folder"]) / name

    def rows(self, dataset: str, name: str = rollouts.TABLE) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.file(dataset, name).read_text())))


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUJOCO_GL", "")  # whatever the job sets is taken back
    renderer.choose.cache_clear()
    return tmp_path


def by_hand(policy: Path, seed: int, episode: int) -> tuple[list[np.ndarray], float]:
    """Positions and return of a final episode in the maze, without the code that rolls out."""
    acts, environment = Policy.load(policy), gymnasium.make("qdot/pointmaze-umaze")
    start = episode_seed(MAZE, "final", seed, 0, episode).generate_state(1)[0]
    observation, _ = environment.reset(seed=int(start))
    positions, total, over = [observation[:2]], 0.0, False
    while not over:
        action = acts.act(np.stack([observation] * 32))[0]
        observation, reward, terminated, truncated, _ = environment.step(action)
        positions.append(observation[:2])
        total, over = total + float(reward), terminated or truncated
    return positions, total


@pytest.mark.filterwarnings("ignore:.*is not within")
def test_a_path_is_the_one_that_the_environment_goes(top: Path) -> None:
    folder = Folder(top, "bc")
    assert folder.run(MAZE)["status"] == "ok"
    rows, points = folder.rows(MAZE), folder.rows(MAZE, rollouts.PATHS)
    assert [row["episode"] for row in rows] == ["0", "1", "2"]
    policy = folder.study.cell_dir("train", Cell(MAZE, "bc", 0)) / "policy.safetensors"
    for row in rows:
        positions, total = by_hand(policy, 0, int(row["episode"]))
        path = [point for point in points if point["episode"] == row["episode"]]
        assert float(row["episode_return"]) == total
        assert (path[0]["step"], path[-1]["step"]) == ("0", row["length"])
        assert int(row["length"]) == len(positions) - 1
        assert 2 < len(path) <= 60
        for point in path:
            assert (float(point["x"]), float(point["y"])) == pytest.approx(positions[int(point["step"])], abs=1e-4)


def test_a_failure_that_quotes_a_name_in_no_encoding_can_be_read(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("cannot open caf\udce9.xml")

    monkeypatch.setattr("qdot.stages.rollouts._roll_out", fail)
    failed = Folder(top, "bc").run(MAZE)
    assert failed["reason"]["error"] == r"OSError: cannot open caf\udce9.xml"


@pytest.mark.parametrize("name", ["qdot/pointmaze-umaze", "qdot/antmaze-medium-v2"])
def test_walls_are_the_cells_that_one_cannot_be_in(name: str) -> None:
    from qdot.envs.walls import walls

    environment: Any = gymnasium.make(name).unwrapped
    if name == "qdot/pointmaze-umaze":
        free = [environment.centre(cell) for cell in environment.free_cells]
        count = 25 - len(free)
    else:
        free, count = list(environment.cells(".SG")), len(list(environment.cells("#")))
    found = walls(environment)
    assert len(found) == count
    for x, y in free:
        assert not [each for each in found if abs(x - each.x) < each.half_x and abs(y - each.y) < each.half_y]


@pytest.mark.filterwarnings("ignore:.*is out of date")
def test_an_animation_moves_is_short_and_small(top: Path, require: Any) -> None:
    chosen, reason = renderer.choose()
    require("egl", chosen is not None, reason)
    folder = Folder(top, "bc")
    manifest, (row,) = folder.run(RUNNER), folder.rows(RUNNER)
    assert row["reason"] == ""
    assert row["animation"] in manifest["files"]
    content = folder.file(RUNNER, row["animation"]).read_bytes()
    assert content[:4] + content[8:12] == b"RIFFWEBP"
    assert len(content) <= LIMIT
    with Image.open(io.BytesIO(content)) as opened:
        lasts, frames = 0, []
        for index in range(opened.n_frames):
            opened.seek(index)
            opened.load()
            lasts += opened.info["duration"]
            frames.append(np.asarray(opened.convert("L"), float))
    assert 1 < len(frames) <= int(row["frames"]) <= 41
    assert 4500 <= lasts <= 5100
    assert min(np.abs(before - after).mean() for before, after in itertools.pairwise(frames)) > 0
    assert (row["shown"], row["length"], row["seconds"]) == ("100", "1000", "5.0")  # 20 steps a second
    with Image.open(folder.file(RUNNER, row["still"])) as picture:
        assert (picture.format, picture.n_frames, picture.size) == ("WEBP", 1, (240, 240))
    first = provenance.sha256_file(folder.file(RUNNER, row["animation"]))
    folder.file(RUNNER, "manifest.json").unlink()
    assert folder.run(RUNNER)["files"][row["animation"]] == first  # a killed job's successor gives the same bytes


@pytest.mark.filterwarnings("ignore:.*is out of date")
def test_where_nothing_draws_the_row_says_why_and_keeps_the_rest(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "crayons")
    folder = Folder(top, "bc")
    manifest, (row,) = folder.run(RUNNER), folder.rows(RUNNER)
    assert manifest["status"] == "ok"
    assert list(manifest["files"]) == ["rollouts.csv"]
    assert "crayons" in row["reason"]
    assert "libosmesa6" not in row["reason"]  # the user's choice is to be changed, not the machine
    assert (row["animation"], row["still"], row["frames"], row["length"]) == ("", "", "", "1000")
    assert np.isfinite(float(row["episode_return"]))
    assert folder.run(MAZE)["status"] == "ok"  # paths need no renderer
    assert {row["reason"] for row in folder.rows(MAZE)} == {""}


def test_rollouts_are_made_once_and_again_for_another_policy(top: Path) -> None:
    folder = Folder(top, "bc")
    first = folder.run(MAZE)
    table = folder.file(MAZE, rollouts.TABLE).read_bytes()
    assert rollouts.is_current(folder.recipe(MAZE))
    stamp = folder.file(MAZE, rollouts.TABLE).stat().st_mtime_ns
    assert folder.run(MAZE) == first
    assert folder.file(MAZE, rollouts.TABLE).stat().st_mtime_ns == stamp
    other = Policy.from_bytes(trained("bc", folder.data(MAZE), actor_dropout=0.5)).to_bytes()
    folder.train(MAZE, "bc", other)
    assert not rollouts.is_current(folder.recipe(MAZE))
    assert folder.run(MAZE)["inputs"] != first["inputs"]
    folder.train(MAZE, "iql")  # one more cell was evaluated
    assert not rollouts.is_current(folder.recipe(MAZE))
    assert set(folder.run(MAZE)["inputs"]) == {"bc", "iql"}
    assert folder.file(MAZE, rollouts.TABLE).read_bytes() != table
    folder.file(MAZE, rollouts.TABLE).write_text("damaged")
    assert not rollouts.is_current(folder.recipe(MAZE))


def test_without_an_evaluated_cell_it_is_not_run_and_a_damaged_policy_fails(top: Path) -> None:
    folder = Folder(top)
    assert (found := folder.run(MAZE))["status"] == "not run"
    assert found["reason"] == "evaluate: no cell of this seed was evaluated"
    assert rollouts.is_current(folder.recipe(MAZE))
    folder.train(MAZE, "bc").write_bytes(b"damaged")
    failed = folder.run(MAZE)
    assert failed["status"] == "failed"
    assert "differs from the manifest" in failed["reason"]["error"]
    assert not rollouts.is_current(folder.recipe(MAZE))
    assert [path.name for path in folder.file(MAZE, "").iterdir()] == ["manifest.json"]


def test_draws_of_a_recipe_and_variants_of_a_grid_are_left_out(top: Path) -> None:
    study = new_study(top, "decisive")
    names = recipes.rollout_datasets(study)
    assert names
    assert not [name for name in names if "draw" in name]
    assert recipes.rolled_out(new_study(top, "sensitivity")) == ["qdot"]
