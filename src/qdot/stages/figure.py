"""`qdot figure`: one figure of a report, drawn again from the tables."""

import difflib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qdot import params as parameters
from qdot.errors import ParamsError, ResultsError
from qdot.provenance import read_json, write_atomic
from qdot.recipes import RECIPES
from qdot.study import Study

FORMATS: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}  # with no date
DOTS_PER_INCH = 200  # of a PNG


def run(name: str | None, suite: str | None, output: Path | None = None, root: Path = Path()) -> str:
    """Draw a figure into a file, in the light page's colours; without a name, list them.

    Args:
        name: As the report prints it under the figure.
        suite: A suite, or the name of a subset's folder in results/subsets; None for the active suite.
        output: Where to; its ending chooses the format. Default: `<name>.svg`.
        root: The project's top folder.

    Returns:
        What the command prints.

    Raises:
        ParamsError: no such figure or format.
        ResultsError: the suite has no tables yet.
    """
    import matplotlib as mpl

    from qdot.reporting.palette import LIGHT, drawn_in

    suite = suite or str(parameters.load(root)["suite"])
    study = _study(suite, root)
    panels = {panel.name: panel for panel in _panels(study)}
    if name is None:
        return "\n".join(f"{panel.name:44} {panel.caption}" for panel in panels.values())
    if name not in panels:
        near = difflib.get_close_matches(name, panels, 3, 0) or ["none: no cell has finished"]
        raise ParamsError(
            f"figure {name!r}: found none in {suite}; nearest: {', '.join(near)}; `qdot figure` lists all"
        )
    output = output or Path(f"{name}.svg")
    kind = output.suffix.removeprefix(".")
    if kind not in FORMATS:
        raise ParamsError(f"{output}: found the ending {output.suffix!r}, expected one of: {', '.join(FORMATS)}")
    drawn = io.BytesIO()
    with drawn_in(LIGHT), mpl.rc_context({"svg.hashsalt": name}):
        figure = panels[name].draw(panels[name].rows)
        figure.savefig(drawn, format=kind, dpi=DOTS_PER_INCH, metadata=FORMATS[kind])
    write_atomic(output, drawn.getvalue())
    return str(output)


def _study(suite: str, root: Path) -> Study:
    """The study of a suite's last report."""
    path = root / RECIPES / suite / "report.json"
    if not path.is_file():
        raise ResultsError(
            f"{path}: no such file; expected a suite that ran here: `snakemake {suite} --cores all` makes its tables"
        )
    return Study.from_recipe(read_json(path), root)


def _panels(study: Study) -> Iterator[Any]:
    """Every figure of the study's report."""
    from qdot.reporting.sections import sections
    from qdot.reporting.source import Source

    for section in sections(Source(study)):
        for shown in section.figures.values():
            yield from shown.panels
