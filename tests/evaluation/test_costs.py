"""Costs are what the jobs recorded: a row each, whatever ran together in it; memory is the highest."""

from pathlib import Path

import pandas as pd
import pytest
from fake_study import fill, new_study, write_status

from qdot.evaluation.compare import compare
from qdot.provenance import write_json
from qdot.stages.runtime import runtime
from qdot.study import Cell, Study

DATASET = "pendulum-tiny"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = new_study(tmp_path, "tiny")
    fill(made)
    return made


def costs(study: Study) -> pd.DataFrame:
    compare(study)
    return pd.read_csv(study.compare_dir / "costs.csv").set_index(["stage", "algorithms"])


def record(
    study: Study, seed: int, started: str, seconds: float, memory: int, algorithm: str = "bc", **more: list[str]
) -> None:
    path = study.train_dir(DATASET, algorithm, seed) / "runtime.json"
    found = {"started": started, "seconds": seconds, "peak_memory_mb": memory, "worker_peak_memory_mb": memory // 2}
    write_json(path, found | {"device": "cpu"} | more)


def test_seeds_of_one_job_share_its_time_and_two_jobs_are_two_rows(study: Study) -> None:
    record(study, 0, "2025-01-01T00:00:00Z", 100.0, 300)
    record(study, 1, "2025-01-01T00:00:00Z", 101.5, 310)
    (row,) = costs(study).loc[[("train", "bc")]].to_dict("records")
    assert (row["seconds"], row["peak_memory_mb"], row["worker_peak_memory_mb"], row["seeds"]) == (101.5, 310, 155, 2)
    record(study, 1, "2025-01-02T00:00:00Z", 40.0, 310)
    assert list(costs(study).loc[[("train", "bc")], "seconds"]) == [100.0, 40.0]


def test_algorithms_that_trained_side_by_side_are_one_job(study: Study) -> None:
    for seed in study.seeds:
        for algorithm in ("bc", "iql"):
            record(study, seed, "2025-01-01T00:00:00Z", 100.0 + seed, 300, algorithm, algorithms=["bc", "iql"])
        record(study, seed, "2025-01-01T00:00:00Z", 70.0, 200, "qdot", algorithms=["qdot"])
    found = costs(study).loc["train"]
    assert found["seconds"].to_dict() == {"qdot": 70.0, "iql bc": 101.0}
    assert list(found["seeds"]) == [2, 2]


def test_datasets_and_transport_studies_have_rows_where_they_were_measured(study: Study) -> None:
    assert set(costs(study).index.get_level_values("stage")) == {"train", "evaluate"}
    write_json(study.data_dir(DATASET) / "runtime.json", {"seconds": 12.5, "peak_memory_mb": 800})
    write_json(study.transport_dir / "runtime.json", {"seconds": 7.0, "peak_memory_mb": 400})
    found = costs(study).reset_index().set_index("stage")
    assert (found.loc["data", "dataset"], found.loc["data", "seconds"], found.loc["data", "peak_memory_mb"]) == (
        DATASET,
        12.5,
        800,
    )
    assert found.loc["transport", "seconds"] == 7.0


def test_what_did_not_run_costs_nothing(study: Study) -> None:
    for seed in study.seeds:
        write_status(study, Cell(DATASET, "iql", seed), "not run", "no environment")
    assert set(costs(study).index.get_level_values("algorithms")) == {"qdot", "bc"}


def test_seeds_that_finish_one_after_the_other_record_one_start() -> None:
    first, second = runtime(1000.25), runtime(1000.25)
    assert first["started"] == second["started"] < first["finished"]
    assert runtime(2000.25)["started"] > first["started"]
