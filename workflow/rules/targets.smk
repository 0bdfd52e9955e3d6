"""What a user names. Each ends in a gate: it lists what failed and what was not run, and exits 1 where a cell failed.

In: manifests, handed over as a stream: no argument list holds tens of thousands. Out: an exit status. Each runs where Snakemake
does, whatever executes the other jobs.
"""

for suite in NAMED:

    rule:
        name:
            suite
        input:
            getattr(rules, f"{'active' if suite == ACTIVE else suite}_report_all").input,
        log:
            f"{PLACES.logs}/gates/{suite}.log",
        localrule: True
        params:
            name=suite,
        shell:
            "printf '%s\\0' {input:q} | qdot gate --name {params.name:q} - 2>&1 | tee {log:q}"


for stage in ("data", "train", "evaluate", "transport", "compare", "report"):

    rule:
        name:
            f"{stage}_all"
        input:
            getattr(rules, f"active_{stage}_all").input,
        log:
            f"{PLACES.logs}/gates/{stage}_all.log",
        localrule: True
        params:
            name=f"{stage}_all",
        shell:
            "printf '%s\\0' {input:q} | qdot gate --name {params.name:q} - 2>&1 | tee {log:q}"
