"""The commands that pass results on: `qdot crate`, `qdot archive`."""

import argparse
from pathlib import Path
from typing import Any

SUITES = ("quick", "kitchen")


def add_commands(commands: Any) -> None:
    """Give the command line its commands of this module."""
    text = "write a finished suite as an RO-Crate"
    crate = commands.add_parser("crate", help=text, description=text)
    crate.add_argument("suite", help="a suite, or a subset's name in results/subsets")
    crate.add_argument("folder", type=Path, help="where to: a new folder, or an older crate, which is replaced")
    crate.set_defaults(run=_crate)
    text = "pack code, results and policies, so that a reviewer evaluates without training"
    archive = commands.add_parser("archive", help=text, description=text)
    archive.add_argument("file", type=Path, help="where to: NAME.tar.gz")
    archive.add_argument("--suite", nargs="+", default=SUITES, help=f"default: {' '.join(SUITES)}", metavar="SUITE")
    archive.set_defaults(run=_archive)


def _crate(options: argparse.Namespace) -> None:
    from qdot.stages import crate

    crate.run(options.suite, options.folder)


def _archive(options: argparse.Namespace) -> None:
    from qdot.stages import archive

    archive.run(options.file, options.suite)
