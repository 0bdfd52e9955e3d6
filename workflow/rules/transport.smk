"""Transport studies. In: nothing but values. Out: results/<suite>/transport/: a table per study."""


rule transport:
    """Fit maps on problems whose answer is known, and measure them."""
    input:
        recipe=str(recipes.recipe_path(STUDY, "transport")),
    output:
        tables=[
            update(shown(STUDY.transport_dir / f"{name}.csv", "Transport studies", "transport"))
            for name in STUDY.transport["studies"]
        ],
        manifest=update(STUDY.transport_dir / "manifest.json"),
    log:
        f"{STUDY.places.logs}/{STUDY.suite}/transport.log",
    benchmark:
        f"{STUDY.places.logs}/benchmarks/{STUDY.suite}/transport.tsv"
    resources:
        mem_mb=2000,
    shell:
        "qdot transport --recipe {input.recipe:q} --log {log:q}"
