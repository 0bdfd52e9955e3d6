"""The sections on what the map does and buys: expectations, differences, diagnostics, transport studies, sweeps."""

from markupsafe import Markup

from qdot.reporting import finding_panels, findings, panels, sweeps
from qdot.reporting.printed import count, short
from qdot.reporting.section import Section
from qdot.reporting.source import CLAIMS, Source
from qdot.reporting.sourced import Number, records

CURVES = {  # diagnostics that are drawn, with their axes
    "displacement_over_sd": "median ‖T − a‖ / sd(a | s)",
    "map_divergence": "KL(T#β̂ ‖ β̂)",
    "map_asymmetry": "‖J − Jᵀ‖ / ‖J − I‖",
    "map_monotone_violations": "share of pairs turned round",
    "behaviour_log_likelihood_held_out": "log β̂(a | s), held out",
    "discriminator_loss": "discriminator's loss",
    "discriminator_gradient": "norm of the discriminator's gradient",
}
EXECUTED = {  # the same of a readout, of the primary one
    "w2_squared": "W2² of β̂ and the executed law",
    "surprise": "−log β̂ at the executed action",
}

FROM_ZERO = ("displacement_over_sd", "map_asymmetry", "map_monotone_violations", "w2_squared", "discriminator_gradient")


def expectations(source: Source) -> Section:
    """What was expected, with verdicts."""
    return Section(
        "expectations",
        "What was expected",
        "Sentences of ours with the same kind of verdict; none is a claim of the paper.",
        "Each has a quantity, a rule and a bound, as the claims have; Holm's correction is over its family; each "
        "says whether its rule is older than the runs. Not blind: the transport studies had run on other or single "
        "seeds, and their learning rates were tuned, before the rules were last changed.",
        "compare",
        [source.path("expectations.json"), str(CLAIMS)],
        {"entries": source.expectations},
    )


def differences(source: Source) -> Section:
    """Q-DOT minus each alternative."""
    return Section(
        "differences",
        "What the map buys",
        "Score of Q-DOT minus that of an algorithm in which something is taken away or exchanged, in points.",
        Markup(
            "Protocol final, primary readouts, paired by seed; {} intervals, of single datasets by a "
            "paired t test, over datasets by a bootstrap of seeds within datasets; p-values two-sided, Holm over the "
            "rows of a dataset. Draws of one recipe are one dataset, averaged by seed: intervals hold the spread over "
            "seeds, not over draws. Neighbouring rows over different datasets are not comparable. "
            "Detectable: the smallest true difference that these seeds and this spread find with "
            "probability 80% in a 5% test. An interval that holds 0 does not show that there is no difference: read it "
            "beside the detectable one. Strength: alpha fixed at 1, the domain's own, and the best on each dataset, an "
            "oracle that is chosen by the very scores it is shown with."
        ).format(source.percent),
        "compare",
        [source.path("differences.csv"), source.path("strengths.csv")],
        {
            "groups": findings.difference_groups(source),
            "isolated": findings.isolated(source),
            "strengths": findings.strength_rows(source),
            "at_hand": source.differences is not None,
        },
        {"differences": finding_panels.difference_panels(source)},
    )


def diagnostics(source: Source) -> Section:
    """How far policies are from the data, and signs of failure."""
    curves = {
        label: panels.logged_panels(source, name, label, name in FROM_ZERO, name in EXECUTED)
        for name, label in (EXECUTED | CURVES).items()
    }
    rows = findings.diagnostic_rows(source)
    return Section(
        "diagnostics",
        "Diagnostics and failure signs",
        "How far each executed policy lies from the behaviour policy, what the map does to its samples, and what "
        "looks wrong.",
        Markup(
            "At the last checkpoint, on states of the data, against the behaviour model β̂ that each cell fits: means "
            "over seeds with {} intervals. Curves: a fixed sample of the data. A failure sign looks at the last half "
            "of a curve, that of value over-estimation at the last checkpoint's episodes; thresholds are ours."
        ).format(source.percent),
        "evaluate",
        [source.path(name) for name in ("diagnostics_summary.csv", "signs.csv", "trajectories.csv")],
        {
            **sweeps.folded(rows["rows"], source.variants),
            "quantities": rows["quantities"],
            "measured": source.diagnostics is not None,
            "signs": findings.sign_rows(source),
            "looked": source.signs is not None,
            "unlogged": [label for label, shown in curves.items() if not shown.panels],
        },
        curves,
    )


def studies(source: Source) -> Section:
    """Transport problems whose answer is known."""
    folder = source.study.places.name(source.study.transport_dir)
    return Section(
        "studies",
        "Transport studies",
        "Transport problems whose answer is known from elsewhere: does the map find it, and do wrong maps miss it?",
        "Every number is held against the referee named under its table, and against a stated bound "
        "where one is printed. A negative control is a map that cannot solve the problem: it must miss.",
        "transport",
        [*(f"{folder}/{name}.csv" for name in source.studies), source.path("bounds.csv")],
        {
            "tables": findings.study_tables(source),
            "suite": source.study.suite,
        },
        {
            "errors": finding_panels.error_panels(source),
            "samples": finding_panels.sample_panels(source),
            "strengths": finding_panels.strength_panels(source),
            "detections": finding_panels.detection_panels(source),
        },
    )


def sensitivity(source: Source) -> Section:
    """Scores of a grid's variants."""
    table = sweeps.sweep_table(source)
    return Section(
        "sensitivity",
        "Sensitivity",
        "Score of the primary readout against each value that the suite varies; a diamond marks the value of "
        "params.yaml.",
        Markup(
            "Protocol final, mean over seeds with {} t intervals, cut where they leave the frame; settings stand at "
            "equal distances. Many settings are looked at here: the highest of them is too high an estimate of what it "
            "would score again."
        ).format(source.percent),
        "evaluate",
        [source.path("summary.csv"), source.path("values.csv")],
        {"keys": sweeps.varied_keys(source), **table},
        {"sweeps": finding_panels.sensitivity_panels(source)},
    )


def tuning(source: Source) -> Section:
    """What it costs to tune in the environment."""
    arms: dict[str, Number] = {}
    if source.tuning is not None:
        arms = {row.algorithm: row.arms for row in records(source.tuning.drop_duplicates("algorithm"))}
    facts = source.facts
    return Section(
        "tuning",
        "What tuning costs",
        "Expected score of the policy that one would pick after a number of evaluation episodes.",
        Markup(
            "A UCB bandit plays recorded episodes of every configuration of a method (arXiv 2504.11453); exploration "
            "constant {}, {} draws. It picks by every other episode; the picked policy's score is that of the rest, "
            "which chose nothing. A band holds {} of the draws; with more than six methods only qdot's is drawn."
        ).format(short(facts["tuning_exploration"]), count(facts["tuning_draws"]), source.percent),
        "evaluate",
        [source.path("tuning.csv"), source.path("facts.csv")],
        {"arms": arms},
        {"tuning": finding_panels.tuning_panels(source)},
    )
