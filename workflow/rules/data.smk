"""Datasets. In: a recipe per dataset. Out: data/prepared/<dataset>/{arrays.safetensors, manifest.json, replay.json}, for all suites."""


rule data:
    """Fetch or collect one dataset, check it, write it as arrays."""
    input:
        recipe=".snakemake/recipes/data/{dataset}.json",
    output:
        manifest=update(f"{PLACES.prepared}/{{dataset}}/manifest.json"),
    log:
        f"{PLACES.logs}/data/{{dataset}}.log",
    benchmark:
        f"{PLACES.logs}/benchmarks/data/{{dataset}}.tsv"
    resources:
        # 600 MB at most with two million steps of HalfCheetah's widths (docs/datasets.md); 142 MB to collect.
        mem_mb=1000,
    params:
        name=lambda wildcards: f"data {wildcards.dataset}",
    shell:
        "qdot data --recipe {input.recipe:q} --name {params.name:q} --log {log:q} {output.manifest:q}"


rule replay_dataset:
    """Replay a dataset's raw file, step by step, in its environment."""
    input:
        recipe=".snakemake/recipes/replay/{dataset}.json",
        manifest=f"{PLACES.prepared}/{{dataset}}/manifest.json",
    output:
        result=update(f"{PLACES.prepared}/{{dataset}}/replay.json"),
    log:
        f"{PLACES.logs}/data/{{dataset}}-replay.log",
    benchmark:
        f"{PLACES.logs}/benchmarks/data/{{dataset}}-replay.tsv"
    resources:
        mem_mb=4000,
    params:
        name=lambda wildcards: f"replay {wildcards.dataset}",
    shell:
        "qdot replay_dataset --recipe {input.recipe:q} --name {params.name:q} --log {log:q} {output.result:q}"
