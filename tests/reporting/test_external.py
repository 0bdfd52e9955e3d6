"""Imported scores on the page: in the score table, marked external, each with its source, and nowhere else."""

import re
from pathlib import Path

from fake_study import fill, new_study
from report_page import Page, section

from qdot.evaluation.compare import compare
from qdot.external import TABLE
from qdot.reporting.render import render

ROWS = """dataset,algorithm,readout,seed,protocol,score,source
pendulum-tiny,iql,policy,0,final,900,lab & <co>
pendulum-tiny,iql,policy,1,final,904,lab & <co>
pendulum-tiny,dt,,,best of training,777,https://host.invalid/dt
"""


def test_imported_scores_stand_in_the_score_table_with_their_source(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    fill(study)
    (tmp_path / TABLE).write_text(ROWS)
    compare(study)
    text = render(study).read_text()
    scores = section(text, "scores").text
    table = scores.partition("external: imported, made elsewhere; part of no mean, difference, rank or claim")[2]
    assert re.match(r" dt external 777\.0, protocol best of training , from https://host\.invalid/dt ", table)
    assert re.search(r" iql external 902\.0 \[.+?\] , 2 seeds, protocol final , from lab & <co> ", table)
    assert "<co>" not in text  # escaped
    assert 'href="https://host' not in text
    for number in ("902.0", "777.0", "900.0"):
        assert Page(text).text.count(number) == scores.count(number) <= 1
    assert "external.csv" in scores


def test_a_page_of_tables_without_imported_scores_has_no_such_rows(tmp_path: Path) -> None:
    study = new_study(tmp_path, "tiny")
    fill(study)
    compare(study)
    assert "imported, made elsewhere" not in render(study).read_text()
    (study.compare_dir / "external.csv").unlink()  # of an older version
    assert "imported, made elsewhere" not in render(study).read_text()
