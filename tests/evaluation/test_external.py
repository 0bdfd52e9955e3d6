"""Imported scores are in external.csv with hand-computed means, and change no other table and no verdict."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_study import fill, new_study
from scipy import stats

from qdot.evaluation.compare import compare
from qdot.external import TABLE
from qdot.study import Study

ROWS = """dataset,algorithm,readout,seed,protocol,score,source
pendulum-tiny,iql,policy,0,final,900,lab
pendulum-tiny,iql,policy,1,final,904,lab
pendulum-tiny,iql,policy,,final,950,lab
pendulum-tiny,qdot,map,0,final,1,other lab
hopper-medium-v2,iql,,,final,66.3,lab
"""


def tables(study: Study) -> dict[str, bytes]:
    compare(study)
    return {path.name: path.read_bytes() for path in study.compare_dir.iterdir()}


def test_imported_scores_are_shown_by_source_and_enter_nothing(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    fill(study)
    before = tables(study)
    assert before["external.csv"] == b"dataset,algorithm,readout,protocol,source,value,low,high,seeds\n"
    (tmp_path / TABLE).write_text(ROWS)
    after = tables(study)
    assert [name for name in after if after[name] != before[name]] == ["external.csv"]
    assert set(after) == set(before)
    found = pd.read_csv(study.compare_dir / "external.csv")
    assert set(found["dataset"]) == {"pendulum-tiny"}
    rows = found.set_index(["algorithm", "source", "seeds"])[["value", "low", "high"]]
    half = stats.t.ppf(0.975, 1) * np.std([900, 904], ddof=1) / np.sqrt(2)
    assert list(rows.loc[("iql", "lab", 2.0)]) == pytest.approx([902.0, 902.0 - half, 902.0 + half])
    assert rows.loc[("qdot", "other lab", 1.0), "value"] == 1.0
    single = found[found["seeds"].isna()]
    assert list(single["value"]) == [950.0]
    assert found[found["seeds"] != 2.0][["low", "high"]].isna().all(axis=None)
