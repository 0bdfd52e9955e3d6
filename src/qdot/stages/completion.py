"""`qdot completion`: a script that lets a shell complete qdot's commands, options and files."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

SHELLS = ("bash", "zsh", "tcsh", "fish")


def add_completion(commands: Any, parser: Callable[[], argparse.ArgumentParser]) -> None:
    """Add the command to the parser's commands; `parser` builds the whole of it."""
    text = 'print a script that completes the commands in a shell: eval "$(qdot completion bash)"'
    command = commands.add_parser("completion", help=text, description=text)
    command.add_argument("shell", choices=SHELLS)
    command.set_defaults(run=lambda options: print(script(parser(), options.shell)))  # noqa: T201 - the command's output


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script of a shell, made from the parser.

    Raises:
        PackageError: shtab is not installed.
    """
    from qdot.extras import check_installed

    check_installed("pipeline", "shtab")
    import shtab

    _prepare(parser, shtab.FILE)
    return str(shtab.complete(parser, shell))


def _prepare(parser: argparse.ArgumentParser, files: Any) -> None:
    """Let the shell complete every argument that is a path, and the commands, which qdot's own help lists elsewhere."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            action.help = None  # shtab leaves out what is suppressed
            for command in action.choices.values():
                _prepare(command, files)
        elif action.type is Path or action.dest == "source":  # a cell or a file
            action.complete = files  # type: ignore[attr-defined]
