"""Schedules against ones worked out by hand; what a cause is worth; a plan's jobs grow with datasets, not cells."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Import = Callable[[str, str], ModuleType]
GIVEN = {
    **{"network_bytes_per_second": 10.0, "storage_bytes_per_second": 1e30, "prepare_seconds_per_gigabyte": 0.0},
    **{"replay_seconds": 0.0, "compare_seconds": 3.0, "report_seconds": 2.0, "gpu_seed_steps_per_second": 100.0},
    **{"gpu_alone_steps_per_second": 50.0, "local_start_seconds": 1.0, "submitted_start_seconds": 10.0},
}
ROW = {"dataset": "d", "algorithms": 2, "seeds": 2, "steps": 1000, "download_bytes": 40}
ROW |= {"train_seconds": 200.0, "play_seconds": 100.0, "evaluate_seconds": 60.0}


@pytest.fixture
def schedule(import_from: Import) -> ModuleType:
    return import_from("scale", "schedule")


@pytest.fixture
def simulate(import_from: Import) -> ModuleType:
    return import_from("scale", "simulate")


def two_of(schedule: ModuleType, *seconds: float) -> list[Any]:
    return [schedule.Job(str(index), each, {"core": 1}) for index, each in enumerate(seconds)]


@pytest.mark.parametrize(
    ("cores", "expected"),
    [(1, [3, 5, 9, 10]), (2, [3, 2, 6, 4]), (4, [3, 2, 4, 1])],  # on two: 0 and 1; 1 makes room for 2, 0 for 3
)
def test_jobs_start_in_their_order_as_cores_become_free(
    schedule: ModuleType, cores: int, expected: list[float]
) -> None:
    found = schedule.ends(two_of(schedule, 3.0, 2.0, 4.0, 1.0), {"core": cores})
    assert [found[str(index)] for index in range(4)] == expected


def test_a_job_waits_for_what_comes_before_it_and_a_small_one_passes_a_large_one(schedule: ModuleType) -> None:
    jobs = [
        schedule.Job("first", 5.0, {"core": 1}),
        schedule.Job("wide", 2.0, {"core": 2}),
        schedule.Job("narrow", 1.0, {"core": 1}),
        schedule.Job("last", 4.0, {"core": 1}, ("first", "narrow")),
    ]
    assert schedule.ends(jobs, {"core": 2}) == {"first": 5.0, "narrow": 1.0, "wide": 7.0, "last": 11.0}
    assert schedule.longest_chain(jobs) == 9.0


def test_a_job_without_room_and_one_that_waits_for_nothing_known_are_refused(schedule: ModuleType) -> None:
    with pytest.raises(ValueError, match="needs 2 of core, found 1"):
        schedule.ends([schedule.Job("wide", 1.0, {"core": 2})], {"core": 1})
    with pytest.raises(ValueError, match="waits for"):
        schedule.ends([schedule.Job("late", 1.0, {}, ("no such",))], {})


def model(simulate: ModuleType, rows: int, split: int = 1, **machine: Any) -> Any:
    made = [{**ROW, "dataset": f"d{index}"} for index in range(rows)]
    values = {"gpus": 0, "cores": 2, "share": 1.0, **machine}
    return simulate.Model(made, GIVEN, 10.0, simulate.Machine(**values), split)


def test_one_dataset_on_cores_takes_what_its_stages_take_one_after_the_other(simulate: ModuleType) -> None:
    """Fetch 1 + 4; train 1 + 200 + 100, on one core of three; evaluate 1 + 60 / 2; compare 1 + 3; report 1 + 2."""
    on_one = simulate.Model([{**ROW, "algorithms": 1, "seeds": 4}], GIVEN, 10.0, simulate.Machine(0, 3, 1.0))
    assert simulate.makespan(on_one) == pytest.approx(5 + 301 + 31 + 4 + 3)


def test_two_algorithms_on_two_cores_share_all_but_the_critic(simulate: ModuleType) -> None:
    """Train 1 + 200 x (0.1 + 0.9 / 2) + 100 / 2 on two cores, for which the transport studies have made room."""
    assert simulate.makespan(model(simulate, 1)) == pytest.approx(11 + 161 + 31 + 4 + 3)


def test_on_a_gpu_the_longer_of_steps_and_rollouts_counts(simulate: ModuleType) -> None:
    """4,000 seed-steps at 100 a second, 40 s, beside 100 s of rollouts on two cores: 50 s, and 25 s on four."""
    machine = {"gpus": 1, "cores": 2}
    assert simulate.makespan(model(simulate, 1, **machine)) == pytest.approx(11 + 51 + 31 + 4 + 3)
    row = simulate.row_of("m", model(simulate, 1, **machine))
    assert row["bound"] == "physics"
    assert row["hours_without_it"] == f"{(11 + 41 + 1 + 4 + 3) / 3600:.1f}"
    assert row["gpu_busy"] == f"{40 / 100:.3f}"
    assert simulate.makespan(model(simulate, 1, gpus=1, cores=4)) == pytest.approx(11 + 41 + 31 + 4 + 3)


def test_jobs_that_share_a_machines_gpus_share_its_cores(simulate: ModuleType) -> None:
    made = model(simulate, 3, gpus=1, gpu_jobs=2, cores=16)
    assert [job.needs for job in made.jobs() if job.name.startswith("train")] == [{"gpu": 1, "core": 8}] * 3


def test_a_gpu_more_than_there_are_training_jobs_gains_nothing_and_splitting_does(simulate: ModuleType) -> None:
    spans = {gpus: simulate.makespan(model(simulate, 3, gpus=gpus, cores=100)) for gpus in (1, 3, 1000)}
    assert spans[3] == spans[1000] < spans[1]
    assert simulate.makespan(model(simulate, 3, split=2, gpus=1000, cores=100)) < spans[3]


def test_a_single_model_steps_at_its_own_rate_and_jobs_on_one_gpu_share_it(simulate: ModuleType) -> None:
    """1,000 steps at 50 a second; four jobs on a GPU take four times as long each; in all 4 x 20 s of one GPU."""
    alone = model(simulate, 1, split=4, gpus=1, cores=1)
    assert [job.seconds for job in alone.jobs() if job.name.startswith("train")] == [
        1 + 25.0
    ] * 4  # 100 / 4 of rollouts
    shared = model(simulate, 1, split=4, gpus=1, gpu_jobs=4, cores=16)
    assert [job.seconds for job in shared.jobs() if job.name.startswith("train")] == [1 + 80.0] * 4
    assert alone.stepping() == shared.stepping() == 80.0


def test_downloads_share_one_line(simulate: ModuleType) -> None:
    """Ten fetches of 1 + 4 s, on ever so many cores, end after 50 s."""
    many = model(simulate, 10, cores=1000)
    done = simulate.ends(many.jobs(), many.capacity())
    assert sorted(end for name, end in done.items() if name.startswith("data")) == [5.0 * (k + 1) for k in range(10)]


def test_a_cluster_starts_jobs_later(simulate: ModuleType) -> None:
    """Five stages in a row, nine seconds later each; and training, which takes all cores, waits for the replay's."""
    spans = [simulate.makespan(model(simulate, 1, gpus=1, cores=16, submits=submits)) for submits in (False, True)]
    assert spans[1] - spans[0] == pytest.approx(5 * 9 + 4)


def planned(plan: ModuleType, top: Path, *shape: int) -> int:
    plan.copy(top, plan.suite_of(*shape))
    return int(plan.plan(top)["jobs"])


def test_more_variants_and_seeds_make_no_more_jobs(import_from: Import, tmp_path: Path) -> None:
    plan = import_from("scale", "plan")
    few, many = (planned(plan, tmp_path / str(shape[1]), *shape) for shape in ((2, 2, 1), (2, 20, 15)))
    assert few == many <= 5 * 2 + 4  # five of each dataset; transport, tables, report, gate


@pytest.mark.slow
def test_ten_thousand_cells_are_at_most_five_jobs_per_dataset(import_from: Import, tmp_path: Path) -> None:
    plan = import_from("scale", "plan")
    shape = (20, 50, 10)
    assert 20 * 2 < planned(plan, tmp_path, *shape) <= 5 * 20 + 4


def test_the_page_shows_the_kept_rows(import_from: Import) -> None:
    simulate, table, markdown = (import_from("scale", name) for name in ("simulate", "table", "markdown"))
    page = simulate.PAGE.read_text(encoding="utf-8")
    assert markdown.fill(page, "scale", simulate.markdown_of(table.read(simulate.FOLDER / "scale.csv"))) == page


@pytest.mark.slow
def test_the_kept_rows_are_what_the_simulation_makes_of_the_kept_measurements(
    import_from: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate = import_from("scale", "simulate")
    kept = (simulate.FOLDER / "scale.csv").read_bytes(), simulate.PAGE.read_bytes()
    made = tmp_path / "scale.csv", tmp_path / "scale.md"
    made[1].write_bytes(kept[1])
    write = simulate.table.write
    monkeypatch.setattr(simulate.table, "write", lambda _, columns, rows: write(made[0], columns, rows))
    monkeypatch.setattr(simulate, "PAGE", made[1])
    monkeypatch.setattr("sys.argv", ["simulate.py"])
    assert simulate.main() == 0
    assert tuple(path.read_bytes() for path in made) == kept


def test_what_snakemake_prints_is_counted(import_from: Import) -> None:
    plan = import_from("scale", "plan")
    printed = "job      count\n-----  -------\nall          1\ndata        20\ntotal       21\n\nmore\njob      count\n"
    assert plan.jobs_of(printed) == {"all": 1, "data": 20}
    assert plan.jobs_of("Nothing to be done") == {}


def test_a_suite_that_is_finished_has_nothing_left_to_do(
    import_from: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qdot import params
    from qdot.study import Study

    plan = import_from("scale", "plan")
    assert planned(plan, tmp_path, 1, 2, 2) > 1
    monkeypatch.chdir(tmp_path)
    plan.finish(Study.from_config(params.load(), plan.SUITE))
    assert int(plan.plan(tmp_path)["jobs"]) <= 1  # the gate
