"""The commands that a user asks by hand: what each takes, and what it runs."""

import argparse
import logging
import os
from pathlib import Path
from typing import Any

from qdot.errors import DataError

log = logging.getLogger("qdot")


def add(commands: Any) -> None:
    """Add these commands to those of a parser."""
    _add_looks(commands)
    _add_checks(commands)


def _add_looks(commands: Any) -> None:
    status = commands.add_parser("status", help="what of a suite is done, stale, failed or missing")
    status.add_argument("suite", nargs="?", help="default: the active one")
    status.add_argument("--json", action="store_true", help="every result with its state, as JSON")
    status.add_argument("--time", action="store_true", help="also measure a few steps and say how long the rest takes")
    status.add_argument("--cores", type=_positive, default=os.cpu_count(), help="for --time; default: all")
    status.set_defaults(run=_status)
    params = commands.add_parser("params", help="values of a cell and where each came from")
    params.add_argument("action", choices=["show"])
    params.add_argument("cell", help="SUITE/DATASET/ALGORITHM, for example quick/pendulum/qdot")
    params.set_defaults(run=_params)
    card = commands.add_parser("card", help="the card of a trained policy: Markdown that the Hugging Face Hub reads")
    card.add_argument("cell", help="SUITE/DATASET/ALGORITHM/SEED, for example quick/pendulum/qdot/0")
    card.set_defaults(run=_card)
    figure = commands.add_parser("figure", help="draw a figure of a suite's report from its tables: SVG, PDF or PNG")
    figure.add_argument("figure", nargs="?", help="as the report names it under the figure; default: list them")
    figure.add_argument("--suite", help="a suite, or a subset's name in results/subsets; default: the active suite")
    figure.add_argument("--output", type=Path, help="where to; its ending chooses the format (default: NAME.svg)")
    figure.set_defaults(run=_figure)
    places = commands.add_parser("places", help="where files lie, and what says so")
    places.add_argument("place", nargs="?", help="only this one's folder: raw, prepared, results, reports or logs")
    places.set_defaults(run=_places)


def _add_checks(commands: Any) -> None:
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
    text = "show scores from elsewhere in tables and reports, marked external; they enter no claim, rank or mean"
    external = commands.add_parser("import-scores", help=text, description=text)
    which = external.add_mutually_exclusive_group(required=True)
    columns = "dataset, algorithm, protocol, score, source, and where known readout, seed"
    which.add_argument("file", type=Path, nargs="?", help=f"CSV with the columns {columns}")
    which.add_argument("--remove", metavar="SOURCE", help="take the rows of this source out")
    external.set_defaults(run=_import_scores)
    accept = commands.add_parser("accept", help="keep results after a code change that leaves them bitwise equal")
    accept.add_argument("cell", help="SUITE/DATASET/ALGORITHM")
    accept.add_argument("--reason", required=True, help="how the equality was shown; the report prints it")
    accept.set_defaults(run=_accept)
    prune = commands.add_parser("prune", help="delete results of cells that a suite no longer names")
    prune.add_argument("suite")
    prune.add_argument("--yes", action="store_true", help="delete; without it, only list")
    prune.set_defaults(run=_prune)
    text = "replay recorded steps in an environment and print the one-step error as JSON; exits 1 where it cannot"
    replay = commands.add_parser("replay", help=text, description=text)
    replay.add_argument("--environment", required=True, help="id of qdot's, of Gymnasium's, or module:Id")
    replay.add_argument("--transitions", type=Path, required=True, help="HDF5 or npz file, or a Minari folder")
    replay.add_argument("--rows", type=_positive, help="take this many rows, evenly spaced (default: all)")
    replay.set_defaults(run=_replay)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number of 1 or more")
    return int(text)


def _status(options: argparse.Namespace) -> None:
    from qdot.stages import status

    print(status.run(options.suite, options.json, options.time, options.cores))  # noqa: T201 - the command's output


def _params(options: argparse.Namespace) -> None:
    from qdot.stages import tools

    print(tools.show_params(options.cell))  # noqa: T201 - the command's output


def _card(options: argparse.Namespace) -> None:
    from qdot.stages import tools

    print(tools.show_card(options.cell))  # noqa: T201 - the command's output


def _figure(options: argparse.Namespace) -> None:
    from qdot.stages import figure

    print(figure.run(options.figure, options.suite, options.output))  # noqa: T201 - the command's output


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


def _import_scores(options: argparse.Namespace) -> None:
    from qdot.stages import external

    if options.file is None:
        external.remove(options.remove)
    else:
        external.add(options.file)


def _accept(options: argparse.Namespace) -> None:
    from qdot.stages import tools

    tools.accept(options.cell, options.reason)


def _prune(options: argparse.Namespace) -> None:
    from qdot.stages import tools

    tools.prune(options.suite, options.yes)


def _replay(options: argparse.Namespace) -> int:
    from qdot.stages import tools

    try:
        print(tools.replay(options.environment, options.transitions, options.rows))  # noqa: T201 - the command's output
    except DataError as error:
        log.error("%s", error)
        return 1
    return 0
