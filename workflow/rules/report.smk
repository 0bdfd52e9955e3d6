"""The report. In: the tables. Out: reports/build/<suite>/index.html, one self-contained page."""


rule report:
    """Write the page."""
    input:
        recipe=str(recipes.recipe_path(STUDY, "report")),
        tables=rules.compare.output,
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
        rules.compare.output.manifest,
        STUDY.transport_dir / "manifest.json",
        PREPARED,
        REPLAYED,
        TRAINED,
        EVALUATED,
