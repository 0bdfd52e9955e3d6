"""Scores from elsewhere and tables of rollouts before their readers."""

import functools
from pathlib import Path

import fake_study

from qdot import external, rollouts
from qdot.provenance import hash_files, read_json, write_json
from qdot.reporting import rolled
from qdot.reporting.source import Source
from qdot.study import Study

DATASET = "pendulum-tiny"
ROWS = (
    "dataset,algorithm,readout,seed,protocol,score,source",
    f"{DATASET},CQL,,0,final,61.5,https://host.invalid/table",
    f'{DATASET},"TD3, tuned",policy,,best,-1.5e1,"somebody, somewhere"',
    "",
)


def external_scores(folder: Path) -> list[bytes]:
    """With every column, and without those that may be absent."""
    few = f"dataset,algorithm,protocol,score,source\n{DATASET},CQL,final,60,a paper\n"
    return ["\n".join(ROWS).encode(), few.encode()]


def read_external_scores(folder: Path, content: bytes) -> None:
    """As `qdot import-scores` reads them, and as the tables do."""
    path = folder / external.TABLE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    external.read(path, [DATASET])
    external.of(folder, [DATASET])


@functools.cache
def _rolled_out(folder: Path) -> tuple[Study, Path]:
    """A study of one dataset, and the folder of its rollouts: a film and paths, beside walls."""
    study = fake_study.new_study(folder, "tiny", dataset=DATASET, algorithm="iql", seed="0")
    fake_study.write_rollouts(study, ("iql",))
    made = study.stage_dir("rollouts") / DATASET
    (made / rollouts.PATHS).write_text(f"{','.join(rollouts.PATH_COLUMNS)}\n{DATASET},iql,0,0,10,0.5,-1.25\n")
    (made / rollouts.WALLS).write_text(f"{','.join(rollouts.WALL_COLUMNS)}\n2.0,0.0,0.5,1.5\n")
    return study, made


def _table(folder: Path, name: str) -> list[bytes]:
    return [(_rolled_out(folder)[1] / name).read_bytes()]


def _read(folder: Path, name: str, content: bytes) -> None:
    """As the report reads it, from a folder whose manifest vouches for it; the other tables are sound."""
    study, made = _rolled_out(folder)
    manifest, sound = read_json(made / "manifest.json"), (made / name).read_bytes()
    try:
        (made / name).write_bytes(content)
        files = hash_files(made, [*manifest["files"], rollouts.PATHS, rollouts.WALLS])
        write_json(made / "manifest.json", manifest | {"files": files}, durable=False)
        rolled.read(Source(study))
    finally:
        (made / name).write_bytes(sound)


def rollout_tables(folder: Path) -> list[bytes]:
    """What each policy did."""
    return _table(folder, rollouts.TABLE)


def read_rollout_table(folder: Path, content: bytes) -> None:
    """As the report reads it."""
    _read(folder, rollouts.TABLE, content)


def path_tables(folder: Path) -> list[bytes]:
    """Points of paths."""
    return _table(folder, rollouts.PATHS)


def read_path_table(folder: Path, content: bytes) -> None:
    """As the report reads it."""
    _read(folder, rollouts.PATHS, content)


def wall_tables(folder: Path) -> list[bytes]:
    """A maze's walls."""
    return _table(folder, rollouts.WALLS)


def read_wall_table(folder: Path, content: bytes) -> None:
    """As the report reads it."""
    _read(folder, rollouts.WALLS, content)
