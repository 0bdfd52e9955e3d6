"""The command `qdot`: the stages that Snakemake's rules call, and what a user asks by hand."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qdot.errors import DataError, QdotError
from qdot.stages.completion import add_completion
from qdot.stages.policy import add_policy

log = logging.getLogger("qdot")

GROUPS = {
    "Look": ("status", "params", "card", "places", "preflight"),
    "Use": ("policy", "completion"),
    "Keep and check": ("keep", "verify", "accept", "prune", "replay"),
    "Stages, which Snakemake's rules call": (
        *("data", "replay_dataset", "train", "evaluate", "transport", "compare", "report", "gate"),
    ),
}
EXIT_CODES = """exit status: 0 done; 1 a check found something (failed cells, a difference, a recording that cannot be
replayed); 2 a wrong argument, value, file or place, named on stderr; 3 a defect of this program; 130, 143 stopped"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status, as in `EXIT_CODES`.
    """
    options = _parser().parse_args(arguments)
    _set_up_log(options)
    try:
        return int(options.run(options) or 0)
    except QdotError as error:
        log.error("%s", error)
        log.debug("where that was raised", exc_info=True)
        return 2
    except KeyboardInterrupt:
        log.error("interrupted")
        return 130
    except Exception as error:
        log.error("%s: %s; a defect of this program: `qdot --debug ...` shows where", type(error).__name__, error)
        log.debug("where that was raised", exc_info=True)
        return 3


def _set_up_log(options: argparse.Namespace) -> None:
    """Plain lines on stderr, each with the job's name; the same lines, and where errors were raised, in `--log`."""
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel(logging.DEBUG if options.debug else logging.WARNING if options.quiet else logging.INFO)
    handlers: list[logging.Handler] = [screen]
    if getattr(options, "log", None):
        options.log.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(options.log, mode="w"))
    name = getattr(options, "name", None) or options.command
    logging.basicConfig(level=logging.INFO, format=f"[{name}] %(message)s", handlers=handlers, force=True)
    log.setLevel(logging.DEBUG)
    logging.getLogger("h5py").setLevel(logging.WARNING)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qdot",
        usage="qdot [-h] [--debug] [--quiet] COMMAND ...",
        description="Q-DOT, reproduced: tools and stages of the study. `qdot COMMAND --help` has the rest.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show where an error was raised")
    parser.add_argument("--quiet", action="store_true", help="warnings and errors only")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", help=argparse.SUPPRESS)
    _add_stages(commands)
    _add_tools(commands)
    add_policy(commands)
    add_completion(commands, _parser)
    parser.epilog = f"{_grouped(commands)}\n\n{EXIT_CODES}"
    return parser


def _grouped(commands: Any) -> str:
    """The commands with their texts, by group."""
    texts = {action.dest: action.help for action in commands._choices_actions}
    return "\n\n".join(
        "\n".join([f"{title}:", *(f"  {name:15} {texts[name]}" for name in names)]) for title, names in GROUPS.items()
    )


def _stage(commands: Any, name: str, run: Any, text: str, several: bool = False) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    recipe = command.add_argument("--recipe", type=Path, required=True, help="the job's recipe, by the Snakefile")
    if several:
        recipe.nargs, recipe.help = "+", "the job's recipes, by the Snakefile: one per algorithm"
    command.add_argument("--name", help="the job's name in progress lines")
    command.add_argument("--log", type=Path, help="also write the progress lines here")
    command.set_defaults(run=run)
    return command


def _seeds(text: str) -> list[int]:
    return [int(part) for part in text.replace(",", " ").split()]


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number of 1 or more")
    return int(text)


def _add_stages(commands: Any) -> None:
    data = _stage(commands, "data", _data, "fetch or collect one dataset, check it, write it as arrays")
    data.add_argument("manifest", type=Path)
    replay = _stage(commands, "replay_dataset", _replay_dataset, "replay a prepared dataset in its environment")
    replay.add_argument("result", type=Path)
    for name, run, text in (
        ("train", _train, "train the due seeds of algorithms on one dataset, side by side"),
        ("evaluate", _evaluate, "roll out the due seeds of algorithms on one dataset"),
    ):
        command = _stage(commands, name, run, text, several=True)
        command.add_argument(
            "--seeds", type=_seeds, required=True, help="comma-separated, a manifest each (per recipe)"
        )
        command.add_argument("manifests", type=Path, nargs="+")
        if name == "train":
            command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
        command.add_argument("--workers", type=int, default=1, help="processes; the numbers do not depend on it")
    _stage(commands, "transport", _transport, "run the transport studies of a suite")
    _stage(commands, "compare", _compare, "make the tables of a study")
    _stage(commands, "report", _report, "make the report of a study")
    gate = commands.add_parser("gate", help="exit 1 where a cell failed")
    gate.add_argument("--name", default="gate")
    gate.add_argument("manifests", type=Path, nargs="*")
    gate.set_defaults(run=_gate)
    preflight = commands.add_parser("preflight", help="say what a study will do, need and take")
    preflight.add_argument("recipes", type=Path, nargs="*", help="recipes of the jobs that are due")
    preflight.add_argument("--cores", type=int, default=1, help="cores that Snakemake may use")
    preflight.set_defaults(run=_preflight)


def _add_tools(commands: Any) -> None:
    text = "replay recorded steps in an environment and print the one-step error as JSON; exits 1 where it cannot"
    replay = commands.add_parser("replay", help=text, description=text)
    replay.add_argument("--environment", required=True, help="id of qdot's, of Gymnasium's, or module:Id")
    replay.add_argument("--transitions", type=Path, required=True, help="HDF5 or npz file, or a Minari folder")
    replay.add_argument("--rows", type=_positive, help="take this many rows, evenly spaced (default: all)")
    replay.set_defaults(run=_replay)
    params = commands.add_parser("params", help="values of a cell and where each came from")
    params.add_argument("action", choices=["show"])
    params.add_argument("cell", help="SUITE/DATASET/ALGORITHM, for example quick/pendulum/qdot")
    params.set_defaults(run=_params)
    accept = commands.add_parser("accept", help="keep results after a code change that leaves them bitwise equal")
    accept.add_argument("cell", help="SUITE/DATASET/ALGORITHM")
    accept.add_argument("--reason", required=True, help="how the equality was shown; the report prints it")
    accept.set_defaults(run=_accept)
    prune = commands.add_parser("prune", help="delete results of cells that a suite no longer names")
    prune.add_argument("suite")
    prune.add_argument("--yes", action="store_true", help="delete; without it, only list")
    prune.set_defaults(run=_prune)
    status = commands.add_parser("status", help="what of a suite is done, stale, failed or missing")
    status.add_argument("suite", nargs="?", help="default: the active one")
    status.add_argument("--json", action="store_true", help="every result with its state, as JSON")
    status.add_argument("--time", action="store_true", help="also measure a few steps and say how long the rest takes")
    status.add_argument("--cores", type=_positive, default=os.cpu_count(), help="for --time; default: all")
    status.set_defaults(run=_status)
    card = commands.add_parser("card", help="the card of a trained policy: Markdown that the Hugging Face Hub reads")
    card.add_argument("cell", help="SUITE/DATASET/ALGORITHM/SEED, for example quick/pendulum/qdot/0")
    card.set_defaults(run=_card)
    places = commands.add_parser("places", help="where files lie, and what says so")
    places.add_argument("place", nargs="?", help="only this one's folder: raw, prepared, results, reports or logs")
    places.set_defaults(run=_places)
    keep = commands.add_parser("keep", help="copy a run's tables and report into docs/results")
    keep.add_argument("suite", help="a suite, or a subset's name in results/subsets")
    keep.add_argument("folder", type=Path, help="where to, for example docs/results/quick")
    keep.add_argument("--partial", action="store_true", help="although cells are missing; kept.json then says so")
    keep.set_defaults(run=_keep)
    verify = commands.add_parser(
        "verify", help="compare runs here with those kept in docs/results; exit 1 where beyond"
    )
    verify.add_argument("suite", nargs="?", help="one suite, or a subset's name in results/subsets; default: all")
    verify.add_argument("--json", action="store_true", help="every row, and every difference, as JSON")
    verify.set_defaults(run=_verify)


def _data(options: argparse.Namespace) -> None:
    from qdot.stages import data

    data.run(options.recipe, options.manifest)


def _replay_dataset(options: argparse.Namespace) -> None:
    from qdot.stages import replay

    replay.run(options.recipe, options.result)


def _replay(options: argparse.Namespace) -> int:
    from qdot.stages import tools

    try:
        print(tools.replay(options.environment, options.transitions, options.rows))  # noqa: T201 - the command's output
    except DataError as error:
        log.error("%s", error)
        return 1
    return 0


def _train(options: argparse.Namespace) -> None:
    from qdot.stages import train

    device = train.default_device() if options.device == "auto" else options.device
    train.run(options.recipe, options.seeds, options.manifests, device, options.workers)


def _evaluate(options: argparse.Namespace) -> None:
    from qdot.stages import evaluate

    evaluate.run(options.recipe, options.seeds, options.manifests, options.workers)


def _transport(options: argparse.Namespace) -> None:
    from qdot.stages import transport

    transport.run(options.recipe)


def _compare(options: argparse.Namespace) -> None:
    from qdot.stages import tables

    tables.compare(options.recipe)


def _report(options: argparse.Namespace) -> None:
    from qdot.stages import tables

    tables.report(options.recipe)


def _gate(options: argparse.Namespace) -> int:
    from qdot.stages import gate

    return gate.run(options.manifests, options.name)


def _preflight(options: argparse.Namespace) -> int:
    from qdot.stages import preflight

    return preflight.run(options.recipes, options.cores)


def _params(options: argparse.Namespace) -> None:
    from qdot.stages import tools

    print(tools.show_params(options.cell))  # noqa: T201 - the command's output


def _accept(options: argparse.Namespace) -> None:
    from qdot.stages import tools

    tools.accept(options.cell, options.reason)


def _prune(options: argparse.Namespace) -> None:
    from qdot.stages import tools

    tools.prune(options.suite, options.yes)


def _status(options: argparse.Namespace) -> None:
    from qdot.stages import status

    print(status.run(options.suite, options.json, options.time, options.cores))  # noqa: T201 - the command's output


def _card(options: argparse.Namespace) -> None:
    from qdot.stages import tools

    print(tools.show_card(options.cell))  # noqa: T201 - the command's output


def _places(options: argparse.Namespace) -> None:
    from qdot.stages import tools

    print(tools.show_places(options.place))  # noqa: T201 - the command's output


def _keep(options: argparse.Namespace) -> None:
    from qdot.stages import keep

    keep.run(options.suite, options.folder, options.partial)


def _verify(options: argparse.Namespace) -> int:
    from qdot.stages import verify

    text, status = verify.run(options.suite, options.json)
    print(text)  # noqa: T201 - the command's output
    return status
