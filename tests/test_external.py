"""A file of scores from elsewhere is read as it stands, or refused with its line."""

from pathlib import Path

import pytest

from qdot.errors import DataError
from qdot.external import TABLE, Row, of, read

HEAD = "dataset,algorithm,readout,seed,protocol,score,source"
GOOD = "pendulum,iql,policy,0,final,71.5,their table 2"


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_each_row_is_read_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD, GOOD, "", 'pendulum, dt ,,,"best, over training",-3e1,https://host.invalid/a?b=1')
    assert read(path, ["pendulum"]) == {
        2: Row("pendulum", "iql", "policy", 0, "final", 71.5, "their table 2"),
        4: Row("pendulum", "dt", "", None, "best, over training", -30.0, "https://host.invalid/a?b=1"),
    }


def test_what_is_optional_may_be_absent_and_columns_come_in_any_order(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffsource,score,protocol,algorithm,dataset", "x,1,final,dt,pendulum")
    assert read(path) == {2: Row("pendulum", "dt", "", None, "final", 1.0, "x")}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((), "line 1: found the columns none; expected dataset, algorithm, protocol, score, source, and where known"),
        (("dataset,algorithm,protocol,score",), "line 1: found the columns dataset, algorithm, protocol, score; exp"),
        ((f"{HEAD},note",), "line 1: found the columns dataset, .*note; expected"),
        ((f"{HEAD},score",), "line 1: found the columns .*, source, score; expected"),
        (
            (HEAD, GOOD, GOOD.replace("pendulum", "hopper")),
            "line 3: dataset: found 'hopper', expected one .*: pendulum$",
        ),
        ((HEAD, GOOD.replace("71.5", "nan")), "line 2: score: found 'nan', expected a finite number"),
        ((HEAD, GOOD.replace("71.5", "inf")), "line 2: score: found 'inf'"),
        ((HEAD, GOOD.replace("71.5", "")), "line 2: score: found ''"),
        ((HEAD, GOOD.replace("71.5", "71,5")), "line 2: has another number of fields than the header"),
        ((HEAD, GOOD.rpartition(",")[0]), "line 2: has another number of fields than the header"),
        ((HEAD, GOOD.replace("their table 2", " ")), "line 2: source: found '', expected a text of one line"),
        ((HEAD, GOOD.replace("their table 2", '"two\nlines"')), "line 3: source: found 'two.nlines', expected a text"),
        ((HEAD, GOOD.replace("iql", "")), "line 2: algorithm: found ''"),
        ((HEAD, GOOD.replace("final", "")), "line 2: protocol: found ''"),
        ((HEAD, GOOD.replace(",0,", ",-1,")), "line 2: seed: found '-1', expected a whole number of 0 or more"),
        ((HEAD, GOOD.replace(",0,", ",1.0,")), "line 2: seed: found '1.0'"),
        ((HEAD, GOOD.replace(",0,", f",{'9' * 5000},")), "line 2: seed: found '9999"),
        ((HEAD, GOOD, GOOD), "line 3: is of the same dataset, .*, source as line 2; expected one row"),
        ((HEAD, GOOD, GOOD.replace("71.5", "80")), "line 3: is of the same dataset, .* as line 2"),
        (
            (HEAD, 'pendulum,iql,,,final,1,"open'),
            "near line 1: unexpected end of data; expected a CSV with matching quotes",
        ),
    ],
)
def test_a_malformed_file_is_refused_with_its_name_and_line(
    tmp_path: Path, lines: tuple[str, ...], message: str
) -> None:
    path = written(tmp_path, *lines)
    with pytest.raises(DataError, match=rf"mine\.csv: {message}"):
        read(path, ["pendulum"])


def test_a_file_that_is_no_text_or_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(f"{HEAD}\npendulum,iql,,,final,1,caf\xe9\n".encode("latin-1"))
    for wrong in (path, tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError, match=rf"{wrong}: cannot be read .*expected a CSV in UTF-8"):
            read(wrong)


def test_a_projects_rows_are_those_of_the_datasets_in_question(tmp_path: Path) -> None:
    assert of(tmp_path, ["pendulum"]) == []
    (tmp_path / TABLE).parent.mkdir(parents=True)
    other = GOOD.replace("pendulum", "hopper")
    (tmp_path / TABLE).write_text("\n".join([HEAD, GOOD, other, GOOD.replace(",0,", ",,")]) + "\n")
    assert [row.seed for row in of(tmp_path, ["pendulum"])] == [None, 0]
    assert of(tmp_path, ["kitchen"]) == []
