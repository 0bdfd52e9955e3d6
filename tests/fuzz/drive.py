"""Damaged files before every reader: `make fuzz`, or `PYTHONPATH=src:tests python -m fuzz.drive --help`.

A reader must refuse with an error of ours or read; whatever else happens is a crash. Cases are functions of seed,
target and number: a run that is stopped goes on, but not with other code, and a case can be made again.
"""

import argparse
import csv
import datetime
import hashlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fuzz.target import Target
from fuzz.worker import UNREADY, Tally, note, targets_of

from qdot.provenance import write_atomic

TOP = Path(__file__).parents[2]
CODE = ("src", "tests/fuzz")  # whose cases these are
COLUMNS = ("target", "cases", "our errors", "accepted", "crashes", "peak MiB", "seconds", "seed", "date", "commit")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; exits 1 where a case crashed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=700, help="per target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=TOP / "build" / "fuzz", help="of states, and what crashed")
    parser.add_argument("--table", type=Path, help="also write the table here")
    parser.add_argument("--target", default="", help="only targets with this in their names")
    parser.add_argument("--module", default="fuzz.targets", help="whose TARGETS")
    options = parser.parse_args(arguments)
    folder = options.folder / f"seed{options.seed}"
    _begin(folder)
    targets = {n: each for n, each in enumerate(targets_of(options.module)) if options.target in each.name}
    _work(options.module, targets, folder, options.seed, options.cases)
    rows = list(table(targets, folder, options.seed))
    _say(rows)
    if options.table:
        write_atomic(options.table, as_csv(rows))
    return int(any(row["crashes"] for row in rows))


def _commit() -> str:
    """The last one that changed the code, marked where the code differs from it; empty outside a clone."""
    last = subprocess.run(["git", "log", "-1", "--format=%H", "--", *CODE], cwd=TOP, capture_output=True, text=True)
    now = subprocess.run(["git", "status", "--porcelain", "--", *CODE], cwd=TOP, capture_output=True, text=True)
    return f"{last.stdout[:12]}{'-dirty' if now.stdout else ''}"


def _begin(folder: Path) -> None:
    """Make the folder ready; what cases of other code left there is deleted."""
    made = folder / "code"
    files = sorted(path for name in CODE for path in (TOP / name).rglob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    if folder.exists() and not (made.is_file() and made.read_text() == digest):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made.write_text(digest)


def _work(module: str, targets: Mapping[int, Target], folder: Path, seed: int, cases: int) -> None:
    """Worker after worker, until every target has its cases: one that ends early counts as the crash of its case."""
    paths = os.pathsep.join([str(TOP / "src"), str(TOP / "tests")])
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    while left := [number for number in targets if Tally.read(_state(folder, number)).done < cases]:
        command = [sys.executable, "-m", "fuzz.worker", module, str(folder), str(seed), str(cases), *map(str, left)]
        done = subprocess.run(command, check=False, env=environment, stderr=subprocess.PIPE, encoding="latin-1")
        if done.returncode:
            number = next(number for number in left if Tally.read(_state(folder, number)).done < cases)
            _note_end(targets[number], _state(folder, number), done)


def _state(folder: Path, number: int) -> Path:
    return folder / f"{number}.state"


def _note_end(target: Target, state: Path, done: "subprocess.CompletedProcess[str]") -> None:
    """Count the case at which a worker ended; the next worker goes on behind it."""
    what = f"the process ended with {done.returncode}: {done.stderr[-3000:]}"
    if done.returncode == UNREADY:
        raise SystemExit(f"{target.name}: a sound file was not read; {what}")
    tally = Tally.read(state)
    note(state.parent, target.name, tally.done, what)
    tally.done, tally.crashed = tally.done + 1, tally.crashed + 1
    tally.write(state)


def table(targets: Mapping[int, Target], folder: Path, seed: int) -> Iterator[dict[str, Any]]:
    """A row per target."""
    today, commit = datetime.datetime.now(datetime.UTC).date().isoformat(), _commit()
    for number, target in targets.items():
        tally = Tally.read(_state(folder, number))
        counts = (tally.done, tally.refused, tally.accepted, tally.crashed)
        measured = (round(tally.peak / 2**20), round(tally.milliseconds / 1000))
        yield dict(zip(COLUMNS, (target.name, *counts, *measured, seed, today, commit), strict=True))


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    """The table as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _say(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        print(", ".join(f"{key} {row[key]}" for key in COLUMNS[:7]))  # noqa: T201 - the command's output
    total = {key: sum(row[key] for row in rows) for key in COLUMNS[1:5]}
    print(", ".join(f"{key} {value}" for key, value in total.items()))  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
