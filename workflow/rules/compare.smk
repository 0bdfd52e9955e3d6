"""Comparison. In: every evaluated cell of the study, its datasets' replays, the transport studies, imported scores. Out: results/<suite>/compare/: scores, intervals, claims."""


rule compare:
    """Make the tables and the verdicts."""
    input:
        recipe=str(recipes.recipe_path(STUDY, "compare")),
        evaluated=EVALUATED,
        replays=REPLAYED,
        transport=STUDY.transport_dir / "manifest.json",
    output:
        scores=shown(STUDY.compare_dir / "scores.csv", "Scores"),
        summary=shown(STUDY.compare_dir / "summary.csv", "Scores"),
        claims=shown(STUDY.compare_dir / "claims.json", "Claims"),
        metrics=shown(STUDY.compare_dir / "metrics.json", "Scores"),
        manifest=STUDY.compare_dir / "manifest.json",
    log:
        f"{STUDY.places.logs}/{STUDY.name}/compare.log",
    benchmark:
        f"{STUDY.places.logs}/benchmarks/{STUDY.name}/compare.tsv"
    resources:
        mem_mb=2000,
    shell:
        "qdot compare --recipe {input.recipe:q} --log {log:q}"
