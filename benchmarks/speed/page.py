"""Tables and figures of docs/performance.md from the kept rows: `python benchmarks/speed/page.py`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import markdown
import matplotlib as mpl
import numpy as np
import pandas as pd
import table
from matplotlib.figure import Figure

from qdot.provenance import write_atomic

PAGE = Path(__file__).parents[2] / "docs/performance.md"
FIGURES = PAGE.with_name("performance")
PARTS = ("training", "family", "start-up", "memory", "rounding", "study", "evaluation", "machine")
ON_GPUS = "GPU training"
BLOCK, BARE = (f"{what}, two processes beside one (wall time)" for what in ("block", "bare mj_step"))
NONE = "Not measured on this kind of machine."
NAMES = {
    "actions": "width of the action",
    "width": "width of the hidden layers",
    "seeds": "seeds",
    "batch": "batch size",
}
FROM = {"actions": 8, "width": 128, "seeds": 2, "batch": 128}  # where the line is fitted from


def rows_table(rows: Sequence[table.Row], part: str) -> str:
    """The rows of a part of the benchmark; a goal that is met is marked by a word."""
    lines, ratios = [], {row["metric"]: row["ratio"] for row in rows}
    for row in rows:
        if row["metric"].startswith((f"{part}:", f"{part} ")):
            what = row["metric"].removeprefix(part).lstrip(": ")
            shown = [str(row[name]) for name in ("ours", "peer", "unit", "ratio")]
            goal = [str(row["goal"]), verdict(row, ratios), str(row["runs"]), row["date"]]
            lines.append([what, *shown, of_medians(row), *goal])
    header = ("what", "ours", "peer", "unit", "ratio, turn by turn", "of the medians", "goal", "", "runs", "date")
    return markdown.table(header, lines) if lines else NONE


def gpu_tables() -> str:
    """What was measured on GPUs, from the tables of every kind of machine."""
    parts = []
    for file in sorted(table.RESULTS.glob("*.csv")):
        rows = [row for row in table.read(file) if row.get("metric", "").startswith("GPU ")]
        if rows:
            parts.append(f"{rows[0]['device']}:\n\n{rows_table(rows, 'GPU')}")
    return "\n\n".join(parts) or NONE


def verdict(row: table.Row, ratios: Mapping[str, str]) -> str:
    """Whether a goal was met; nothing where there is none.

    Two processes are asked for a speed-up only where two bare loops of the simulator reach it.

    Args:
        row: Of the table.
        ratios: Of all rows, by metric.
    """
    if not row["goal"] or not row["ratio"]:
        return ""
    goal, bare = float(row["goal"]), ratios.get(row["metric"].replace(BLOCK, BARE))
    if row["metric"].endswith(BLOCK) and bare and float(bare) < goal:
        return f"does not apply: two bare loops reach {bare}"
    if float(row["ratio"]) < goal:
        return "missed"
    medians = of_medians(row)
    return "met, not by the medians" if medians and float(medians) < goal else "met"


def of_medians(row: table.Row) -> str:
    """The ratio of the two numbers shown, better when higher; nothing where there is no such."""
    try:
        ours, peer = float(row["ours"]), float(row["peer"])
        return f"{ours / peer if row['unit'].endswith('/s') else peer / ours:.3g}"
    except (ValueError, ZeroDivisionError):
        return ""


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Exponent of a power law through the points, by least squares in logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def slopes_table(growth: pd.DataFrame) -> str:
    """Exponent of the time of one seed's step over each size."""
    lines = []
    for (axis, algorithm), group in growth.groupby(["axis", "algorithm"], sort=False):
        large = group[group["size"] >= FROM[axis]]
        exponent = slope(large["size"].to_numpy(), large["seconds_per_seed_step"].to_numpy())
        span = f"{large['size'].min()} to {large['size'].max()}"
        lines.append([NAMES[axis], algorithm, span, f"{exponent:.2f}"])
    return markdown.table(("size", "algorithm", "from, to", "time of a seed's step grows with the power"), lines)


def figure(growth: pd.DataFrame, axis: str) -> Figure:
    """Milliseconds of one seed's step over a size, both axes logarithmic."""
    made = Figure(figsize=(4.5, 3.2), layout="constrained")
    plot = made.subplots()
    for (algorithm, group), mark in zip(growth[growth["axis"] == axis].groupby("algorithm"), "os", strict=False):
        milliseconds = 1000 * group["seconds_per_seed_step"]
        plot.plot(group["size"], milliseconds, marker=mark)
        plot.annotate(
            algorithm, (group["size"].iloc[-1], milliseconds.iloc[-1]), xytext=(4, 0), textcoords="offset points"
        )
    plot.set(xscale="log", yscale="log", xlabel=NAMES[axis], ylabel="ms per seed and step")
    plot.set_xticks(sorted(set(growth.loc[growth["axis"] == axis, "size"])))
    plot.xaxis.set_major_formatter("{x:g}")
    plot.minorticks_off()
    plot.margins(x=0.2)
    return made


def growth_part(file: Path) -> str:
    """Slopes and figures of `growth.py`, whose rows have a file of their own."""
    if not file.is_file():
        return NONE
    growth = pd.read_csv(file)
    FIGURES.mkdir(exist_ok=True)
    for axis in NAMES:
        with mpl.rc_context({"svg.hashsalt": axis}):  # the same rows, the same bytes
            figure(growth, axis).savefig(FIGURES / f"{axis}.svg", metadata={"Date": None})
    links = "\n".join(f"![Time of a step over: {name}]({FIGURES.name}/{axis}.svg)" for axis, name in NAMES.items())
    return f"{slopes_table(growth)}\n\n{links}"


def main() -> int:
    """Fill the page and draw its figures."""
    rows, text = table.read(table.path()), PAGE.read_text(encoding="utf-8")
    for part in PARTS:
        text = markdown.fill(text, part, rows_table(rows, part))
    text = markdown.fill(text, ON_GPUS, gpu_tables())
    growth = table.path().with_name(f"{table.path().stem}-growth.csv")
    write_atomic(PAGE, markdown.fill(text, "growth", growth_part(growth)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
