"""No name or value is read by a shell: rules quote each, and hostile ones arrive as they are."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from snakemake.utils import format as snakemake_format

from qdot.stages import gate

TOP = Path(__file__).parents[2]
RULES = [TOP / "Snakefile", TOP / "workflow" / "study.smk", *sorted((TOP / "workflow" / "rules").glob("*.smk"))]
HOSTILE = ["$(touch x)", "a b; touch x", "`touch x`", "'\"; touch x #", "../../x", "-rf", "*", "~", "a\nb", "a\\", "!!"]
NUMBERS = {"threads"}  # what Snakemake counts itself


def commands() -> Iterator[tuple[str, str]]:
    """(file, command) of every rule: the strings after `shell:`."""
    for path in RULES:
        for found in re.finditer(r'shell:\s*((?:f?"[^"\n]*"\s*)+)', path.read_text()):
            assert 'f"' not in found.group(1), f"{path}: {found.group(1)}"
            yield path.name, ast.literal_eval(f"({found.group(1)})")


def fields(command: str) -> list[tuple[str, str]]:
    """(name, form) of what a command is filled with: `{input.recipe:q}`."""
    return re.findall(r"\{([\w.]+)(?::(\w+))?\}", command)


def test_every_rule_has_a_command_that_is_found() -> None:
    rules = sum(len(re.findall(r"shell:", path.read_text())) for path in RULES)
    assert len(list(commands())) == rules >= 10


def test_every_value_of_a_command_is_quoted() -> None:
    for file, command in commands():
        for name, form in fields(command):
            assert form == "q" or name in NUMBERS, f"{file}: {{{name}}} in {command}"


class Filled:
    """Stands for a rule's `input`, `output`, `params`: one hostile value, by whatever name."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __getattr__(self, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._value

    def __str__(self) -> str:
        return self._value


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_reach_the_program_as_they_are(value: str, tmp_path: Path) -> None:
    """Each rule's own command, filled by Snakemake, run by bash; a stand-in for `qdot` notes what it is given."""
    program = tmp_path / "bin" / "qdot"
    program.parent.mkdir()
    program.write_text('#!/bin/bash\n{ printf "%s\\0" "$@"; cat; } > "$ARGUMENTS"\n')
    program.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    for file, command in commands():
        command = command.partition(" 2>&1")[0]  # the log's name is the Snakefile's own
        values = {name.partition(".")[0]: Filled(value) for name, _ in fields(command)} | {"threads": 2}
        filled = snakemake_format(command, **values)
        environment = {"PATH": f"{program.parent}:/usr/bin:/bin", "ARGUMENTS": str(tmp_path / "arguments")}
        bash = ["bash", "-euo", "pipefail", "-c", filled]
        subprocess.run(bash, cwd=work, env=environment, stdin=subprocess.DEVNULL, check=True)
        received = (tmp_path / "arguments").read_bytes().decode().split("\0")[:-1]
        expected = [name for name, _ in fields(command) if name not in NUMBERS]
        assert received.count(value) == len(expected), (file, filled)
        assert list(work.iterdir()) == []


def test_a_gate_takes_more_manifests_than_an_argument_list_holds(tmp_path: Path) -> None:
    program, received = tmp_path / "qdot", tmp_path / "received"
    program.write_text('#!/bin/bash\ncat > "$RECEIVED"\n')
    program.chmod(0o755)
    names = [f"results/large/train/{'x' * 80}/seed{seed}/manifest.json" for seed in range(70_000)]
    gates = [command for file, command in commands() if " gate " in command]
    assert len(gates) == 3
    with pytest.raises(OSError, match="too long"):
        subprocess.run([program, *names], check=True)
    for command in gates:
        script = tmp_path / "script"  # as Snakemake hands a long command to bash
        script.write_text(
            command.partition(" 2>&1")[0].replace("{input:q}", " ".join(names)).replace("{params.name:q}", "n")
        )
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "RECEIVED": str(received)}
        subprocess.run(["bash", "-euo", "pipefail", script], env=environment, check=True)
        assert [str(path) for path in gate.names(received.read_bytes())] == names


def test_dvcs_commands_hold_no_value_of_params() -> None:
    """DVC fills `${...}` into a command without quotes."""
    for stage in yaml.safe_load((TOP / "dvc.yaml").read_text())["stages"].values():
        assert "${" not in stage["cmd"]


def test_words_that_a_user_gives_make_are_quoted() -> None:
    text = (TOP / "Makefile").read_text()
    for name in ("SUITE", "CORES", "MINUTES", "CASES"):
        uses = re.findall(rf"(.?)\$\({name}\)(.?)", text)
        assert uses
        make_s_own = {(" ", ","), (",", ")")}  # `if $(SUITE),` and `filter tiny,$(SUITE))`
        assert set(uses) <= {("'", "'"), *make_s_own}, f"{name}: {uses}"


def test_programs_are_started_without_a_shell() -> None:
    """Those of src; tests/test_untrusted.py looks for `shell=True`."""
    for path in (TOP / "src").rglob("*.py"):
        for call in re.findall(r"subprocess\.run\(\s*(\S)", path.read_text()):
            assert call in "[c", f"{path}: a list, or a name of one"
