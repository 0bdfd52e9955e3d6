"""Figures of the sections on differences, transport studies and sweeps, with their captions."""

from functools import partial

from markupsafe import Markup

from qdot.frames import groups, records
from qdot.reporting import study_figures, sweep_figures, sweeps, wording
from qdot.reporting.findings import difference_name, map_name, metric_name, study_title
from qdot.reporting.panels import Panel, Panels, key, over_seeds
from qdot.reporting.source import Source
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
    for (dataset,), rows in () if source.differences is None else groups(source.differences, "dataset"):
        names = [difference_name(row) for row in records(rows)]
        draw = partial(study_figures.differences, names=names, algorithms=source.methods)
        caption = "over datasets" if dataset == "all" else dataset
        finding = f"Differences, {caption}. {wording.apart(rows, names)}"
        how = "bootstrap intervals over seeds." if dataset == "all" else "intervals of a paired t test."
        marks = Markup("Differences with {} {}").format(source.percent, how)
        panels.append(Panel(caption, f"differences-{slug(dataset)}", finding, rows, draw, marks))
    return Panels([], panels)


def error_panels(source: Source) -> Panels:
    """L2-UVP of each map, a panel per study, problem and dimension."""
    panels = []
    for study, table in source.studies.items():
        rows = table[table["metric"] == "l2_uvp"]
        for (problem, dim), own in groups(rows, "problem", "dim"):
            names = {name: map_name(name) for name in own["map"]}
            caption = f"{study_title(study)}: {problem}, {dim}-D"
            finding = f"{caption}. {wording.by_map(own, 'L2-UVP in percent', names)}"
            draw = partial(study_figures.errors, names=names, every=_maps(source))
            panels.append(Panel(caption, _id("uvp", study, problem, dim), finding, own, draw))
    return Panels([], panels)


def _id(*parts: object) -> str:
    """An id of the page from names."""
    return "-".join(map(str, parts)).replace("_", "-").replace(".", "-")


def sample_panels(source: Source) -> Panels:
    """Share of the possible gain against the number of samples, where a problem was solved from several numbers."""
    panels: list[Panel] = []
    shown: dict[str, None] = {}
    for study, table in source.studies.items():
        for (problem, metric), own in groups(table, "problem", "metric"):
            if metric in OVER_SAMPLES and own["samples"].nunique() > 1:
                shown |= dict.fromkeys(own["map"])
                label = f"{problem}: {metric_name(metric)}"
                fewest = own[own["samples"] == own["samples"].min()]
                what = f"{metric_name(metric)} from {int(own['samples'].min())} samples"
                finding = f"{problem}. {wording.by_map(fewest, what, {name: map_name(name) for name in own['map']})}"
                draw = partial(study_figures.over_samples, label=OVER_SAMPLES[metric], maps=_maps(source))
                panels.append(Panel(label, _id("samples", study, problem, metric), finding, own, draw))
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
            label = f"{study_title(study)}: {up} against {ACROSS}"
            names = {name: map_name(name) for name in rows["map"]}
            finding = f"{label}, over strengths. {wording.by_map(rows[rows['metric'] == up], up, names)}"
            draw = partial(study_figures.strength, across=ACROSS, up=up, maps=_maps(source))
            panels.append(Panel(label, _id("strength", study), finding, rows, draw))
    return Panels(_map_key(source, list(shown)), panels)


def detection_panels(source: Source) -> Panels:
    """How well a distance tells the data's actions from others, a panel per study and dimension."""
    panels: list[Panel] = []
    shown: dict[str, None] = {}
    for study, table in source.studies.items():
        rows = table[table["metric"].isin(("auroc", "auroc_low", "auroc_high"))]
        maps = list(dict.fromkeys(rows["map"]))
        shown |= dict.fromkeys(maps)
        names = {name: map_name(name) for name in maps}
        for (dim,), own in groups(rows, "dim"):
            label = f"{study_title(study)}, {dim}-D"
            finding = f"{label}. {wording.by_map(own[own['metric'] == 'auroc'], 'AUROC', names)}"
            draw = partial(study_figures.detection, maps=maps, every=_maps(source))
            panels.append(Panel(label, _id("auroc", study, dim), finding, own, draw))
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
            lines = f"; lines: {rows['lines'].iloc[0]}" if rows["lines"].iloc[0] else ""
            caption = f"{dataset}: {of}, {name}{lines}".replace("_", " ")
            draw = partial(sweep_figures.sensitivity, settings=settings, numbers=numbers, algorithms=source.series)
            finding = f"{caption}. {wording.peak(rows, settings)}"
            marks = over_seeds(source)
            panels.append(Panel(caption, _id("sweep", slug(dataset), of, name), finding, rows, draw, marks))
    return Panels([], panels)


def tuning_panels(source: Source) -> Panels:
    """Expected score of the picked policy over evaluation episodes, a panel per dataset."""
    if source.tuning is None:
        return Panels([], [])
    panels = []
    for (dataset,), rows in groups(source.tuning, "dataset"):
        ends = rows.rename(columns={"episodes": "step"})
        finding = f"What tuning costs on {dataset}. {wording.last(ends, 'Score of the pick')}"
        draw = partial(sweep_figures.tuning, algorithms=source.series)
        marks = Markup("Means over draws; bands hold {} of the draws.").format(source.percent)
        panels.append(Panel(dataset, f"tuning-{slug(dataset)}", finding, rows, draw, marks))
    return Panels(key(source.series, list(source.tuning["algorithm"])), panels)
