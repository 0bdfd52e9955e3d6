"""The study through a real Slurm: the bytes of a local run, and jobs that are cancelled or pre-empted go on."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from slurm import cluster
from slurm.cluster import Cluster
from workflow.checkout import BIN, TOP, Checkout

from qdot.training import resume

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]
PLUGINS = TOP / ".plugins"
LONG = "{train.steps: 6000, train.evaluate_every: 3000}"


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory, require: Callable[[str, bool, str], None]) -> Iterator[Cluster]:
    reason = cluster.absent()
    require("slurm", not reason, reason)
    require("slurm", PLUGINS.is_dir(), "Snakemake's executor for Slurm is not installed: make slurm-install")
    started = Cluster(tmp_path_factory.mktemp("slurm"))
    yield started
    started.stop()


def command(*targets: str) -> list[str]:
    """`workflow/run` through the profile, asking often."""
    return ["workflow/run", *targets, "--workflow-profile", "profiles/slurm", "--latency-wait", "10", *OFTEN]


OFTEN = ("--slurm-init-seconds-before-status-checks", "2", "--slurm-status-command", "squeue")


def variables(slurm: Cluster) -> dict[str, str]:
    found = {**slurm.variables, "PYTHONPATH": str(PLUGINS), "QDOT_SAVE_SECONDS": "0.5"}
    return found | {"PATH": f"{BIN}:{found['PATH']}"}


def results(checkout: Checkout) -> dict[str, bytes]:
    """What no clock touches: policies, curves, episodes, manifests and scores."""
    names = ("policy.safetensors", "curve.csv", "episodes.csv", "manifest.json", "scores.csv", "claims.json")
    files = [path for name in names for path in checkout.top.glob(f"results/tiny/**/{name}")]
    return {str(path.relative_to(checkout.top)): path.read_bytes() for path in files if "seed" in str(path.parent)}


def test_a_suite_through_slurm_has_the_bytes_of_a_local_run(slurm: Cluster, tmp_path: Path) -> None:
    local, remote = Checkout.copy(tmp_path / "local"), Checkout.copy(tmp_path / "remote")
    local.snakemake("tiny")
    remote.run(*command("tiny"), **variables(slurm))
    assert len(results(local)) >= 16
    assert results(remote) == results(local)
    scores = "results/tiny/compare/scores.csv"
    assert (remote.top / scores).read_bytes() == (local.top / scores).read_bytes()
    assert "JobState=COMPLETED" in slurm.ask("scontrol", "show", "jobs")


def test_a_training_job_that_is_cancelled_and_then_preempted_goes_on_to_the_same_bytes(
    slurm: Cluster, tmp_path: Path
) -> None:
    local, remote = Checkout.copy(tmp_path / "local"), Checkout.copy(tmp_path / "remote")
    local.snakemake("train_all", "--config", f"set={LONG}")
    printed = tmp_path / "printed"
    with open(printed, "wb") as file:
        run = remote.start(*command("train_all", "--config", f"set={LONG}"), output=file, **variables(slurm))
    first = _end_when_saved(slurm, remote, run, "scancel")
    second = _end_when_saved(slurm, remote, run, "scancel", "--signal=TERM")
    assert run.wait() == 0, printed.read_text()
    assert first != second
    assert results(remote) == results(local)


def _end_when_saved(slurm: Cluster, checkout: Checkout, run: "subprocess.Popen[bytes]", *signal: str) -> str:
    """Wait until the training job has saved since it began, end it as told, and see that what it saved stays."""
    began = time.time()
    while run.poll() is None:
        saved = list(checkout.top.glob(f"results/tiny/train/*/*/*/{resume.NAME}"))
        jobs = slurm.jobs("train", "RUNNING")
        if jobs and saved and min(path.stat().st_mtime for path in saved) > began:
            slurm.ask(*signal, jobs[0])
            while jobs[0] in slurm.jobs("train", "RUNNING", "COMPLETING"):  # it saves while it completes
                time.sleep(0.2)
            assert all(path.is_file() for path in saved)
            return jobs[0]
        time.sleep(0.1)
    raise AssertionError("the run ended before its training job had saved")
