"""The report's sections, in order: what each shows, how that was made, and which files hold its numbers."""

from collections.abc import Callable

from markupsafe import Markup

from qdot.reporting import findings, found_sections, map_panels, panels, rollout_section, state, sweeps, tables
from qdot.reporting.printed import count
from qdot.reporting.section import Section
from qdot.reporting.source import CLAIMS, DEVIATIONS, PUBLISHED, REPLAY_BOUNDS, Source
from qdot.reporting.sourced import records

PROTOCOLS = {
    "final": "the last checkpoint, evaluated anew over more episodes",
    "last": "the last evaluation during training",
    "best": "the highest evaluation during training",
    "mean10": "the mean of the last ten evaluations during training",
}


def sections(source: Source) -> list[Section]:
    """Every section of the report; those on sweeps where the suite has a grid."""
    builders: list[Callable[[Source], Section]] = [
        _run,
        _claims,
        found_sections.expectations,
        _scores,
        found_sections.differences,
        _protocols,
        _learning,
        _transport,
        rollout_section.rollouts,
        found_sections.diagnostics,
        found_sections.studies,
        *((found_sections.sensitivity, found_sections.tuning) if source.variants else ()),
        _datasets,
        _failures,
        _deviations,
        _provenance,
        _rerun,
    ]
    return [build(source) for build in builders]


def _run(source: Source) -> Section:
    return Section(
        "run",
        "What was run",
        "Cells (dataset, algorithm, seed) of this study by state, and how much of the paper's study they are.",
        "A cell counts as ok once its last checkpoint was evaluated. Datasets collected by this project are "
        "stand-ins: they are "
        "never counted as the paper's.",
        "report",
        [*map(source.path, ("facts.csv", "states.csv", "values.csv")), str(CLAIMS)],
        {
            "facts": source.facts,
            "paper": source.stated["paper"],
            "scale": state.scale(source),
            **state.status_matrix(source),
        },
    )


def _claims(source: Source) -> Section:
    facts = source.facts
    return Section(
        "claims",
        "The paper's claims",
        "What the paper says, what this study measured, and the verdict that a rule gives; each says whether its "
        "rule is older than the runs.",
        Markup(
            "A verdict needs an interval (corrected by Holm over the claim's family) on one side of the rule's bound, "
            "the paper's datasets and steps, and at least {} seeds, on a single dataset {}, where a claim asks for no "
            "other number; otherwise it is inconclusive. Only Q-DOT's primary readout enters."
        ).format(count(facts["minimum_seeds"]), count(facts["minimum_seeds_single"])),
        "compare",
        [source.path("claims.json"), str(CLAIMS)],
        {
            "claims": source.claims,
            "file": str(DEVIATIONS),
            "titles": {entry.id: entry.title for entry in source.deviations},
        },
    )


def _scores(source: Source) -> Section:
    names = tables.protocol_names(source)
    covered = source.coverage[source.coverage["protocol"] == source.headline]
    return Section(
        "scores",
        "Scores",
        f"Score by the protocol {source.headline}, {PROTOCOLS[source.headline]}: 0 a random policy and 100 an expert, "
        "beside published scores.",
        Markup(
            "Mean over seeds with a {} t interval; over datasets, seeds are resampled within each dataset. "
            "Published scores stand beside the same dataset of the same version only, under the protocol they "
            "were reported with."
        ).format(source.percent),
        "evaluate",
        [*map(source.path, ("summary.csv", "scores.csv", "coverage.csv", "external.csv")), str(PUBLISHED)],
        {
            "groups": tables.score_groups(source),
            "protocols": names,
            "sources": _sources(source),
            "overall": sweeps.folded(tables.overall(source), source.variants),
            "variants": source.facts["variants"],
            "included": list(covered.loc[covered["included"], "dataset"]),
            "excluded": covered[~covered["included"].astype(bool)].to_dict("records"),
            "headline": source.headline,
            "judged": source.stated["protocol"],
        },
        {"scores": panels.score_panels(source)},
    )


def _sources(source: Source) -> list[tuple[str, str]]:
    """(protocol, source) of the published scores on this study's datasets."""
    rows = source.published[source.published["dataset"].isin(source.study.datasets)]
    return list({(row.protocol, row.source): (row.protocol, row.source) for row in records(rows)}.values())


def _protocols(source: Source) -> Section:
    return Section(
        "protocols",
        "Protocols apart",
        "The same runs read four ways: a best score over training says nothing about the checkpoint one would keep.",
        f"{'; '.join(f'{name}: {what}' for name, what in PROTOCOLS.items())}. During training the primary readout "
        "alone is evaluated. Means over seeds with t intervals; no number mixes protocols.",
        "evaluate",
        [source.path("summary.csv"), source.path("scores.csv")],
        {
            "protocols": list(PROTOCOLS),
            **sweeps.folded(list(tables.protocol_rows(source, list(PROTOCOLS))), source.variants),
        },
    )


def _learning(source: Source) -> Section:
    return Section(
        "learning",
        "Learning curves",
        "Score during training of each algorithm's primary readout.",
        Markup(
            "Mean over seeds; bands are {} t intervals over seeds, cut where they leave the frame; with more than six "
            "algorithms only qdot's is drawn."
        ).format(source.percent),
        "train",
        [source.path("trajectories.csv"), source.path("evaluations.csv")],
        {"variants": source.facts["variants"]},
        {"curves": panels.learning_panels(source)},
    )


def _transport(source: Source) -> Section:
    return Section(
        "transport",
        "Transport",
        "How far the map moves the data's actions: its cost during training, and the quantiles of the displacement.",
        "Logged on training batches. The cost E‖T(s, a) − a‖² of Q-DOT's map estimates the squared Wasserstein-2 "
        "distance between behaviour policy and trained policy; of a map that is no gradient of a convex function it is "
        "an upper bound. A displacement near 0 would mean that the map has collapsed to the identity."
        + state.other_cost(source),
        "train",
        [source.path(name) for name in ("trajectories.csv", "moves.csv", "moved_episodes.csv", "supplement.csv")],
        {
            **sweeps.folded(state.transport_state(source), source.variants),
            "episodes": findings.episode_rows(source),
        },
        {
            "costs": panels.logged_panels(source, "transport_cost", "E‖T(s, a) − a‖²", from_zero=True),
            "displacements": panels.displacement_panels(source),
            "fields": map_panels.field_panels(source),
            "spreads": map_panels.spread_panels(source),
            "episodes": map_panels.episode_panels(source),
        },
    )


def _datasets(source: Source) -> Section:
    return Section(
        "datasets",
        "Datasets",
        "Where each dataset comes from, what is in it, and the environment that its policies are scored in.",
        "Facts of the prepared files. Checksum verified: the raw file has the published SHA-256; "
        "unverified: none is published; "
        "recorded: the file was made here. Published statistics stand beside the file's own: every recorded row, "
        "episodes by the file's own marks. Replay: recorded steps, evenly spaced, each from its own recorded state, "
        "against what the environment here makes of the recorded action.",
        "data",
        [*map(source.path, ("datasets.csv", "published_statistics.csv", "replays.csv")), str(REPLAY_BOUNDS)],
        {
            "cards": state.dataset_cards(source),
            "published": state.published_rows(source),
            "replays": state.replay_rows(source),
        },
    )


def _failures(source: Source) -> Section:
    return Section(
        "failures",
        "Failed and not run",
        "Every cell without a score, with its reason.",
        "A failed seed stops alone; the next run tries it again. Its manifest.json holds the same reason.",
        "evaluate",
        [source.path("gaps.csv"), source.path("cells.csv")],
        state.failures(source),
    )


def _deviations(source: Source) -> Section:
    keys = [key for entry in source.deviations for key in entry.parameters]
    return Section(
        "deviations",
        "Choices of ours",
        "What the paper's summary leaves open, what was chosen here, and what else could be chosen.",
        "The list is kept by hand; the values are those of this study.",
        "report",
        [str(DEVIATIONS), source.path("values.csv")],
        {"file": str(DEVIATIONS), "entries": source.deviations, "used": state.used_values(source, keys)},
    )


def _provenance(source: Source) -> Section:
    return Section(
        "provenance",
        "Provenance",
        "What the numbers were made from and on.",
        "A digest covers resolved values, input files, code and package versions; clocks, hosts and devices "
        "are outside it.",
        "report",
        [source.path(name) for name in ("made_with.csv", "provenance.csv", "totals.csv", "costs.csv", "cells.csv")],
        state.provenance_tables(source),
    )


def _rerun(source: Source) -> Section:
    study = source.study
    names = sorted(path.name for path in study.compare_dir.iterdir() if path.suffix in (".csv", ".json"))
    return Section(
        "rerun",
        "Files and how to run this again",
        "Where every number of this page lies, and the commands that make it.",
        "docs/data-dictionary.md names every file and column.",
        "report",
        [source.path(name) for name in names if name != "manifest.json"],
        {
            "suite": study.suite,
            "subset": study.subset if study.is_subset else {},
            "first_cell": next(study.cells(), None),
        },
    )
