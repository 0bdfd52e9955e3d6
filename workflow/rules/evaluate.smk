"""Evaluation of the last checkpoint. In: trained cells and their data. Out: results/<suite>/evaluate/<dataset>/<algorithm>/seed<k>/."""


rule evaluate:
    """Roll out the due seeds of one algorithm on one dataset, every readout."""
    input:
        recipe=f".snakemake/recipes/{STUDY.suite}/evaluate/{{dataset}}/{{algorithm}}.json",
        data="data/prepared/{dataset}/manifest.json",
        trained=STUDY.manifests("train", "{dataset}", "{algorithm}"),
    output:
        update(STUDY.manifests("evaluate", "{dataset}", "{algorithm}")),
    log:
        f"logs/{STUDY.suite}/evaluate/{{dataset}}-{{algorithm}}.log",
    benchmark:
        f"logs/benchmarks/{STUDY.suite}/evaluate/{{dataset}}-{{algorithm}}.tsv"
    threads: 2
    resources:
        mem_mb=3000,
    params:
        name=lambda wildcards: f"evaluate {wildcards.dataset} {wildcards.algorithm}",
        seeds=",".join(map(str, STUDY.seeds)),
    shell:
        "qdot evaluate --recipe {input.recipe:q} --name {params.name:q} --log {log:q} --workers {threads}"
        " --seeds {params.seeds:q} {output:q}"
