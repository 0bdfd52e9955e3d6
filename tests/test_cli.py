"""The command line as a whole: help, errors, exit status."""

import argparse
import logging
from pathlib import Path

import pytest

from qdot import cli, commands, jobs
from qdot.errors import ParamsError


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def run(options: argparse.Namespace) -> None:
        raise error

    monkeypatch.setattr(commands, "_places", run)


def test_help_shows_every_command_in_one_group(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    shown = [line.split()[0] for line in text.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    shown = [name for name in shown if not name.startswith("-")]
    actions = cli._parser()._subparsers._group_actions[0]  # type: ignore[union-attr]
    assert sorted(shown) == sorted(actions.choices)  # type: ignore[arg-type]
    assert "exit status" in text


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ParamsError("suite: found 'x', expected 'quick'"), 2, "suite: found 'x', expected 'quick'"),
        (RuntimeError("no such thing"), 3, "RuntimeError: no such thing; a defect of this program"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_an_error_is_one_line_and_a_status(
    error: BaseException, status: int, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, error)
    assert cli.main(["places"]) == status
    shown = capsys.readouterr().err
    assert text in shown
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize("error", [ParamsError("wrong"), RuntimeError("no such thing")])
def test_debug_shows_where(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, error)
    cli.main(["--debug", "places"])
    assert "Traceback" in capsys.readouterr().err


def test_a_log_file_has_the_traceback_that_the_screen_has_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def run(options: argparse.Namespace) -> None:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(jobs, "_report", run)
    assert cli.main(["report", "--recipe", "none.json", "--log", str(tmp_path / "logs/report.log")]) == 3
    assert "Traceback" not in capsys.readouterr().err
    assert "Traceback" in (tmp_path / "logs/report.log").read_text()


def test_quiet_leaves_warnings(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(options: argparse.Namespace) -> None:
        logging.getLogger("qdot").info("step 1")
        logging.getLogger("qdot").warning("careful")

    monkeypatch.setattr(commands, "_places", run)
    assert cli.main(["--quiet", "places"]) == 0
    assert capsys.readouterr().err == "[places] careful\n"
