"""The tables of docs/results/agreement.md, between markers in the page; the text around them is written by hand."""

from collections.abc import Callable, Iterable
from pathlib import Path

from comparison import Comparison, Row, compare, verdicts
from markdown import fill, table
from settings import ALIGNED, SHIPPED

from qdot.provenance import write_atomic


def parity_table(rows: Iterable[Row]) -> str:
    """Step parity, as parity.csv has it."""
    header = ("dataset", "algorithm", "our loss", "d3rlpy", "precision", "term", "our value, first to last step")
    header += ("gap at the first step", "worst gap", "equal steps")
    return table(header, (_parity_line(row) for row in rows))


def _parity_line(row: Row) -> list[str]:
    names = ("dataset", "algorithm", "ours", "theirs", "precision", "term")
    value, equal = f"{row['start']} to {row['end']}", f"{row['equal_steps']} of {row['steps']}"
    return [*(row[name] for name in names), value, row["first"], row["worst"], equal]


def scores_table(rows: list[Row]) -> str:
    """Ours against d3rlpy as shipped, with the verdict."""
    final = verdicts(rows)
    return _comparisons(compare(rows, SHIPPED), lambda c: final[c.dataset, c.algorithm])


def aligned_table(rows: list[Row]) -> str:
    """Ours against d3rlpy aligned, where that was run."""
    found = compare(rows, ALIGNED)
    return _comparisons(found, lambda c: c.verdict) if found else "No run yet."


def _comparisons(found: Iterable[Comparison], verdict: Callable[[Comparison], str]) -> str:
    header = ("dataset", "algorithm", "ours", "d3rlpy", "difference", "90% interval", "margin", "seeds", "verdict")
    lines = []
    for c in found:
        interval = f"{c.difference.low:.1f} to {c.difference.high:.1f}" if c.seeds > 1 else "needs two seeds"
        numbers = (f"{c.ours:.1f}", f"{c.theirs:.1f}", f"{c.difference.value:+.1f}", interval, f"±{c.margin:g}")
        lines.append((c.dataset, c.algorithm, *numbers, str(c.seeds), verdict(c)))
    return table(header, lines)


def coverage(rows: list[Row], outdated: int) -> str:
    """How many runs there are, and how many of them other code, values or data made than the page's commit has."""
    return f"{len(rows)} runs; {outdated} of them made by other code, values or data than when this page was written."


def write(path: Path, scores: list[Row], parity: list[Row], outdated: int) -> None:
    """Fill the page's tables."""
    text = path.read_text(encoding="utf-8")
    contents = {"parity": parity_table(parity), "scores": scores_table(scores), "aligned": aligned_table(scores)}
    contents["coverage"] = coverage(scores, outdated)
    for name, content in contents.items():
        text = fill(text, name, content)
    write_atomic(path, text)
