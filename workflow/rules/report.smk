"""The report. In: the tables, and policies to watch. Out: results/<suite>/rollouts/<dataset>/, which feeds the page alone; reports/build/<suite>/index.html, one self-contained page."""

if ALGORITHMS:

    rule rollouts:
        """Record what the first seed's policies do on one dataset's task: paths on a maze, or an animation."""
        input:
            recipe=f".snakemake/recipes/{STUDY.name}/rollouts/{{dataset}}.json",
            evaluated=[STUDY.manifests("evaluate", "{dataset}", name)[0] for name in recipes.rolled_out(STUDY)],
        output:
            manifest=update(f"{STUDY.stage_dir('rollouts')}/{{dataset}}/manifest.json"),
        log:
            f"{STUDY.places.logs}/{STUDY.name}/rollouts/{{dataset}}.log",
        benchmark:
            f"{STUDY.places.logs}/benchmarks/{STUDY.name}/rollouts/{{dataset}}.tsv"
        resources:
            mem_mb=2000,
        params:
            name=lambda wildcards: f"rollouts {wildcards.dataset}",
        shell:
            "qdot rollouts --recipe {input.recipe:q} --name {params.name:q} --log {log:q}"


rule report:
    """Write the page."""
    input:
        recipe=str(recipes.recipe_path(STUDY, "report")),
        tables=rules.compare.output,
        rollouts=recipes.rollouts_manifests(STUDY),
    output:
        page=shown(STUDY.report_dir / "index.html", "Report"),
        manifest=STUDY.report_dir / "manifest.json",
    log:
        f"{STUDY.places.logs}/{STUDY.name}/report.log",
    benchmark:
        f"{STUDY.places.logs}/benchmarks/{STUDY.name}/report.tsv"
    resources:
        mem_mb=2000,
    shell:
        "qdot report --recipe {input.recipe:q} --log {log:q}"


rule data_all:
    """Every dataset of the study."""
    input:
        refuse_unknown,
        PREPARED,
        REPLAYED,


rule train_all:
    """Every trained cell of the study."""
    input:
        refuse_unknown,
        PREPARED,
        TRAINED,


rule evaluate_all:
    """Every evaluated cell of the study."""
    input:
        refuse_unknown,
        PREPARED,
        TRAINED,
        EVALUATED,


rule transport_all:
    """The transport studies."""
    input:
        refuse_unknown,
        STUDY.transport_dir / "manifest.json",


rule compare_all:
    """The tables."""
    input:
        refuse_unknown,
        STUDY.transport_dir / "manifest.json",
        rules.compare.output.manifest,
        PREPARED,
        REPLAYED,
        TRAINED,
        EVALUATED,


rule report_all:
    """The page, and all that it was made from."""
    input:
        refuse_unknown,
        rules.report.output.manifest,
        recipes.rollouts_manifests(STUDY),
        rules.compare.output.manifest,
        STUDY.transport_dir / "manifest.json",
        PREPARED,
        REPLAYED,
        TRAINED,
        EVALUATED,
