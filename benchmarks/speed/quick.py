"""`make quick` before the work on speed and now, in turns: `python benchmarks/speed/quick.py`; see README.md beside.

Before: commit 8c24192 (2026-11-24), the parent of the first commit made for speed, 5631695 (evaluation in lockstep);
eccdd26 (the algorithms of a dataset in one process) and every compiled part came later. Its suite `quick` is the same
as today's, word for word; where the two would train or evaluate something else, nothing is measured. What today's run
does besides (replays, rollouts for the report, more tables) counts as time of today's.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import table

from qdot import strict_yaml
from qdot.errors import QdotError

TOP = Path(__file__).parents[2]
BEFORE, RUNS, GOAL = "8c24192f6add0cf87c00987f0e8cfc5158cd44f8", 5, 1.4
DEFAULTS = ("train", "evaluate", "transport", "algorithms")


def clone(commit: str, folder: Path) -> None:
    """A commit's files, as a repository without results, with this checkout's environment.

    Raises:
        QdotError: git cannot give them.
    """
    for arguments in (["clone", "--quiet", "--shared", "--no-checkout", str(TOP), str(folder)],
                      ["-C", str(folder), "checkout", "--quiet", "--detach", commit]):  # fmt: skip
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise QdotError(f"git {' '.join(arguments)}: {done.stderr.strip()}; run this in a clone with its history")
    (folder / ".venv").symlink_to(TOP / ".venv")


def values(folder: Path, suite: str) -> dict[str, Any]:
    """What of a checkout's params.yaml a suite's work depends on."""
    found = strict_yaml.parse((folder / "params.yaml").read_bytes())
    chosen = found["suites"][suite]
    datasets = {name: found["datasets"][name] for name in chosen["datasets"]}
    domains = {each["domain"]: found["domains"][each["domain"]] for each in datasets.values()}
    return {"suite": chosen, "datasets": datasets, "domains": domains} | {name: found[name] for name in DEFAULTS}


def differing(one: Mapping[str, Any], other: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Keys that both have, with other values; a key that one alone has is a later choice, a number's strength."""
    for key in one.keys() & other.keys():
        if isinstance(one[key], Mapping) and isinstance(other[key], Mapping):
            yield from differing(one[key], other[key], f"{above}{key}.")
        elif one[key] != other[key]:
            yield f"{above}{key}"


def require_same_work(before: Path, now: Path, suite: str) -> None:
    """Refuse to compare two checkouts whose suite is not the same.

    Raises:
        QdotError: it names the keys.
    """
    pair = [values(folder, suite) for folder in (before, now)]
    found = sorted(differing(*pair))
    if found or pair[0]["suite"] != pair[1]["suite"]:
        raise QdotError(
            f"suite {suite}: {', '.join(found) or 'its keys'} differ between the two checkouts; "
            "expected the same work: choose another --before, or a suite that did not change"
        )


def seconds(folder: Path, suite: str, cores: int) -> float:
    """Wall seconds of the suite, from nothing to its report, as `make` runs it.

    Raises:
        QdotError: it failed.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("QDOT_", "PYTHONPATH"))}
    environment |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    start = time.perf_counter()
    done = subprocess.run(
        ["workflow/run", suite, "--cores", str(cores)],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode or not (folder / f"reports/build/{suite}/index.html").is_file():
        raise QdotError(f"suite {suite} in {folder} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return time.perf_counter() - start


def turn(commits: Mapping[str, str], suite: str, cores: int) -> dict[str, float]:
    """Seconds of each side, in fresh clones, one after the other."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folders = {side: Path(name) / side for side in commits}
        for side, commit in commits.items():
            clone(commit, folders[side])
        require_same_work(folders["before"], folders["now"], suite)
        for side, folder in folders.items():
            found[side] = seconds(folder, suite, cores)
            print(f"{side} ({commits[side][:7]}): {found[side]:.0f} s", flush=True)
    return found


def main() -> int:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default=BEFORE, metavar="COMMIT")
    parser.add_argument("--now", default="HEAD", metavar="COMMIT")
    parser.add_argument("--suite", default="quick", help="another one, to try this script: nothing is kept then")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--runs", type=int, default=RUNS, help="of each side, some 17 minutes each")
    chosen = parser.parse_args()
    commits = {"before": chosen.before, "now": chosen.now}
    turns = [turn(commits, chosen.suite, chosen.cores) for _ in range(chosen.runs)]
    both = [[each[side] for each in turns] for side in ("now", "before")]
    metric = f"study: make {chosen.suite}, from nothing, beside commit {chosen.before[:7]}"
    row = table.row(metric, *both, "s", None, GOAL, chosen.cores)
    if (chosen.suite, chosen.before, chosen.now) == ("quick", BEFORE, "HEAD"):
        table.publish([row], whole=("study: make quick",))
    else:
        table.say(row)
    return 0


if __name__ == "__main__":
    sys.exit(main())
