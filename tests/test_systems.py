"""Operating systems and versions of Python: what is refused, and what the lock can be installed on."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qdot import cli
from qdot.errors import QdotError
from qdot.systems import refuse_windows

TOP = Path(__file__).parents[1]
SYSTEMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin")


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_linux_and_macos_are_not_refused(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    monkeypatch.setattr(sys, "platform", system)
    refuse_windows()


def test_native_windows_is_refused_with_a_way_out_before_a_command_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(QdotError, match="WSL2"):
        refuse_windows()
    assert cli.main(["places"]) == 2
    assert "native Windows" in caplog.text
    assert capsys.readouterr().out == ""


def test_the_command_line_gets_as_far_as_refusing_without_the_modules_that_windows_lacks() -> None:
    code = "import sys; sys.modules |= {'fcntl': None, 'resource': None}; import qdot.cli, qdot.systems"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(TOP / "src")})


def test_the_snakefile_refuses_before_it_imports_what_windows_lacks() -> None:
    text = (TOP / "Snakefile").read_text()
    assert text.index("\nrefuse_windows()") < text.index("from qdot import machine")


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_locks_versions_can_be_installed_on(
    system: str, python: str, tmp_path: Path, require: Callable[[str, bool, str], None]
) -> None:
    """Asks the package index."""
    require(
        "uv", shutil.which("uv") is not None, "uv, which resolves for other systems, is not installed: pip install uv"
    )
    pins = re.findall(r"^([a-zA-Z0-9._-]+)==(\S+)", (TOP / "requirements.lock").read_text(), re.MULTILINE)
    (tmp_path / "pins.txt").write_text("".join(f"{name}=={version}\n" for name, version in pins))
    command = ["uv", "pip", "compile", "requirements.in", "--constraint", str(tmp_path / "pins.txt"), "--no-header"]
    command += ["--no-annotate", "--quiet", "--python-version", python, "--python-platform", system]
    environment = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}
    done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = set(re.findall(r"^([a-zA-Z0-9._-]+)==(\S+)", done.stdout, re.MULTILINE))
    assert len(found) > 150
    assert found <= set(pins)  # the lock leaves nothing out there
