"""Figures of the sections on differences, transport studies and sweeps, with their captions."""

import pandas as pd

from qdot.frames import groups
from qdot.reporting import study_figures, sweep_figures, sweeps
from qdot.reporting.findings import difference_groups, map_name, metric_name, study_title
from qdot.reporting.panels import Panel, Panels, key
from qdot.reporting.source import Source
from qdot.reporting.svg import inline
from qdot.study import slug

OVER_SAMPLES = {  # metrics of the studies that are drawn against the number of samples, and their axes
    "objective_share": "share of the gain",
    "pushforward_share": "share of the gain",
    "gain_share": "share of the gain",
    "return_share": "share of the gain",
    "value": "value",
}
ACROSS, UP = "displacement", ("value", "advantage", "return")  # strength: how far it moves, and what that is worth


def difference_panels(source: Source) -> Panels:
    """Differences with intervals, a panel per dataset and one for all."""
    panels = []
    for group in difference_groups(source):
        rows = pd.DataFrame([row["record"] for row in group["rows"]])
        names = [row["name"] for row in group["rows"]]
        figure = study_figures.differences(rows, names, source.methods)
        name = "over datasets" if group["dataset"] == "all" else group["dataset"]
        panels.append(Panel(name, inline(figure, f"differences-{slug(group['dataset'])}", f"Differences, {name}")))
    return Panels([], panels)


def error_panels(source: Source) -> Panels:
    """L2-UVP of each map, a panel per study, problem and dimension."""
    panels = []
    for study, table in source.studies.items():
        rows = table[table["metric"] == "l2_uvp"]
        for (problem, dim), own in groups(rows, "problem", "dim"):
            names = {name: map_name(name) for name in own["map"]}
            caption = f"{study_title(study)}: {problem}, {dim}-D"
            svg = inline(
                study_figures.errors(own, names, _maps(source)), f"uvp-{study}-{problem}-{dim}", f"L2-UVP, {caption}"
            )
            panels.append(Panel(caption, svg))
    return Panels([], panels)


def sample_panels(source: Source) -> Panels:
    """Share of the possible gain against the number of samples, where a problem was solved from several numbers."""
    panels: list[Panel] = []
    shown: dict[str, None] = {}
    for study, table in source.studies.items():
        for (problem, metric), own in groups(table, "problem", "metric"):
            if metric in OVER_SAMPLES and own["samples"].nunique() > 1:
                shown |= dict.fromkeys(own["map"])
                figure = study_figures.over_samples(own, OVER_SAMPLES[metric], _maps(source))
                label = f"{problem}: {metric_name(metric)}"
                panels.append(Panel(label, inline(figure, f"samples-{study}-{problem}-{metric}", label)))
    return Panels(_map_key(source, list(shown)), panels)


def strength_panels(source: Source) -> Panels:
    """What a displacement is worth, where one study solves its problem at several strengths."""
    panels: list[Panel] = []
    shown: dict[str, None] = {}
    for study, table in source.studies.items():
        single = table.groupby("problem")["samples"].transform("nunique") == 1
        rows = table[single & table["metric"].isin((ACROSS, *UP))]
        up = next((name for name in UP if name in set(rows["metric"])), None)
        if up and ACROSS in set(rows["metric"]) and rows["problem"].nunique() > 1:
            shown |= dict.fromkeys(rows["map"])
            figure = study_figures.strength(rows, ACROSS, up, _maps(source))
            label = f"{study_title(study)}: {up} against {ACROSS}"
            panels.append(Panel(label, inline(figure, f"strength-{study}", label)))
    return Panels(_map_key(source, list(shown)), panels)


def detection_panels(source: Source) -> Panels:
    """How well a distance tells the data's actions from others, a panel per study and dimension."""
    panels: list[Panel] = []
    shown: dict[str, None] = {}
    for study, table in source.studies.items():
        rows = table[table["metric"].isin(("auroc", "auroc_low", "auroc_high"))]
        maps = list(dict.fromkeys(rows["map"]))
        shown |= dict.fromkeys(maps)
        for (dim,), own in groups(rows, "dim"):
            label = f"{study_title(study)}, {dim}-D"
            panels.append(
                Panel(label, inline(study_figures.detection(own, maps, _maps(source)), f"auroc-{study}-{dim}", label))
            )
    return Panels(_map_key(source, list(shown)), panels)


def _maps(source: Source) -> list[str]:
    """Every map of the studies: a look must not depend on the panel."""
    return list(dict.fromkeys(name for table in source.studies.values() for name in table["map"]))


def _map_key(source: Source, shown: list[str]) -> list[tuple[str, study_figures.Look]]:
    return [(map_name(name), study_figures.map_look(name, _maps(source))) for name in shown]


def sensitivity_panels(source: Source) -> Panels:
    """Scores over each varied value, a panel per dataset, algorithm and key."""
    panels = []
    for dataset in source.study.datasets:
        for (of, name), rows in groups(sweeps.points(source, dataset), "of", "key"):
            settings, numbers = sweeps.in_order(list(rows["setting"]))
            figure = sweep_figures.sensitivity(rows, settings, numbers, source.series)
            lines = f"; lines: {rows['lines'].iloc[0]}" if rows["lines"].iloc[0] else ""
            caption = f"{dataset}: {of}, {name}{lines}".replace("_", " ")
            panels.append(
                Panel(caption, inline(figure, f"sweep-{slug(dataset)}-{of}-{name}".replace(".", "-"), caption))
            )
    return Panels([], panels)


def tuning_panels(source: Source) -> Panels:
    """Expected score of the picked policy over evaluation episodes, a panel per dataset."""
    if source.tuning is None:
        return Panels([], [])
    panels = []
    for (dataset,), rows in groups(source.tuning, "dataset"):
        figure = sweep_figures.tuning(rows, source.series)
        panels.append(Panel(dataset, inline(figure, f"tuning-{slug(dataset)}", f"What tuning costs on {dataset}")))
    return Panels(key(source.series, list(source.tuning["algorithm"])), panels)
