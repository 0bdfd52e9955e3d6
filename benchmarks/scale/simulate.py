"""The paper's suite from a laptop to 1,000 GPUs, and what binds it: `python benchmarks/scale/simulate.py`.

Measured: CPU time of the jobs (jobs.csv), time of the transport studies (docs/results/decisive/costs.csv). Everything
else is an assumption with a name (assumptions.yaml). Writes scale.csv and the table of docs/scale.md.
"""

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import markdown
import table
import yaml
from schedule import Job, ends, longest_chain

from qdot.machine import SHARED, cores_beside_a_gpu, training_threads
from qdot.provenance import write_atomic
from qdot.stages.preflight import CHECKPOINT_BYTES

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs/scale.md"
COSTS = FOLDER.parents[1] / "docs/results/decisive/costs.csv"
CAUSES = ("physics", "training", "downloads", "scheduler", "storage")
COLUMNS = (
    *("machine", "gpus", "cores", "split", "jobs", "hours", "bound", "hours_without_it", "longest_chain_hours"),
    "gpu_busy",
)
GAIN = 0.01  # of the whole: what must be won for a cause to be named
NEAR = 0.05  # beyond the longest chain, where more machines gain next to nothing
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Machine:
    """Where jobs run.

    Attributes:
        gpus: Of all nodes together.
        cores: The same.
        share: Of a whole core that each core is worth when all are busy.
        gpu_jobs: Training jobs that share one GPU.
        submits: Whether each job goes through a scheduler of a cluster.
    """

    gpus: int
    cores: int
    share: float
    gpu_jobs: int = 1
    submits: bool = False


@dataclass(frozen=True)
class Model:
    """The suite's jobs on a machine.

    Attributes:
        rows: Of jobs.csv.
        given: Of assumptions.yaml.
        transport_seconds: Of the transport studies.
        machine: Where.
        split: Into how many jobs the training of a dataset is dealt out; its evaluation likewise.
        without: A cause that takes no time, to see what it is worth.
    """

    rows: Sequence[Row]
    given: Mapping[str, Any]
    transport_seconds: float
    machine: Machine
    split: int = 1
    without: str | None = None

    def jobs(self) -> list[Job]:
        """Every job, stage by stage, in the suite's order."""
        found = [job for row in self.rows for job in self._of_data(row)]
        found += [self._training(row, part) for row in self.rows for part in range(self.split)]
        found += [self._evaluation(row, part) for row in self.rows for part in range(self.split)]
        found.append(self._job("transport", self._core("training", self.transport_seconds)))
        everything = tuple(job.name for job in found)
        found.append(self._job("compare", self.given["compare_seconds"], after=everything))
        return [*found, self._job("report", self.given["report_seconds"], after=("compare",))]

    def capacity(self) -> dict[str, int]:
        """What the machine has."""
        return {"core": self.machine.cores, "gpu": self.machine.gpus * self.machine.gpu_jobs, "line": 1}

    def _of_data(self, row: Row) -> list[Job]:
        """Fetching and preparing one dataset, one after the other on the line; replaying it."""
        size = float(row["download_bytes"])
        fetch = self._cost("downloads", size / self.given["network_bytes_per_second"])
        name = f"data {row['dataset']}"
        prepare = size / 1e9 * self.given["prepare_seconds_per_gigabyte"]
        prepare += self._cost("storage", 2 * size / self.given["storage_bytes_per_second"])
        return [
            self._job(name, fetch + prepare, {"core": 1, "line": 1}),
            self._job(f"replay {row['dataset']}", self.given["replay_seconds"], after=(name,)),
        ]

    def _training(self, row: Row, part: int) -> Job:
        """One part of a dataset's training; its evaluations run beside, on a GPU's machine on cores of their own."""
        play = self._core("physics", float(row["play_seconds"]) / self.split)
        stored = self._stored(row)
        name, after = f"train {row['dataset']} {part}", (f"data {row['dataset']}",)
        if self.machine.gpus:
            work = self._cost("training", self._on_gpu(row))
            players = self._threads(row)
            return self._job(name, max(work, play / players) + stored, {"gpu": 1, "core": players}, after)
        by_algorithm = min(self.split, int(row["algorithms"]))  # each trains the critic of its seeds; then by seed
        share = (SHARED + (1 - SHARED) / by_algorithm) / (self.split / by_algorithm)
        each, threads = self._core("training", float(row["train_seconds"]) * share), self._threads(row)
        work = each * (SHARED + (1 - SHARED) / threads) + play / threads
        return self._job(name, work + stored, {"core": threads}, after)

    def _threads(self, row: Row) -> int:
        """Cores of a training job, as the rule takes them."""
        jobs, algorithms = len(self.rows) * self.split, max(1, int(row["algorithms"]) // self.split)
        if self.machine.gpus:
            return cores_beside_a_gpu(self.machine.cores, self.capacity()["gpu"], jobs)
        return training_threads(self.machine.cores, jobs, algorithms, 1)

    def _on_gpu(self, row: Row) -> float:
        """Seconds of the steps of one part on a GPU, which other jobs may share."""
        models = int(row["algorithms"]) * int(row["seeds"]) / self.split
        rate = min(models * self.given["gpu_alone_steps_per_second"], self.given["gpu_seed_steps_per_second"])
        return models * int(row["steps"]) / rate * self.machine.gpu_jobs

    def stepping(self) -> float:
        """Seconds of one GPU that all steps of the suite take."""
        return sum(self._on_gpu(row) for row in self.rows) * self.split / self.machine.gpu_jobs

    def _evaluation(self, row: Row, part: int) -> Job:
        """One part of a dataset's last evaluation, on two cores."""
        seconds = self._core("physics", float(row["evaluate_seconds"]) / self.split) / 2
        name, after = f"evaluate {row['dataset']} {part}", (f"train {row['dataset']} {part}",)
        return self._job(name, seconds + self._stored(row), {"core": 2}, after)

    def _stored(self, row: Row) -> float:
        """Reading a dataset, and writing or reading the checkpoints of one part."""
        cells = int(row["algorithms"]) * int(row["seeds"]) / self.split
        size = float(row["download_bytes"]) + cells * CHECKPOINT_BYTES
        return self._cost("storage", size / self.given["storage_bytes_per_second"])

    def _core(self, cause: str, seconds: float) -> float:
        return self._cost(cause, seconds / self.machine.share)

    def _cost(self, cause: str, seconds: float) -> float:
        return 0.0 if cause == self.without else seconds

    def _job(
        self, name: str, seconds: float, needs: Mapping[str, int] | None = None, after: tuple[str, ...] = ()
    ) -> Job:
        """A job with what it takes to start."""
        kind = "submitted_start_seconds" if self.machine.submits else "local_start_seconds"
        return Job(name, self._cost("scheduler", self.given[kind]) + seconds, needs or {"core": 1}, after)


def makespan(model: Model) -> float:
    """Seconds until the last job ends."""
    return max(ends(model.jobs(), model.capacity()).values())


def row_of(name: str, model: Model) -> table.Row:
    """What a suite takes, and the cause without which it would be shortest."""
    jobs, seconds = model.jobs(), makespan(model)
    shortened = {cause: makespan(Model(**(vars(model) | {"without": cause}))) for cause in CAUSES}
    bound = min(shortened, key=lambda cause: shortened[cause])
    found = bound if shortened[bound] < (1 - GAIN) * seconds else "none alone"
    found += ", in the longest job" if seconds < (1 + NEAR) * longest_chain(jobs) else ""
    return {
        **{"machine": name, "gpus": model.machine.gpus, "cores": model.machine.cores, "split": model.split},
        **{"jobs": len(jobs), "hours": f"{seconds / 3600:.1f}", "bound": found},
        "hours_without_it": f"{shortened[bound] / 3600:.1f}",
        "longest_chain_hours": f"{longest_chain(jobs) / 3600:.1f}",
        "gpu_busy": f"{model.stepping() / model.machine.gpus / seconds:.3f}" if model.machine.gpus else "",
    }


def markdown_of(rows: Sequence[table.Row]) -> str:
    """The table of the page."""
    header = (
        "machines",
        "GPUs",
        "cores",
        "jobs per dataset",
        "jobs",
        "hours",
        "bound by",
        "without it",
        "longest chain",
    )
    keys = ("machine", "gpus", "cores", "split", "jobs", "hours", "bound", "hours_without_it", "longest_chain_hours")
    return markdown.table(header, [[str(row[key]) for key in keys] for row in rows])


def main() -> int:
    """Simulate, print, write the rows and the page's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=NUMBER", help="other values of assumptions.yaml")
    parser.add_argument("--print", action="store_true", help="write nothing")
    chosen = parser.parse_args()
    given = yaml.safe_load((FOLDER / "assumptions.yaml").read_text(encoding="utf-8"))
    given |= {name: float(value) for name, value in (text.split("=") for text in chosen.set)}
    measured = table.read(FOLDER / "jobs.csv")
    with COSTS.open(newline="", encoding="utf-8") as lines:
        transport = sum(float(row["seconds"]) for row in csv.DictReader(lines) if row["stage"] == "transport")
    algorithms, seeds = int(measured[0]["algorithms"]), int(measured[0]["seeds"])
    rows = []
    for name, values in given["machines"].items():
        for split in (1, algorithms, algorithms * seeds):
            rows.append(row_of(name, Model(measured, given, transport, Machine(**values), split)))
            print(*rows[-1].values(), flush=True)
    if not chosen.print:
        table.write(FOLDER / "scale.csv", COLUMNS, rows)
        write_atomic(PAGE, markdown.fill(PAGE.read_text(encoding="utf-8"), "scale", markdown_of(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
