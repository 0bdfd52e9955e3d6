"""Damaged files before every reader: `make fuzz`, or `PYTHONPATH=src:tests python -m fuzz.drive --help`.

A reader must refuse with an error of ours or read; whatever else happens is a crash. Cases are functions of seed,
target and number: a run that is stopped goes on, and a case can be made again.
"""

import argparse
import csv
import datetime
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fuzz.targets import TARGETS
from fuzz.worker import UNREADY, Tally

from qdot.provenance import write_atomic

TOP = Path(__file__).parents[2]
COLUMNS = ("target", "cases", "our errors", "accepted", "crashes", "peak MiB", "seconds", "seed", "date")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; exits 1 where a case crashed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=700, help="per target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--folder", type=Path, default=TOP / "build" / "fuzz", help="states, and the files that crashed"
    )
    parser.add_argument("--table", type=Path, help="also write the table here")
    parser.add_argument("--target", help="only targets with this in their names")
    options = parser.parse_args(arguments)
    folder = options.folder / f"seed{options.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [number for number, target in enumerate(TARGETS) if (options.target or "") in target.name]
    _work(folder, options.seed, options.cases, chosen)
    rows = list(table(folder, options.seed, chosen))
    _say(rows)
    if options.table:
        write_atomic(options.table, as_csv(rows))
    return int(any(row["crashes"] for row in rows))


def _work(folder: Path, seed: int, cases: int, chosen: Sequence[int]) -> None:
    """Worker after worker, until every target has its cases: one that ends early counts as the crash of its case."""
    paths = os.pathsep.join([str(TOP / "src"), str(TOP / "tests")])
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    while left := [number for number in chosen if Tally.read(_state(folder, number)).done < cases]:
        command = [sys.executable, "-m", "fuzz.worker", str(folder), str(seed), str(cases), *map(str, left)]
        done = subprocess.run(command, check=False, env=environment, stderr=subprocess.PIPE, encoding="latin-1")
        if done.returncode:
            number = next(number for number in left if Tally.read(_state(folder, number)).done < cases)
            _note_end(folder, number, done)


def _state(folder: Path, number: int) -> Path:
    return folder / f"{number}.state"


def _note_end(folder: Path, number: int, done: "subprocess.CompletedProcess[str]") -> None:
    """Count the case at which a worker ended; the next worker goes on behind it."""
    tally = Tally.read(_state(folder, number))
    what = f"the process ended with {done.returncode}: {done.stderr[-3000:]}"
    if done.returncode == UNREADY:
        raise SystemExit(f"{TARGETS[number].name}: {what}")
    with (folder / "crashes.jsonl").open("a") as file:
        file.write(json.dumps({"target": TARGETS[number].name, "case": tally.done, "what": what}) + "\n")
    tally.done, tally.crashed = tally.done + 1, tally.crashed + 1
    tally.write(_state(folder, number))


def table(folder: Path, seed: int, chosen: Sequence[int]) -> Iterator[dict[str, Any]]:
    """A row per target."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    for number in chosen:
        tally = Tally.read(_state(folder, number))
        counts = (tally.done, tally.refused, tally.accepted, tally.crashed)
        measured = (round(tally.peak / 2**20), round(tally.milliseconds / 1000))
        yield dict(zip(COLUMNS, (TARGETS[number].name, *counts, *measured, seed, today), strict=True))


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
