"""Recordings and prepared data before their readers."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import d4rl_files
import h5py
import numpy as np
import safetensors.numpy

from qdot.data.batch import load_prepared, training_dataset
from qdot.data.episodes import cut_episodes
from qdot.data.hdf5 import read_d4rl
from qdot.data.minari import read_minari
from qdot.data.prepare import to_columns
from qdot.data.source import Source
from qdot.data.statistics import recorded_statistics, statistics
from qdot.data.steps import read_steps
from qdot.data.validate import check_recording
from qdot.provenance import hash_files, write_json

ROWS = 12
ARRAYS = {
    "observations": np.linspace(0, 1, 4 * ROWS, dtype=np.float32).reshape(ROWS, 4),
    "actions": np.linspace(-0.9, 0.9, 2 * ROWS, dtype=np.float32).reshape(ROWS, 2),
    "rewards": np.linspace(-1, 1, ROWS, dtype=np.float32),
    "terminals": np.arange(ROWS) == 3,
    "timeouts": np.arange(ROWS) == 7,
}


def d4rl_layouts(folder: Path) -> list[bytes]:
    """As recorders write them: contiguous, in compressed chunks, float64 with next observations, true layouts."""
    path, found = folder / "sample.hdf5", []
    kinds: list[dict[str, Any]] = [{}, {"chunks": True, "compression": "gzip", "shuffle": True, "fletcher32": True}]
    for kind in kinds:
        with h5py.File(path, "w") as file:
            for key, array in ARRAYS.items():
                file.create_dataset(key, data=array, **kind)
        found.append(path.read_bytes())
    with h5py.File(path, "w", libver="latest") as file:
        for key, array in ARRAYS.items():
            file.create_dataset(key, data=array.astype(np.float64))
        file["next_observations"] = np.roll(ARRAYS["observations"], -1, axis=0).astype(np.float64)
        file["infos/qpos"] = np.zeros((ROWS, 3))
        file["infos/qvel"] = np.zeros((ROWS, 3))
    found.append(path.read_bytes())
    for name in ("hopper-medium-replay-v2", "antmaze-umaze-v0", "kitchen-complete-v0"):
        found.append(d4rl_files.write_file(name, path, 30, 0).read_bytes())
    return found


def read_recording(folder: Path, content: bytes) -> None:
    """From the file to the columns and statistics of a prepared dataset."""
    path = folder / "data.hdf5"
    path.write_bytes(content)
    recording = read_d4rl(path, "recorded", 1.0)
    check_recording(recording, None)
    width = recording.actions.shape[1]
    low, high = np.full(width, -1.0), np.full(width, 1.0)
    cut_episodes(recording)
    columns, _ = to_columns(Source(recording, low, high, None, path, "", "", "", 0, "recorded"), clip_actions=True)
    statistics(columns)
    recorded_statistics(recording)


def read_hdf5_steps(folder: Path, content: bytes) -> None:
    """The rows that a replay takes."""
    (folder / "data.hdf5").write_bytes(content)
    read_steps(folder / "data.hdf5", 5)


def npy(array: np.ndarray) -> bytes:
    """An array as an npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of npy files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


STEPS = {key: npy(array) for key, array in ARRAYS.items()}


def archives(folder: Path) -> list[bytes]:
    """Stored and deflated."""
    return [zipped(STEPS, method) for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)]


def read_archive(folder: Path, content: bytes) -> None:
    """The rows that a replay takes."""
    (folder / "data.npz").write_bytes(content)
    read_steps(folder / "data.npz", 5)


def npy_arrays(folder: Path) -> list[bytes]:
    """The observations, in several kinds."""
    return [npy(ARRAYS["observations"].astype(kind)) for kind in (np.float32, np.float64, np.float16)]


def read_npy_array(folder: Path, content: bytes) -> None:
    """A sound archive around the array, so that no checksum stands before it."""
    read_archive(folder, zipped(STEPS | {"observations": content}))


BOX = {"type": "Box", "dtype": "float32", "shape": [4], "low": [-1.0] * 4, "high": [1.0] * 4}
METADATA = {
    "total_episodes": 2,
    "total_steps": ROWS,
    "data_format": "hdf5",
    "observation_space": json.dumps(BOX),
    "action_space": json.dumps(BOX | {"shape": [2], "low": [-1.0] * 2, "high": [1.0] * 2}),
    "dataset_id": "toy/steps-v0",
    "minari_version": "0.5.3",
    "author": ["nobody"],
}


def minari_data(folder: Path) -> list[bytes]:
    """Two episodes; main_data.hdf5, and the rest of the folder beside."""
    data = folder / "set" / "data"
    data.mkdir(parents=True)
    (data / "metadata.json").write_text(json.dumps(METADATA))
    with h5py.File(data / "main_data.hdf5", "w") as file:
        for number, rows in enumerate((slice(0, 5), slice(5, 11))):
            group = file.create_group(f"episode_{number}")
            group.attrs["id"], group.attrs["total_steps"] = number, rows.stop - rows.start
            group.create_dataset("observations", data=ARRAYS["observations"][rows.start : rows.stop + 1], chunks=True)
            group.create_dataset("actions", data=ARRAYS["actions"][rows], chunks=True)
            group.create_dataset("rewards", data=ARRAYS["rewards"][rows].astype(np.float64), chunks=True)
            group.create_dataset("terminations", data=ARRAYS["terminals"][rows])
            group.create_dataset("truncations", data=ARRAYS["timeouts"][rows])
            group.create_group("infos")
    return [(data / "main_data.hdf5").read_bytes()]


def read_minari_data(folder: Path, content: bytes) -> None:
    """The whole dataset."""
    (folder / "set" / "data" / "main_data.hdf5").write_bytes(content)
    check_recording(read_minari(folder / "set").recording, None)


def minari_metadata(folder: Path) -> list[bytes]:
    """metadata.json, and the data beside."""
    minari_data(folder)
    spec = {
        "id": "Pendulum-v1",
        "entry_point": "os:system",
        "kwargs": {},
        "additional_wrappers": [],
        "nondeterministic": False,
    }
    more = METADATA | {"env_spec": json.dumps(spec), "jpeg_encoding": False, "requirements": ["numpy"]}
    return [json.dumps(METADATA).encode(), json.dumps(more, indent=1).encode()]


def read_minari_metadata(folder: Path, content: bytes) -> None:
    """The whole dataset."""
    (folder / "set" / "data" / "metadata.json").write_bytes(content)
    check_recording(read_minari(folder / "set").recording, None)


PREPARED: dict[str, np.ndarray] = {
    "observations": ARRAYS["observations"],
    "actions": ARRAYS["actions"],
    "rewards": ARRAYS["rewards"],
    "next_observations": ARRAYS["observations"],
    "terminals": ARRAYS["terminals"].astype(np.float32),
    "episode_starts": np.array([0, 4, 8]),
}
MANIFEST = {
    "schema": 1,
    "dataset": "toy",
    "status": "ok",
    "reason": None,
    "digest": "d" * 64,
    "return_min": -1.5,
    "return_max": 2.5,
    "action_low": [-1.0, -2.0],
    "action_high": [1.0, 2.0],
    "files": {"arrays.safetensors": "0" * 64},
}


def prepared_arrays(folder: Path) -> list[bytes]:
    """arrays.safetensors, and the manifest beside."""
    write_json(folder / "manifest.json", MANIFEST)
    return [safetensors.numpy.save(PREPARED)]


def read_prepared(folder: Path) -> None:
    """As training reads it."""
    prepared = load_prepared(folder)
    for reward in ("as_is", "normalise_returns"):
        training_dataset(prepared, reward, normalise_observations=True)


def read_prepared_arrays(folder: Path, content: bytes) -> None:
    """Any bytes as arrays.safetensors."""
    (folder / "arrays.safetensors").write_bytes(content)
    write_json(folder / "manifest.json", MANIFEST | {"files": hash_files(folder, ["arrays.safetensors"])})
    read_prepared(folder)


def prepared_headers(folder: Path) -> list[bytes]:
    """The header's JSON."""
    (content,) = prepared_arrays(folder)
    return [content[8 : 8 + int.from_bytes(content[:8], "little")]]


def with_header(content: bytes, header: bytes) -> bytes:
    """A safetensors file with another header, its length put right."""
    return len(header).to_bytes(8, "little") + header + content[8 + int.from_bytes(content[:8], "little") :]


def read_prepared_header(folder: Path, content: bytes) -> None:
    """Any text as the header of arrays.safetensors."""
    read_prepared_arrays(folder, with_header(safetensors.numpy.save(PREPARED), content))


def prepared_manifests(folder: Path) -> list[bytes]:
    """manifest.json, and the arrays beside."""
    (folder / "arrays.safetensors").write_bytes(safetensors.numpy.save(PREPARED))
    files = hash_files(folder, ["arrays.safetensors"])
    return [json.dumps(MANIFEST | {"files": files}, indent=1).encode()]


def read_prepared_manifest(folder: Path, content: bytes) -> None:
    """Any bytes as manifest.json."""
    (folder / "manifest.json").write_bytes(content)
    read_prepared(folder)
