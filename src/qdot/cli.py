"""The command `qdot`: the stages that Snakemake's rules call, and what a user asks by hand."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qdot import commands, dated, jobs
from qdot.errors import QdotError, ResultsError, unwritable
from qdot.stages import limit, publish
from qdot.stages.completion import add_completion
from qdot.stages.policy import add_policy
from qdot.systems import refuse_windows

log = logging.getLogger("qdot")

GROUPS = {
    "Look": ("status", "compare", "params", "card", "figure", "places", "preflight"),
    "Use": ("policy", "completion"),
    "Keep and check": ("keep", "verify", "import-scores", "accept", "prune", "replay"),
    "Pass on": ("crate", "archive"),
    "Stages, which Snakemake's rules call": (
        *("data", "replay_dataset", "train", "evaluate", "rollouts", "transport", "report", "gate"),
    ),
}
FORMAT = "[{}] %(message)s"
EXIT_CODES = """exit status: 0 done; 1 a check found something (failed cells, a difference, a recording that cannot be
replayed); 2 a wrong argument, value, file or place, named on stderr; 3 a defect of this program; 130, 143 stopped"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status, as in `EXIT_CODES`.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    try:
        refuse_windows()
        inputs = _inputs(options)
        if hasattr(options, "overdue") and (seconds := limit.seconds()):
            logging.basicConfig(level=logging.INFO, format=FORMAT.format(_name(options)), force=True)
            status = limit.run(arguments, options, seconds, options.overdue)
        else:
            _set_up_log(options)
            status = int(options.run(options) or 0)
        if status == 0:
            dated.settle(inputs)
        return status
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


def _inputs(options: argparse.Namespace) -> list[Path]:
    """What Snakemake dates the command's outputs by; nothing where that cannot be read: the command itself says why."""
    try:
        return options.inputs(options) if hasattr(options, "inputs") else []
    except QdotError:
        return []


def _set_up_log(options: argparse.Namespace) -> None:
    """Plain lines on stderr, each with the job's name; the same lines, and where errors were raised, in `--log`."""
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel(logging.DEBUG if options.debug else logging.WARNING if options.quiet else logging.INFO)
    handlers: list[logging.Handler] = [screen]
    if getattr(options, "log", None):
        try:
            options.log.parent.mkdir(parents=True, exist_ok=True)
            handlers.append(logging.FileHandler(options.log, mode="w"))
        except OSError as error:
            raise ResultsError(unwritable(options.log, error)) from error
    logging.basicConfig(level=logging.INFO, format=FORMAT.format(_name(options)), handlers=handlers, force=True)
    log.setLevel(logging.DEBUG)
    logging.getLogger("h5py").setLevel(logging.WARNING)


def _name(options: argparse.Namespace) -> str:
    """What progress lines call the command."""
    return getattr(options, "name", None) or str(options.command)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qdot",
        usage="qdot [-h] [--debug] [--quiet] COMMAND ...",
        description="Q-DOT, reproduced: tools and stages of the study. `qdot COMMAND --help` has the rest.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show where an error was raised")
    parser.add_argument("--quiet", action="store_true", help="warnings and errors only")
    found = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", help=argparse.SUPPRESS)
    jobs.add(found)
    commands.add(found)
    add_policy(found)
    publish.add_commands(found)
    add_completion(found, _parser)
    parser.epilog = f"{_grouped(found)}\n\n{EXIT_CODES}"
    return parser


def _grouped(found: Any) -> str:
    """The commands with their texts, by group."""
    texts = {action.dest: action.help for action in found._choices_actions}
    return "\n\n".join(
        "\n".join([f"{title}:", *(f"  {name:15} {texts[name]}" for name in names)]) for title, names in GROUPS.items()
    )
