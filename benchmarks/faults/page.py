"""The table of kills in docs/faults.md from the kept logs: `python benchmarks/faults/page.py`."""

import sys
from collections.abc import Iterable
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1]
sys.path.insert(0, str(BENCHMARKS))

import markdown  # noqa: E402 - needs the path above, as what follows
import table  # noqa: E402
from faults.run import SAME  # noqa: E402
from faults.scenes import DIRTY  # noqa: E402

from qdot.provenance import write_atomic  # noqa: E402

PAGE = BENCHMARKS.parent / "docs/faults.md"
HEADER = ("commit", "job", "kills", "of them while training ran", "rounds", "seeds", "rounds that differ", "dates")
NONE = "Not run yet at this commit."


def rows_of(kills: Iterable[table.Row]) -> list[list[str]]:
    """A row per commit and job, in the order of the log; code that was not committed counts for nothing."""
    found: dict[tuple[str, str], list[table.Row]] = {}
    for kill in kills:
        if not kill["commit"].endswith(DIRTY):
            found.setdefault((kill["commit"], kill["job"]), []).append(kill)
    return [[f"`{commit[:12]}`", job, *_counts(own)] for (commit, job), own in found.items()]


def _counts(kills: list[table.Row]) -> list[str]:
    rounds = {(kill["seed"], kill["round"]): kill["digests"] for kill in kills}
    training = sum("train" in kill["stage"].split("+") for kill in kills)
    differ = sum(verdict != SAME for verdict in rounds.values())
    dates = sorted({kill["date"] for kill in kills})
    seeds = ", ".join(sorted({kill["seed"] for kill in kills}, key=int))
    days = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return [str(len(kills)), str(training), str(len(rounds)), seeds, str(differ), days]


def filled(text: str, results: Path = table.RESULTS) -> str:
    """The page with its table from the logs in a folder."""
    rows = rows_of(row for file in sorted(results.glob("faults-*.csv")) for row in table.read(file))
    return markdown.fill(text, "kills", markdown.table(HEADER, rows) if rows else NONE)


if __name__ == "__main__":
    write_atomic(PAGE, filled(PAGE.read_text(encoding="utf-8")))
