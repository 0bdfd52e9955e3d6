"""Training. In: a prepared dataset. Out: results/<suite>/train/<dataset>/<algorithm>/seed<k>/, a manifest per seed."""


rule train:
    """Train the due seeds of one algorithm on one dataset in one batched model."""
    input:
        recipe=f".snakemake/recipes/{STUDY.suite}/train/{{dataset}}/{{algorithm}}.json",
        data="data/prepared/{dataset}/manifest.json",
    output:
        update(STUDY.manifests("train", "{dataset}", "{algorithm}")),
    log:
        f"logs/{STUDY.suite}/train/{{dataset}}-{{algorithm}}.log",
    benchmark:
        f"logs/benchmarks/{STUDY.suite}/train/{{dataset}}-{{algorithm}}.tsv"
    threads: lambda wildcards: STUDY.threads(wildcards.dataset, wildcards.algorithm)
    resources:
        gpu=1,
        mem_mb=4000,
    params:
        name=lambda wildcards: f"train {wildcards.dataset} {wildcards.algorithm}",
        seeds=",".join(map(str, STUDY.seeds)),
    shell:
        "qdot train --recipe {input.recipe:q} --name {params.name:q} --log {log:q}"
        " --seeds {params.seeds:q} {output:q}"
