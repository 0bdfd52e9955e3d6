"""Figures of single maps, with their captions: a field of arrows, how far actions are moved, episodes."""

from functools import partial

import pandas as pd

from qdot.frames import groups
from qdot.reporting import map_figures, wording
from qdot.reporting.panels import Panel, Panels, key
from qdot.reporting.source import Source
from qdot.study import slug

FIELDS = ("qdot", "no_icnn")  # whose arrows are drawn


def field_panels(source: Source) -> Panels:
    """The map as arrows on the places of the data, where a task has places."""
    panels = []
    for (dataset, algorithm), rows in groups(_moves(source).dropna(subset="x"), "dataset", "algorithm"):
        if algorithm in FIELDS:
            caption = f"{dataset}: {algorithm}".replace("_", " ")
            finding = f"Field of moves, {caption}. {wording.how_far(rows)}"
            draw = partial(map_figures.arrows, algorithms=source.methods)
            panels.append(Panel(caption, f"field-{slug(dataset)}-{algorithm}".replace("_", "-"), finding, rows, draw))
    return Panels([], panels)


def spread_panels(source: Source) -> Panels:
    """How far single actions are moved, a panel per dataset."""
    moves, panels = _moves(source), []
    for (dataset,), rows in groups(moves, "dataset"):
        finding = f"Share of actions by how far they are moved, on {dataset}. {wording.how_far(rows)}"
        draw = partial(map_figures.spread, algorithms=source.methods)
        panels.append(Panel(dataset, f"spread-{slug(dataset)}", finding, rows, draw))
    return Panels(key(source.methods, list(moves["algorithm"])), panels)


def episode_panels(source: Source) -> Panels:
    """Return against displacement of the data's episodes under qdot's map, a panel per dataset."""
    if source.moved_episodes is None:
        return Panels([], [])
    panels = []
    for (dataset,), rows in groups(source.moved_episodes.query("algorithm == 'qdot'"), "dataset"):
        finding = f"Episodes of {dataset}: return against mean displacement. {wording.how_far(rows)}"
        draw = partial(map_figures.episodes, algorithms=source.methods)
        panels.append(Panel(dataset, f"episodes-{slug(dataset)}", finding, rows, draw))
    return Panels([], panels)


def _moves(source: Source) -> pd.DataFrame:
    """Rows of moves.csv of methods."""
    if source.moves is None:
        return pd.DataFrame(columns=["dataset", "algorithm", "x", "displacement"])
    return source.moves[source.moves["algorithm"].isin(source.methods)]
