"""One suite's rules. In: the recipes that reading this file writes, and prepared datasets. Out: results and report.

The decisions (which cells, which digests) are made in src/qdot/study.py, src/qdot/recipes.py and src/qdot/due.py.
"""


container: "qdot.sif"


from qdot import due, machine, recipes
from qdot.study import Study

CHOSEN = Study.from_config(config, config["suite"])
STUDY = CHOSEN.or_whole_suite()


def refuse_unknown(wildcards):
    """A target's first input: nothing, or the error that this suite lacks a chosen dataset, algorithm or seed."""
    CHOSEN.require_chosen()
    return []


def shown(path, category, caption=None):
    """An output that `snakemake --report` shows; its caption is `workflow/report/<its name>.rst` where none is named."""
    caption = f"../report/{caption or path.stem}.rst"  # from workflow/rules
    return report(path, caption=caption, category=category, subcategory=STUDY.name, labels={"file": path.name})


if workflow.is_main_process:
    due.write_recipes(STUDY)

PREPARED, REPLAYED = STUDY.data_manifests(), STUDY.replays()
TRAINED, EVALUATED = STUDY.all_manifests("train"), STUDY.all_manifests("evaluate")


wildcard_constraints:
    dataset="[^/]+",
    algorithm="[a-z0-9_.-]+",


include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/transport.smk"
include: "rules/compare.smk"
include: "rules/report.smk"
