"""Training. In: a prepared dataset. Out: results/<suite>/train/<dataset>/<algorithm>/seed<k>/, a manifest per seed."""

ALGORITHMS = list(recipes.runnable(STUDY))


if ALGORITHMS:

    rule train:
        """Train the due algorithms and seeds of one dataset side by side: equal critics are trained once."""
        input:
            recipe=[f".snakemake/recipes/{STUDY.suite}/train/{{dataset}}/{name}.json" for name in ALGORITHMS],
            data=f"{STUDY.places.prepared}/{{dataset}}/manifest.json",
        output:
            update([path for name in ALGORITHMS for path in STUDY.manifests("train", "{dataset}", name)]),
        log:
            f"{STUDY.places.logs}/{STUDY.suite}/train/{{dataset}}.log",
        benchmark:
            f"{STUDY.places.logs}/benchmarks/{STUDY.suite}/train/{{dataset}}.tsv"
        threads: machine.training_threads(workflow.resource_settings.cores, len(STUDY.datasets), len(ALGORITHMS), STUDY.threads)
        resources:
            gpu=1,
            # Each process: 1220 MiB with two million steps of HalfCheetah's widths, all of the paper's algorithms and five
            # seeds (tests/training/test_memory.py); and its evaluations' worker: up to 1160 MiB with ten kitchens.
            mem_mb=lambda wildcards, threads: 2500 * threads,
        params:
            name=lambda wildcards: f"train {wildcards.dataset}",
            seeds=",".join(map(str, STUDY.seeds)),
        shell:
            "qdot train --recipe {input.recipe:q} --name {params.name:q} --log {log:q} --workers {threads}"
            " --seeds {params.seeds:q} {output:q}"
