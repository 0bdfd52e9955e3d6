"""The stages as commands, which Snakemake's rules call."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qdot.errors import ParamsError, ResultsError
from qdot.provenance import read_json
from qdot.stages import limit

Inputs = Callable[[argparse.Namespace], list[Path]]  # of a command: the inputs of its rule, in the order of the jobs


def add(found: Any) -> None:
    """Add them to a parser's subcommands."""
    text = "fetch or collect one dataset, check it, write it as arrays"
    data = _stage(found, "data", _data, text, overdue=_overdue_data)
    data.add_argument("manifest", type=Path)
    text = "replay a prepared dataset in its environment"
    replay = _stage(found, "replay_dataset", _replay_dataset, text, inputs=_inputs_of_replay)
    replay.add_argument("result", type=Path)
    for name, run, text in (
        ("train", _train, "train the due seeds of algorithms on one dataset, side by side"),
        ("evaluate", _evaluate, "roll out the due seeds of algorithms on one dataset"),
    ):
        command = _stage(found, name, run, text, several=True, overdue=_overdue_cells, inputs=_inputs_of_cells)
        command.add_argument(
            "--seeds", type=_seeds, required=True, help="comma-separated, a manifest each (per recipe)"
        )
        command.add_argument("manifests", type=Path, nargs="+")
        if name == "train":
            command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
        command.add_argument("--workers", type=int, default=1, help="processes; the numbers do not depend on it")
    text = "record what one seed's policies do, for the report"
    _stage(found, "rollouts", _rollouts, text, inputs=_inputs_of_rollouts)
    _stage(found, "transport", _transport, "run the transport studies of a suite")
    _add_compare(found)
    _stage(found, "report", _report, "make the report of a study", inputs=_inputs_of_tables)
    gate = found.add_parser("gate", help="exit 1 where a cell failed")
    gate.add_argument("--name", default="gate")
    text = "-: read their names from stdin, each ended by a NUL"
    gate.add_argument("manifests", type=Path, nargs="*", help=text)
    gate.set_defaults(run=_gate)
    preflight = found.add_parser("preflight", help="say what a study will do, need and take")
    preflight.add_argument("recipes", type=Path, nargs="*", help="recipes of the jobs that are due")
    preflight.add_argument("--cores", type=int, default=1, help="cores that Snakemake may use")
    preflight.set_defaults(run=_preflight)


def _stage(
    found: Any,
    name: str,
    run: Any,
    text: str,
    several: bool = False,
    required: bool = True,
    overdue: limit.Overdue | None = None,
    inputs: Inputs = lambda options: [options.recipe],
) -> argparse.ArgumentParser:
    command = found.add_parser(name, help=text, description=text)
    recipe = command.add_argument("--recipe", type=Path, required=required, help="the job's recipe, by the Snakefile")
    if several:
        recipe.nargs, recipe.help = "+", "the job's recipes, by the Snakefile: one per algorithm"
    command.add_argument("--name", help="the job's name in progress lines")
    command.add_argument("--log", type=Path, help="also write the progress lines here")
    command.set_defaults(run=run, overdue=overdue, inputs=inputs)
    return command


def _seeds(text: str) -> list[int]:
    return [int(part) for part in text.replace(",", " ").split()]


def _add_compare(found: Any) -> None:
    text = "two runs side by side; with --recipe the stage, which makes the tables of a study"
    compare = _stage(found, "compare", _compare, text, required=False, inputs=_inputs_of_tables)
    compare.usage = "qdot compare [--protocol P] [--dataset D,...] [--json] A B\n       qdot compare --recipe FILE ..."
    which = "two of: a suite, a subset's name, a folder of docs/results, or COMMIT:SUITE or COMMIT:FOLDER"
    compare.add_argument("runs", nargs="*", metavar="A B", help=which)
    compare.add_argument("--protocol", help="final (default), last, best or mean10")
    compare.add_argument("--dataset", help="only these, comma-separated")
    compare.add_argument("--json", action="store_true", help="every row, and every value that differs, as JSON")


def _data(options: argparse.Namespace) -> None:
    from qdot.stages import data

    data.run(options.recipe, options.manifest)


def _overdue_data(options: argparse.Namespace, error: ResultsError) -> None:
    from qdot.stages import data, locks

    recipe = read_json(options.recipe)
    with locks.locked(recipe):
        data.fail(recipe, options.manifest, error)


def _overdue_cells(options: argparse.Namespace, error: ResultsError) -> None:
    from qdot.stages import cells, locks

    jobs = cells.Job.read(options.recipe, options.seeds, options.manifests)
    with locks.all_locked(job.recipe for job in jobs):
        cells.fail_all([(job, job.due()) for job in jobs], error)


def _inputs_of_cells(options: argparse.Namespace) -> list[Path]:
    from qdot.stages import cells

    jobs = cells.Job.read(options.recipe, options.seeds, options.manifests)
    return [*options.recipe, *dict.fromkeys(path for job in jobs for path in job.inputs())]


def _inputs_of_replay(options: argparse.Namespace) -> list[Path]:
    return [options.recipe, options.result.parent / "manifest.json"]


def _inputs_of_rollouts(options: argparse.Namespace) -> list[Path]:
    cells = read_json(options.recipe)["cells"]
    return [options.recipe, *(Path(cell[stage]) / "manifest.json" for stage in ("train", "evaluate") for cell in cells)]


def _inputs_of_tables(options: argparse.Namespace) -> list[Path]:
    from qdot import recipes
    from qdot.study import Study

    if options.recipe is None:
        return []
    recipe = read_json(options.recipe)
    study, stage = Study.from_recipe(recipe), recipe["stage"]
    tables = study.compare_dir.glob("*") if stage == "report" else ()
    return [options.recipe, *recipes.table_manifests(study, stage), *tables]


def _replay_dataset(options: argparse.Namespace) -> None:
    from qdot.stages import replay

    replay.run(options.recipe, options.result)


def _train(options: argparse.Namespace) -> None:
    from qdot.stages import train

    train.run(options.recipe, options.seeds, options.manifests, options.device, options.workers)


def _evaluate(options: argparse.Namespace) -> None:
    from qdot.stages import evaluate

    evaluate.run(options.recipe, options.seeds, options.manifests, options.workers)


def _rollouts(options: argparse.Namespace) -> None:
    from qdot.stages import rollouts

    rollouts.run(options.recipe)


def _transport(options: argparse.Namespace) -> None:
    from qdot.stages import transport

    transport.run(options.recipe)


def _compare(options: argparse.Namespace) -> None:
    from qdot.stages import beside, tables
    from qdot.study import selected

    if options.recipe is None:
        chosen = selected(options.dataset)
        print(beside.run(options.runs, options.protocol or "final", chosen, options.json))  # noqa: T201 - the output
    elif options.runs or options.protocol or options.dataset or options.json:
        raise ParamsError("compare: found --recipe beside what compares two runs; expected one or the other")
    else:
        tables.compare(options.recipe)


def _report(options: argparse.Namespace) -> None:
    from qdot.stages import tables

    tables.report(options.recipe)


def _gate(options: argparse.Namespace) -> int:
    from qdot.stages import gate

    given = gate.names(sys.stdin.buffer.read()) if options.manifests == [Path("-")] else options.manifests
    return gate.run(given, options.name)


def _preflight(options: argparse.Namespace) -> int:
    from qdot.stages import preflight

    return preflight.run(options.recipes, options.cores)
