"""`qdot.results.load`: typed scores, and errors that say what to run."""

from pathlib import Path

import pytest
from fake_study import fill, new_study

from qdot.errors import ResultsError
from qdot.evaluation.compare import compare
from qdot.results import load


def test_scores_are_typed(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    fill(study, algorithms=("bc",))
    compare(study)
    frame = load("tiny", tmp_path)
    assert [str(kind) for kind in frame.dtypes] == ["str", "str", "str", "int64", "str", "float64", "Int64", "str"]
    assert frame.loc[frame["status"] == "ok", "score"].notna().all()
    assert frame.loc[frame["status"] != "ok", "episodes"].isna().all()


def test_a_suite_without_tables_names_those_that_have(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    compare(study)
    with pytest.raises(ResultsError, match=r"under .*results: tiny; run `snakemake quick"):
        load("quick", tmp_path)


def test_a_broken_column_is_named(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    compare(study)
    path = study.compare_dir / "scores.csv"
    path.write_text(path.read_text().replace("pendulum-tiny,qdot,map,0,final,,", "pendulum-tiny,qdot,map,zero,final,,"))
    with pytest.raises(ResultsError, match="a column has the wrong kind"):
        load("tiny", tmp_path)
