"""The section on rollouts: what trained policies do on their task."""

from functools import partial

from qdot.frames import groups
from qdot.reporting import path_figures, wording
from qdot.reporting.films import films
from qdot.reporting.panels import Panel, Panels
from qdot.reporting.rolled import Rolled, read
from qdot.reporting.section import Section
from qdot.reporting.source import Source
from qdot.reporting.sourced import Text, records
from qdot.reporting.tables import known
from qdot.study import slug


def rollouts(source: Source) -> Section:
    """Paths on mazes, animations elsewhere."""
    found = read(source)
    shown, left_out = films(source, found)
    return Section(
        "rollouts",
        "Rollouts",
        "What trained policies do: the first episodes of the final evaluation, of one seed. One episode is no result: "
        "scores are above.",
        "Recorded after the evaluation, by the checkpoint that was scored, from the same start states: first seed of "
        "the study, primary readout. Further draws of a recipe and variants of a grid are left out. An episode of at "
        "most 25 simulated seconds is shown whole, within 5 seconds; of a longer one the first 5 seconds are shown.",
        "report",
        [f"{each.name}/{name}" for each in found for name in sorted(each.files) if name.endswith(".csv")],
        {
            "at_hand": bool(found),
            "films": shown,
            "left_out": left_out,
            "rows": [row for each in found for row in records(each.rows)],
            "gaps": _gaps(found),
        },
        {"paths": path_panels(source, found)},
    )


def path_panels(source: Source, found: list[Rolled]) -> Panels:
    """The paths of a method's episodes on a maze, a panel each."""
    panels = []
    for each in found:
        for (algorithm,), points in groups(each.points, "algorithm"):
            caption = f"{each.dataset}: {algorithm}".replace("_", " ")
            rows = each.rows[each.rows["algorithm"] == algorithm]
            finding = f"Paths on the maze, {caption}. {wording.paths(points, rows)}"
            draw = partial(path_figures.paths, walls=each.walls, algorithm=algorithm, algorithms=source.methods)
            name = f"paths-{slug(each.dataset)}-{algorithm}".replace("_", "-")
            panels.append(Panel(caption, name, finding, points[["episode", "step", "x", "y"]], draw))
    return Panels([], panels)


def _gaps(found: list[Rolled]) -> list[tuple[Text, list[str]]]:
    """What is not rendered or not rolled out: each reason, with its datasets and algorithms."""
    gaps: dict[str, tuple[Text, list[str]]] = {}
    for each in found:
        if each.reason is not None:
            gaps.setdefault(each.reason, (each.reason, []))[1].append(each.dataset)
        for row in records(each.rows):
            if known(row.reason):
                gaps.setdefault(row.reason, (row.reason, []))[1].append(f"{row.dataset} {row.algorithm}")
    return list(gaps.values())
