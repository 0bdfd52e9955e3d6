"""The table of the benchmarks on one kind of machine, a row per comparison; each script keeps its own rows."""

import csv
import datetime
import io
import platform
import re
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from qdot.provenance import write_atomic

RESULTS = Path(__file__).with_name("results")
COLUMNS = ("metric", "ours", "peer", "unit", "ratio", "goal", "threads", "precision", "runs", "device", "date")
NOT_MEASURED = "not measured"
Row = dict[str, Any]


def row(
    metric: str,
    ours: Sequence[float],
    peer: Sequence[float],
    unit: str,
    work: float | None = None,
    goal: float | str = "",
    threads: int = 1,
    precision: str = "float32",
) -> Row:
    """Medians of both sides, and the median of the runs' ratios, which is better when higher.

    The two sides of a run are neighbours in time, so what else the machine does falls on both: their ratio is steadier
    than either side. It is therefore not the ratio of the medians shown, and may even lie on the other side of 1.

    Args:
        metric: What is compared.
        ours: Seconds of each run.
        peer: Seconds of the peer in the same turns.
        unit: Of what is shown.
        work: What a run does, in the unit times seconds: rates are shown; None: the seconds themselves.
        goal: Least ratio that is asked for.
        threads: Of either side.
        precision: Of the numbers.
    """
    ratio = statistics.median(theirs / mine for mine, theirs in zip(ours, peer, strict=True))
    middle = [statistics.median(times) for times in (ours, peer)]
    shown = [_three_digits(value if work is None else work / value) for value in middle]
    return _row(metric, *shown, unit, f"{ratio:.3f}", goal, threads, precision, len(ours), device())


def single(metric: str, value: float, unit: str, threads: int = 1, precision: str = "float32") -> Row:
    """A number without a peer."""
    return _row(metric, _three_digits(value), "", unit, "", "", threads, precision, 1, device())


def missing(metric: str, unit: str, goal: float | str, device: str) -> Row:
    """A comparison that this machine cannot make."""
    return _row(metric, NOT_MEASURED, "", unit, "", goal, "", "", 0, device)


def _row(*values: Any) -> Row:
    return dict(zip(COLUMNS, (*values, today()), strict=True))


def today() -> str:
    """The date, in UTC."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _three_digits(value: float) -> str:
    """At least three significant digits, and no exponent."""
    digits = max(0, 2 - int(f"{value:e}".partition("e")[2]))
    return f"{value:.{digits}f}"


def device() -> str:
    """The processor's name and its cores."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.machine()


def path(name: str | None = None) -> Path:
    """The table of a kind of machine; None: of this one."""
    return RESULTS / f"{re.sub('[^a-z0-9]+', '-', (name or device()).lower()).strip('-')}.csv"


def read(file: Path) -> list[Row]:
    """The rows of a table; none where there is none."""
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def keep(rows: Sequence[Row], file: Path, whole: tuple[str, ...] = ()) -> None:
    """Put rows in the place of those with the same metrics, new ones at the end; the rest stays.

    Args:
        rows: New rows.
        file: The table.
        whole: Beginnings of metrics of which these are all: others that begin so are no longer measured, and go.
    """
    new = {row["metric"]: row for row in rows}
    stay = {row["metric"]: row for row in read(file) if row["metric"] in new or not row["metric"].startswith(whole)}
    write(file, COLUMNS, (stay | new).values())


def write(file: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a CSV file, atomically."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(file, text.getvalue())


def publish(rows: Sequence[Row], name: str | None = None, whole: tuple[str, ...] = ()) -> None:
    """Print rows, and keep them (`keep`) in the table of a kind of machine; None: of this one."""
    for row in rows:
        say(row)
    keep(rows, path(name), whole)


def say(row: Row) -> None:
    """Print a row as it comes."""
    compared = f"beside {row['peer']} {row['unit']}: {row['ratio']}" if row["peer"] else row["unit"]
    print(f"{row['metric']}: {row['ours']} {compared}" + (f" (goal {row['goal']})" if row["goal"] else ""), flush=True)
