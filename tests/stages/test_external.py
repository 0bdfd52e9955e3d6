"""`qdot import-scores` adds rows once, whole or not at all, and takes a source's rows out."""

import shutil
from pathlib import Path

import pytest
from fake_study import TOP

from qdot.cli import main
from qdot.external import TABLE, Row, read

HEAD = "dataset,algorithm,seed,protocol,score,source"
LINES = ("pendulum,iql,1,final,71.25,their table 2", "pendulum,dt,,best,66,https://host.invalid/dt")


@pytest.fixture(autouse=True)
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the table as it comes: a header alone."""
    shutil.copy(TOP / "params.yaml", tmp_path)
    shutil.copytree(TOP / "workflow/schemas", tmp_path / "workflow/schemas")
    (tmp_path / TABLE).parent.mkdir()
    shutil.copy(TOP / TABLE, tmp_path / TABLE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def imported(*lines: str, name: str = "mine.csv", status: int = 0) -> None:
    Path(name).write_text("\n".join([HEAD, *lines]) + "\n")
    assert main(["import-scores", name]) == status


def test_rows_are_added_sorted_and_once() -> None:
    imported(*LINES)
    first = TABLE.read_bytes()
    assert list(read(TABLE).values()) == [
        Row("pendulum", "dt", "", None, "best", 66.0, "https://host.invalid/dt"),
        Row("pendulum", "iql", "", 1, "final", 71.25, "their table 2"),
    ]
    stamp = TABLE.stat().st_mtime_ns
    imported(*LINES)
    assert (TABLE.read_bytes(), TABLE.stat().st_mtime_ns) == (first, stamp)
    TABLE.write_bytes((TOP / TABLE).read_bytes())
    imported(LINES[1], name="one.csv")
    imported(LINES[0], name="two.csv")
    assert TABLE.read_bytes() == first


def test_what_is_said_tells_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    imported(*LINES)
    assert "2 rows added, 0 were there; tables and reports with their datasets are due" in capsys.readouterr().err
    imported(*LINES, "pendulum,iql,2,final,70,their table 2")
    assert "1 rows added, 2 were there; tables" in capsys.readouterr().err
    imported(*LINES)
    assert capsys.readouterr().err.endswith("0 rows added, 2 were there\n")


def test_a_source_is_taken_out_whole(capsys: pytest.CaptureFixture[str]) -> None:
    imported(*LINES, "pendulum,iql,2,final,70,their table 2")
    assert main(["import-scores", "--remove", "their table 2"]) == 0
    assert [row.algorithm for row in read(TABLE).values()] == ["dt"]
    assert main(["import-scores", "--remove", "https://host.invalid/dt"]) == 0
    assert TABLE.read_bytes() == (TOP / TABLE).read_bytes()
    assert main(["import-scores", "--remove", "their table 2"]) == 2
    assert "no row has the source 'their table 2'; expected one of those there: none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("hoper,iql,3,final,1,x", "mine.csv: line 3: dataset: found 'hoper', expected one of params.yaml: "),
        ("pendulum,iql,3,final,none,x", "mine.csv: line 3: score: found 'none', expected a finite number"),
        ("pendulum,dt,,best,67,https://host.invalid/dt", "line 3: score: found 67, and workflow/resources/external_sc"),
    ],
)
def test_a_file_with_one_bad_line_adds_nothing(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    imported(*LINES)
    before = TABLE.read_bytes()
    imported("pendulum,iql,2,final,70,new", line, status=2)
    assert message in capsys.readouterr().err
    assert TABLE.read_bytes() == before


def test_either_a_file_or_a_source_is_named() -> None:
    for arguments in ([], ["mine.csv", "--remove", "x"]):
        with pytest.raises(SystemExit) as stop:
            main(["import-scores", *arguments])
        assert stop.value.code == 2


def test_the_table_as_it_comes_is_empty() -> None:
    assert read(TOP / TABLE) == {}
