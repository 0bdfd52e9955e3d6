"""A dataset from its source to `arrays.safetensors` and `manifest.json`."""

import importlib.metadata
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qdot.data.actions import rescale
from qdot.data.arrays import Column, write_columns
from qdot.data.episodes import Transitions, cut_episodes
from qdot.data.source import Request, Source, open_source
from qdot.data.statistics import recorded_statistics, statistics
from qdot.data.validate import check_recording
from qdot.provenance import write_json

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
    columns, clipped = to_columns(source, bool(values.get("clip_actions", False)))
    manifest = {"schema": SCHEMA, "dataset": dataset, "status": "ok", "reason": None, "digest": digest}
    manifest |= describe_source(source, values) | statistics(columns) | {"clipped_actions": clipped}
    manifest["recorded"] = recorded_statistics(source.recording)
    manifest["files"] = {ARRAYS_FILE: write_columns(directory / ARRAYS_FILE, columns)}
    write_json(directory / MANIFEST_FILE, manifest)
    counts = f"{manifest['transitions']:,} transitions in {manifest['episodes']:,} episodes"
    log.info("%s: %s, %s", dataset, counts, source.checksum)
    return manifest


def to_columns(source: Source, clip_actions: bool) -> tuple[dict[str, Column], int]:
    """The six arrays of a prepared dataset, and how many action values the clipping changed."""
    recording = source.recording
    actions, clipped = rescale(recording, source.action_low, source.action_high, clip_actions)
    made: Transitions = cut_episodes(recording)
    columns = {
        "observations": Column(recording.observations, made.rows),
        "actions": Column(actions, made.rows),
        "rewards": Column(recording.rewards, made.rows),
        "next_observations": Column(made.successors, made.following),
        "terminals": Column(recording.terminals, made.rows),
        "episode_starts": Column(made.episode_starts, dtype=np.int64),
    }
    return columns, clipped


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
