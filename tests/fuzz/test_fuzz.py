"""Damaged files before every reader: the short form of `make fuzz`, and that the fuzzer sees what it should."""

import csv
import json
import random
import shutil
from pathlib import Path

import pytest
from fuzz import drive, worker
from fuzz.evil import NAMES
from fuzz.mutations import LONGEST, mutate
from fuzz.targets import TARGETS

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize("text", [False, True])
def test_damage_is_a_function_of_the_seed(text: bool) -> None:
    content, others = b'{"a": [1, 2.5, "x"], "b": null}\n' * 3, [b"other", b""]
    made = [mutate(content, others, random.Random(number), text) for number in range(200)]
    assert made == [mutate(content, others, random.Random(number), text) for number in range(200)]
    assert len(set(made)) > 150
    assert max(map(len, made)) <= LONGEST
    assert mutate(b"", [b""], random.Random(0), text) is not None


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, dict[str, str]], Path]:
    """Three cases before each reader of `fuzz.evil`: rows of the table by target, and the folder."""
    folder = tmp_path_factory.mktemp("evil")
    arguments = ["--module", "fuzz.evil", "--cases", "3", "--folder", str(folder), "--table", str(folder / "table.csv")]
    assert drive.main(arguments) == 1
    with (folder / "table.csv").open(newline="") as file:
        return {row["target"]: row for row in csv.DictReader(file)}, folder / "seed0"


@pytest.mark.parametrize("name", NAMES)
def test_what_no_reader_should_do_counts_as_a_crash(name: str, evil: tuple[dict[str, dict[str, str]], Path]) -> None:
    row = evil[0][name]
    counts = [int(row[key]) for key in ("cases", "our errors", "accepted", "crashes")]
    sound = {"refuse": [3, 3, 0, 0], "accept": [3, 0, 3, 0], "swell": [3, 0, 3, 0]}
    assert counts == sound.get(name, [3, 0, 0, 3])


def test_memory_is_measured(evil: tuple[dict[str, dict[str, str]], Path]) -> None:
    rows, _ = evil
    assert 500 <= int(rows["swell"]["peak MiB"]) <= 600
    assert int(rows["accept"]["peak MiB"]) < 50


def test_what_went_wrong_is_kept(evil: tuple[dict[str, dict[str, str]], Path]) -> None:
    _, folder = evil
    noted = [json.loads(line) for line in (folder / "crashes.jsonl").read_text().splitlines()]
    said = {entry["target"]: entry["what"] for entry in noted}
    assert "KeyError: 'x'" in said["raise"]
    assert "ended with -9" in said["end"]
    assert "in _loop" in said["loop"]
    assert "asked for more memory than there was" in said["burst"]
    assert "open" in said["leave"]
    assert "/etc/hostname" in said["peek"]
    assert "subprocess.Popen" in said["start"]
    assert (folder / "2-0.bytes").is_file()


def test_a_finished_run_has_nothing_to_do(evil: tuple[dict[str, dict[str, str]], Path], tmp_path: Path) -> None:
    _, folder = evil
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.state")}
    drive.main(["--module", "fuzz.evil", "--cases", "3", "--folder", str(folder.parent)])
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.state")} == before


def test_a_run_of_other_code_begins_again(evil: tuple[dict[str, dict[str, str]], Path], tmp_path: Path) -> None:
    _, folder = evil
    shutil.copytree(folder, tmp_path / folder.name)
    (tmp_path / folder.name / "code").write_text("another")
    drive.main(["--module", "fuzz.evil", "--cases", "1", "--folder", str(tmp_path), "--target", "accept"])
    assert [path.name for path in (tmp_path / folder.name).glob("*.state")] == ["1.state"]


def run(folder: Path, cases: int) -> None:
    """No case of any target crashes; each target refuses or reads some."""
    status = drive.main(["--cases", str(cases), "--folder", str(folder), "--table", str(folder / "table.csv")])
    crashes = folder / "seed0" / "crashes.jsonl"
    assert status == 0, crashes.read_text()
    with (folder / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["target"] for row in rows] == [target.name for target in TARGETS]
    assert all(int(row["our errors"]) + int(row["accepted"]) == cases for row in rows)
    assert all(int(row["peak MiB"]) < 256 for row in rows)


def test_no_reader_crashes_on_some_damage(tmp_path: Path) -> None:
    run(tmp_path, 20)


@pytest.mark.slow
def test_no_reader_crashes_on_much_damage(tmp_path: Path) -> None:
    run(tmp_path, 100)


def test_the_kept_run_is_of_todays_targets_and_had_no_crash() -> None:
    with (TOP / "docs" / "security-fuzz.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == drive.COLUMNS
    assert [row["target"] for row in rows] == [target.name for target in TARGETS]
    assert sum(int(row["cases"]) for row in rows) >= 20_000
    assert {row["crashes"] for row in rows} == {"0"}
    assert all(int(row["peak MiB"]) < worker.ROOM >> 20 for row in rows)
