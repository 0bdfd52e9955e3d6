"""The completion scripts hold every command; bash's is run."""

import shutil
import subprocess
from pathlib import Path

import pytest

from qdot import cli
from qdot.stages.completion import SHELLS, script


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_is_in_the_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    text = capsys.readouterr().out
    for names in cli.GROUPS.values():
        assert all(name in text for name in names)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["qdot", "com"], {"compare", "completion"}),
        (["qdot", "policy", "export", "--re"], {"--readout"}),
        (["qdot", "completion", ""], set(SHELLS)),
        (["qdot", "policy", "export", "--output", "some"], {"some.onnx"}),
    ],
)
def test_bash_completes_commands_options_and_files(words: list[str], wanted: set[str], tmp_path: Path) -> None:
    (tmp_path / "some.onnx").touch()
    lines = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shtab_qdot; printf "%s\\n" "${COMPREPLY[@]}"'
    command = f"{script(cli._parser(), 'bash')}\n{lines}"
    done = subprocess.run(["bash", "-c", command, "bash", *words], cwd=tmp_path, capture_output=True, check=True)
    assert wanted <= set(done.stdout.decode().split())
