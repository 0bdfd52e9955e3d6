"""The project's own CSV tables are rows of text under the columns that are expected, or refused by name."""

from pathlib import Path

import pytest

from qdot.errors import DataError, ResultsError
from qdot.rows import read_rows

COLUMNS = ("dataset", "value")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "columns none"),
        (b"value,dataset\n", "columns value, dataset"),
        (b"dataset,value\na\n", "shorter"),
        (b"dataset,value\na,1,2\n", "longer"),
        (b"dataset,value\na,\xff\n", "invalid start byte"),
        (b"\xef\xbb\xbfdataset,value\na,1\n", r"columns \\ufeffdataset"),
        (b'dataset,value\n"a,1\n', "unexpected end of data"),
        (b"dataset,value\na,\0\n", "a null byte"),
        (b"dataset,value\na," + b"1" * 200_000 + b"\n", "field larger than field limit"),
    ],
)
def test_a_damaged_table_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"table\.csv: malformed \(.*{message}.*expected columns dataset,value"):
        read_rows(path, COLUMNS, DataError)


def test_rows_come_by_column_and_further_columns_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('dataset,value,note\na,1,"x, y"\n\nb,2,\n')
    assert read_rows(path, COLUMNS, ResultsError) == [
        {"dataset": "a", "value": "1", "note": "x, y"},
        {"dataset": "b", "value": "2", "note": ""},
    ]


def test_a_missing_or_large_table_is_an_error_of_the_callers_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ResultsError, match=r"table\.csv: cannot be read \(No such file"):
        read_rows(tmp_path / "table.csv", COLUMNS, ResultsError)
    monkeypatch.setattr("qdot.rows.LARGEST", 10)
    (tmp_path / "table.csv").write_text("dataset,value\n")
    with pytest.raises(DataError, match="larger than 10 bytes"):
        read_rows(tmp_path / "table.csv", COLUMNS, DataError)
