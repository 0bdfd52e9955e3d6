"""Q-DOT, reproduced. In: params.yaml. Out: reports/build/<suite>/index.html and every table it shows.

`snakemake --cores all` runs the active suite (`suite:` in params.yaml, or `--config suite=NAME`); `snakemake quick`,
and any other name of `NAMED`, runs that suite whatever is active. `--config dataset=a,b algorithm=qdot seed=0,1` takes a subset.
"""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")


configfile: "params.yaml"


report: "workflow/report/workflow.rst"


# Used only with `--software-deployment-method apptainer`: an image that whoever wants one builds (docs/containers.md).
container: "qdot.sif"


# The code of this checkout, also where an editable install points elsewhere.
sys.path.insert(0, str(Path(workflow.basedir, "src")))

from qdot.systems import refuse_windows

refuse_windows()  # before what imports modules that Windows lacks

from qdot import machine
from qdot.study import Study, require_checkout

require_checkout(Path(workflow.basedir))
machine.prepare_commands(Path(workflow.basedir))
machine.register(workflow)
if workflow.is_main_process:
    machine.hold_checkout(Path(workflow.basedir))
# Suites that are targets too. Reading one takes a second or more of digests: only those that the command line speaks of.
NAMED = (
    "quick",
    "kitchen",
    "tiny",
    "ablations",
    "sensitivity",
    "shift",
    "tuning",
    "decisive",
    "stability",
    "identity",
    "rounding",
)
NAMED = machine.spoken_of(NAMED, sys.argv)
ACTIVE_STUDY = Study.from_config(config, config["suite"])
ACTIVE, PLACES = ACTIVE_STUDY.suite, ACTIVE_STUDY.places


wildcard_constraints:
    dataset="[^/]+",
    algorithm="[a-z0-9_.-]+",


include: "workflow/rules/data.smk"


module active:
    snakefile:
        "workflow/study.smk"
    config:
        config


use rule * from active as active_*


for suite in NAMED:
    if suite != ACTIVE:
        study_name, prefix = f"{suite}_study", f"{suite}_"

        module:
            name: study_name
            snakefile:
                "workflow/study.smk"
            config:
                config | {"suite": suite}

        use rule * from study_name as prefix*


rule all:
    """The active suite, from data to report."""
    default_target: True
    input:
        rules.active_report_all.input,
    log:
        PLACES.logs / "gates/all.log",
    localrule: True
    shell:
        "printf '%s\\0' {input:q} | qdot gate --name all - 2>&1 | tee {log:q}"


include: "workflow/rules/targets.smk"


onstart:
    machine.preflight(workflow)


onerror:
    machine.report_what_exists(workflow)
