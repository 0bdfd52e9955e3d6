"""Evaluation of the last checkpoint. In: trained cells and their data. Out: results/<suite>/evaluate/<dataset>/<algorithm>/seed<k>/."""

if ALGORITHMS:

    rule evaluate:
        """Roll out the due algorithms and seeds on one dataset, every readout."""
        input:
            recipe=[f".snakemake/recipes/{STUDY.suite}/evaluate/{{dataset}}/{name}.json" for name in ALGORITHMS],
            data=f"{STUDY.places.prepared}/{{dataset}}/manifest.json",
            trained=rules.train.output,
        output:
            update([path for name in ALGORITHMS for path in STUDY.manifests("evaluate", "{dataset}", name)]),
        log:
            f"{STUDY.places.logs}/{STUDY.suite}/evaluate/{{dataset}}.log",
        benchmark:
            f"{STUDY.places.logs}/benchmarks/{STUDY.suite}/evaluate/{{dataset}}.tsv"
        threads: 2
        resources:
            # 1290 MiB to inspect two million steps (tests/training/test_memory.py), and two workers: about 350 MiB each
            # with 32 copies of a locomotion environment, 1160 MiB with ten kitchens, whose datasets are small.
            mem_mb=3500,
        params:
            name=lambda wildcards: f"evaluate {wildcards.dataset}",
            seeds=",".join(map(str, STUDY.seeds)),
        shell:
            "qdot evaluate --recipe {input.recipe:q} --name {params.name:q} --log {log:q} --workers {threads}"
            " --seeds {params.seeds:q} {output:q}"
