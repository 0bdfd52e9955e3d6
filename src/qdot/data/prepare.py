"""A dataset from its source to `arrays.safetensors` and `manifest.json`."""

import importlib.metadata
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from qdot.data.actions import rescale
from qdot.data.episodes import cut_episodes
from qdot.data.files import replacing
from qdot.data.source import Request, Source, open_source
from qdot.data.validate import check_recording
from qdot.errors import DataError
from qdot.provenance import sha256_file, write_json

log = logging.getLogger("qdot")

SCHEMA = 1
ARRAYS_FILE, MANIFEST_FILE = "arrays.safetensors", "manifest.json"
DESCRIPTION = ("reference_scores", "reference_source", "licence", "environment")
PACKAGES = {
    "d4rl": ("numpy", "safetensors", "h5py"),
    "file": ("numpy", "safetensors", "h5py", "minari"),
    "minari": ("numpy", "safetensors", "h5py", "minari"),
    "collect": ("numpy", "safetensors", "h5py", "minari", "gymnasium", "mujoco"),
}


def prepare(
    dataset: str,
    values: Mapping[str, Any],
    data_params: Mapping[str, Any],
    directory: Path,
    raw_directory: Path,
    digest: str,
    root: Path = Path(),
) -> dict[str, Any]:
    """Fetch or collect one dataset, check it, and write it as flat arrays.

    Args:
        dataset: Its name in params.yaml.
        values: Resolved values of the dataset: `source` (d4rl, minari, collect, file) and what that source needs.
        data_params: Section `data` of params.yaml.
        directory: Gets `arrays.safetensors` and, last, `manifest.json`.
        raw_directory: Where raw files lie (`data/raw`).
        digest: What the result is made from; recorded.
        root: The project's top folder.

    Returns:
        The manifest.

    Raises:
        DataError: the dataset cannot be fetched, read or trusted; nothing is written to `directory` then.
    """
    source = open_source(Request(dataset, values, data_params, raw_directory, root))
    check_recording(source.recording, source.widths)
    arrays, clipped = to_arrays(source, bool(values.get("clip_actions", False)))
    manifest = {"schema": SCHEMA, "dataset": dataset, "status": "ok", "reason": None, "digest": digest}
    manifest |= describe_source(source, values) | statistics(arrays) | {"clipped_actions": clipped}
    manifest["files"] = {ARRAYS_FILE: write_arrays(directory / ARRAYS_FILE, arrays)}
    write_json(directory / MANIFEST_FILE, manifest)
    counts = f"{manifest['transitions']:,} transitions in {manifest['episodes']:,} episodes"
    log.info("%s: %s, %s", dataset, counts, source.checksum)
    return manifest


def to_arrays(source: Source, clip_actions: bool) -> tuple[dict[str, np.ndarray], int]:
    """The six arrays of a prepared dataset, and how many action values the clipping changed."""
    recording = source.recording
    actions, clipped = rescale(recording, source.action_low, source.action_high, clip_actions)
    transitions = cut_episodes(recording)
    rows = transitions.rows
    arrays = {
        "observations": recording.observations[rows],
        "actions": actions[rows],
        "rewards": recording.rewards[rows],
        "next_observations": transitions.next_observations,
        "terminals": recording.terminals[rows].astype(np.float32),
        "episode_starts": transitions.episode_starts,
    }
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}, clipped


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> str:
    """Write arrays atomically as safetensors; returns the file's SHA-256.

    Raises:
        DataError: the folder cannot be written.
    """
    with replacing(path) as temporary:
        try:
            save_file(arrays, temporary)
        except (OSError, SafetensorError) as error:
            raise DataError(
                f"{path}: cannot be written ({error}); expected a writable folder with free space"
            ) from error
    return sha256_file(path)


def describe_source(source: Source, values: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest's entries about the raw data: origin, checksum, action bounds, and what params.yaml says of it."""
    return {
        "source": values["source"],
        "url_or_recipe": source.origin,
        "fetched_from": source.fetched_from,
        "raw_file": str(source.path),
        "raw_bytes": source.bytes,
        "raw_sha256": source.sha256,
        "checksum": source.checksum,
        "action_low": source.action_low.tolist(),
        "action_high": source.action_high.tolist(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES[values["source"]]},
        **{key: values.get(key) for key in DESCRIPTION},
    }


def statistics(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Counts, and returns over the transitions that are kept (what reward normalisation uses; as in IQL)."""
    rewards, starts = arrays["rewards"], arrays["episode_starts"]
    returns = np.add.reduceat(rewards.astype(np.float64), starts)
    return {
        "transitions": len(rewards),
        "episodes": len(starts),
        "terminals": int(arrays["terminals"].sum(dtype=np.float64)),
        "observation_dim": arrays["observations"].shape[1],
        "action_dim": arrays["actions"].shape[1],
        "return_mean": float(returns.mean()),
        "return_min": float(returns.min()),
        "return_max": float(returns.max()),
        "return_source": "kept transitions, rewards as recorded",
        "episode_length_mean": len(rewards) / len(starts),
        "reward_min": float(rewards.min()),
        "reward_max": float(rewards.max()),
    }
