"""What a suite is for, in a sentence."""

from qdot.study import Study

PURPOSES = {
    "paper": "The paper's own study: its datasets, its steps.",
    "paper_v0": "The paper's AntMaze tasks in their -v0 version, since the version that it used is unknown.",
    "paper_lineage": (
        "The paper's study by the protocol of its lineage: seeds 0 to 5, layer normalisation on V. "
        "Whether the paper shares it is unknown."
    ),
    "paper_margins": "The paper's two margins on single datasets, with the ten seeds that such a verdict takes.",
    "paper_stability": "The paper's claim on steady training, with twenty seeds and fixed starts, on its datasets.",
    "paper_identity": "The paper's claim on small moves, under the two scales of Q that can show one, on its datasets.",
    "kitchen": (
        "One real benchmark file, small enough for a laptop: it tests the pipeline on the paper's data, not its claims."
    ),
    "quick": "A first look in minutes, on data made here: it decides nothing about the paper.",
    "ablations": (
        "What the map buys: the ladder from a + network to the convex network, the same loss without a map, "
        "and the adversarial forms."
    ),
    "sensitivity": "What Q-DOT's own values do, changed one at a time around those of params.yaml.",
    "shift": (
        "Data that the paper did not test: suboptimal episodes only, biased actions, and another mixture of policies."
    ),
    "tuning": (
        "The sweep from which strength and step sizes are chosen, on tuning seeds alone: its scores are no result."
    ),
    "decisive": "What the map buys over the same critic without it: ten reported seeds, three draws of each dataset.",
    "stability": "Whether training is steadier: twenty seeds, each evaluated often from the same starts.",
    "identity": "Whether the map stays near the identity under the two scales of Q that can show it: ten seeds.",
    "rounding": "What rounding the products' factors to bfloat16 does to Q-DOT's scores; no claim of the paper's.",
    "tiny": "The tests' suite: its scores mean nothing.",
}


def purpose(study: Study) -> str:
    """The sentence of a suite; of one that this list does not know, its size."""
    size = f"{len(study.datasets)} datasets, {len(study.algorithms)} algorithms and {len(study.seeds)} seeds"
    return PURPOSES.get(study.suite, f"A suite of params.yaml with {size}.")


def chosen(study: Study) -> str:
    """What a subset takes of its suite, as the command line has it; empty for the whole suite."""
    return " ".join(f"{key}={','.join(names)}" for key, names in study.subset.items()) if study.is_subset else ""
