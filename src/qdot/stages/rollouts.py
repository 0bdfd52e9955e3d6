"""`qdot rollouts`: what one seed's policies do on a dataset's task: paths on a maze, or a short animation."""

import logging
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from qdot import provenance, rollouts
from qdot.envs import renderer
from qdot.envs.registry import find_spec, simulators
from qdot.envs.walls import walls
from qdot.errors import ResultsError, failure, printable
from qdot.evaluation.animation import SIZE, animation, still
from qdot.evaluation.recorded import Recorded
from qdot.evaluation.rollout import Episode, episode_seed, make_environments, run_block
from qdot.evaluation.tables import write_rows
from qdot.stages.locks import locked
from qdot.stages.runtime import runtime
from qdot.training.checkpoint import Policy
from qdot.training.loop import threads

log = logging.getLogger("qdot")

SCHEMA = 1
POLICY = "policy.safetensors"
EPISODES = 3  # whose paths are drawn
POINTS = 60  # of a path, evenly spaced, first and last included
FRAMES = 40  # of an animation, beside the first
SECONDS = 5.0  # that it lasts at most
WHOLE = 25.0  # simulated seconds up to which an episode is shown whole, faster than it was

Rows = list[dict[str, Any]]


def run(recipe_path: Path) -> None:
    """Roll out what is due of a recipe; what cannot be says why in the manifest, or in its row."""
    recipe, started = provenance.read_json(recipe_path), time.perf_counter()
    folder = Path(recipe["folder"])
    with locked(recipe):
        provenance.clear_unfinished(folder)
        if rollouts.is_current(recipe):
            os.utime(folder / "manifest.json")
            log.info("nothing to do: the rollouts are of today's policies")
            return
        for path in folder.glob("*"):
            path.unlink()
        inputs = rollouts.sources(recipe)
        reason: Any = None if inputs else "evaluate: no cell of this seed was evaluated"
        status = "ok" if inputs else "not run"
        try:
            with threads(1):
                files = _roll_out(recipe, inputs) if inputs else []
        except Exception as error:
            log.exception("failed")
            reason = failure("rollouts", f"{type(error).__name__}: {error}")
            status, files = "failed", []
        if status == "ok":
            provenance.write_json(folder / "runtime.json", runtime(started))
        _finish(recipe, inputs, status, reason, files)


def _finish(recipe: Mapping[str, Any], inputs: Mapping[str, str], status: str, reason: Any, files: list[str]) -> None:
    """Write the manifest: the last act."""
    folder = Path(recipe["folder"])
    manifest = {
        "schema": SCHEMA,
        **{key: recipe[key] for key in ("stage", "suite", "dataset", "seed", "digest", "code")},
        "versions": recipe["packages"],
        "status": status,
        "reason": reason,
        "inputs": inputs,
        "files": provenance.hash_files(folder, files),
    }
    provenance.write_manifest(folder / "manifest.json", manifest)


def _roll_out(recipe: Mapping[str, Any], inputs: Mapping[str, str]) -> list[str]:
    """Roll every policy out and write what is seen; returns names of files."""
    folder, place = Path(recipe["folder"]), recipe["place"]
    obstacle = None if place else _prepare(recipe["environment"])
    rows: Rows = []
    points: Rows = []
    files = [rollouts.TABLE]
    for cell in recipe["cells"]:
        if cell["algorithm"] not in inputs:
            continue
        names = {key: recipe[key] for key in ("dataset", "seed")} | {key: cell[key] for key in ("algorithm", "readout")}
        policy = _load(cell, inputs[cell["algorithm"]])
        if place:
            paths, seen = _paths(recipe, cell, policy)
            points += [names | point for point in seen]
            rows += [names | row for row in paths]
            continue
        row, pictures = _film(recipe, cell, policy, obstacle)
        rows.append(names | row)
        for name, content in pictures.items():
            provenance.write_atomic(folder / name, content)
        files += pictures
        log.info(
            "%s: %s", cell["algorithm"], f"{row['frames']} frames" if pictures else f"not rendered: {row['reason']}"
        )
    write_rows(folder / rollouts.TABLE, rollouts.COLUMNS, rows)
    if place:
        found = [wall._asdict() for wall in walls(make_environments(recipe["environment"], 1)[0])]
        write_rows(folder / rollouts.PATHS, rollouts.PATH_COLUMNS, points)
        write_rows(folder / rollouts.WALLS, rollouts.WALL_COLUMNS, found)
        files += [rollouts.PATHS, rollouts.WALLS]
    return files


def _prepare(environment: str) -> str | None:
    """Choose what MuJoCo draws with, before anything imports it; returns why it cannot draw."""
    if "mujoco" not in simulators(find_spec(environment)):
        return None
    chosen, reason = renderer.choose()
    if chosen is None:
        return reason
    os.environ[renderer.VARIABLE] = chosen
    log.info("drawing with %s=%s", renderer.VARIABLE, chosen)
    return None


def _load(cell: Mapping[str, Any], recorded: str) -> Policy:
    """A cell's policy.

    Raises:
        ResultsError: it is not the file that its manifest records.
    """
    folder = Path(cell["train"])
    if any(provenance.damaged_files(folder, {POLICY: recorded})):
        raise ResultsError(f"{folder}: {POLICY} differs from the manifest; the next run trains it again")
    return Policy.load(folder / POLICY)


def _run(environments: list[Any], recipe: Mapping[str, Any], cell: Mapping[str, Any], policy: Policy) -> list[Episode]:
    """The first episodes of the final evaluation again, one in each environment."""
    seeds = [
        episode_seed(recipe["dataset"], "final", recipe["seed"], cell["steps"], episode)
        for episode in range(len(environments))
    ]
    return run_block(environments, policy, cell["readout"], seeds, cell["discount"])


def _told(index: int, episode: Episode) -> dict[str, Any]:
    success = "" if episode.success is None else episode.success
    return {
        "episode": index,
        "episode_return": episode.total,
        "length": episode.length,
        "success": success,
        "reason": "",
    }


def _paths(recipe: Mapping[str, Any], cell: Mapping[str, Any], policy: Policy) -> tuple[Rows, Rows]:
    """Rows of the episodes, and of the points that their paths pass."""
    across, up = recipe["place"]
    plain = make_environments(recipe["environment"], min(EPISODES, cell["episodes"]))
    watched = [Recorded(each, lambda _, seen: (float(seen[across]), float(seen[up]))) for each in plain]
    episodes = _run(watched, recipe, cell, policy)
    points = []
    for index, each in enumerate(watched):
        for chosen in np.unique(np.linspace(0, len(each.steps) - 1, POINTS).round().astype(int)).tolist():
            x, y = each.seen[chosen]
            points.append({"episode": index, "step": each.steps[chosen], "x": round(x, 4), "y": round(y, 4)})
        each.close()
    return [_told(index, episode) | {"shown": episode.length} for index, episode in enumerate(episodes)], points


def _film(
    recipe: Mapping[str, Any], cell: Mapping[str, Any], policy: Policy, obstacle: str | None
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The row of the first episode, and its pictures by name; where there are none, the row says why."""
    plain = make_environments(recipe["environment"], 1)
    (episode,) = _run(plain, recipe, cell, policy)
    row = _told(0, episode)
    per_second = float(plain[0].metadata.get("render_fps") or 20)
    plain[0].close()
    if obstacle is not None:
        return row | {"reason": obstacle}, {}
    shown = episode.length if episode.length / per_second <= WHOLE else round(SECONDS * per_second)
    every = -(-shown // FRAMES)
    try:
        frames, filmed = _frames(recipe, cell, policy, every, shown)
        seconds = min(SECONDS, shown / per_second)
        moving = animation(frames, max(20, round(1000 * seconds / len(frames))))
        middle = still(frames[len(frames) // 2])  # the start looks the same whatever the policy
        pictures = {f"{cell['algorithm']}.webp": moving, f"{cell['algorithm']}-still.webp": middle}
    except Exception as error:  # the episode ran: whatever fails here is the renderer's, and the row says it
        log.debug("%s: not rendered", cell["algorithm"], exc_info=True)
        return row | {"reason": printable((str(error).strip() or type(error).__name__).splitlines()[0])}, {}
    names = dict(zip(("animation", "still"), pictures, strict=True))
    return _told(0, filmed) | {"shown": shown, "frames": len(frames), "seconds": round(seconds, 3)} | names, pictures


def _frames(
    recipe: Mapping[str, Any], cell: Mapping[str, Any], policy: Policy, every: int, until: int
) -> tuple[list[Any], Episode]:
    """The episode once more, drawn at its start and every so many steps.

    Raises:
        ResultsError: it gave fewer than two frames.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is out of date", DeprecationWarning)  # the version is chosen
        drawn = gymnasium.make(recipe["environment"], render_mode="rgb_array")
    renderer.simplify(drawn, SIZE)
    watched = Recorded(drawn, lambda environment, _: environment.render(), every, until)
    try:
        (episode,) = _run([watched], recipe, cell, policy)
    finally:
        watched.close()
    if len(watched.seen) < 2:
        raise ResultsError(f"{len(watched.seen)} frame of an episode of {episode.length} steps; expected two or more")
    return watched.seen, episode
