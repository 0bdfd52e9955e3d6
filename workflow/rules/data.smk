"""Datasets. In: a recipe per dataset. Out: data/prepared/<dataset>/{arrays.safetensors, manifest.json}, for all suites."""


rule data:
    """Fetch or collect one dataset, check it, write it as arrays."""
    input:
        recipe=".snakemake/recipes/data/{dataset}.json",
    output:
        manifest=update("data/prepared/{dataset}/manifest.json"),
    log:
        "logs/data/{dataset}.log",
    benchmark:
        "logs/benchmarks/data/{dataset}.tsv"
    resources:
        mem_mb=4000,
    params:
        name=lambda wildcards: f"data {wildcards.dataset}",
    shell:
        "qdot data --recipe {input.recipe:q} --name {params.name:q} --log {log:q} {output.manifest:q}"
