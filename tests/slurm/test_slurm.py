"""The study through a real Slurm: the bytes of a local run, and jobs that are cancelled or pre-empted go on.

`make slurm` runs this and keeps the log; `QDOT_SLURM_SUITE=quick` (`make slurm SUITE=quick`) takes suite quick in the
place of tiny, which takes 40 minutes.
"""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from slurm import cluster
from slurm.cluster import Cluster
from slurm.journal import Journal, begin
from workflow.checkout import BIN, TOP, Checkout

from qdot.training import resume

SUITE = os.environ.get("QDOT_SLURM_SUITE", "tiny")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400 if SUITE == "tiny" else 8 * 3600)]
PLUGINS = TOP / ".plugins"
LONG = "{train.steps: 6000, train.evaluate_every: 3000}"
ALGORITHMS = "[qdot, iql, bc]"  # of suite tiny, all
FOLDERS = ("data/prepared", "results", "reports/build")


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory, require: Callable[[str, bool, str], None]) -> Iterator[Cluster]:
    reason = cluster.absent()
    require("slurm", not reason, reason)
    require("slurm", PLUGINS.is_dir(), "Snakemake's executor for Slurm is not installed: make slurm-install")
    started = Cluster(tmp_path_factory.mktemp("slurm"))
    begin(started)
    yield started
    started.stop()


def command(*targets: str) -> list[str]:
    """`workflow/run` through the profile, asking often."""
    return ["workflow/run", *targets, "--workflow-profile", "profiles/slurm", "--latency-wait", "10", *OFTEN]


OFTEN = ("--slurm-init-seconds-before-status-checks", "2", "--slurm-status-command", "squeue")


def variables(slurm: Cluster) -> dict[str, str]:
    found = {**slurm.variables, "PYTHONPATH": str(PLUGINS), "QDOT_SAVE_SECONDS": "0.5"}
    return found | {"PATH": f"{BIN}:{found['PATH']}"}


@pytest.fixture
def journal(slurm: Cluster) -> Iterator[Journal]:
    """What is kept of a test: in the file that QDOT_SLURM_LOG names, if any."""
    made = Journal(slurm)
    yield made
    made.write()


def pair(folder: Path) -> tuple[Checkout, Checkout]:
    """A checkout that records frozen clocks, and its copy: one commit, so that every byte can be compared."""
    local = Checkout.copy(folder / "local", ALGORITHMS)
    shutil.copy(TOP / "benchmarks/faults/frozen_runtime.py", local.top / "src/qdot/stages/runtime.py")
    local.commit("frozen clocks")
    shutil.copytree(local.top, folder / "remote", symlinks=True)
    return local, Checkout(folder / "remote")


def results(checkout: Checkout) -> dict[str, str]:
    """SHA-256 of every file that a run leaves: data, cells, transport studies, tables, page and manifests."""
    tops = (checkout.top / name for name in FOLDERS)
    files = (path for top in tops for path in top.rglob("*") if path.is_file() and path.parent.name != ".locks")
    return {str(path.relative_to(checkout.top)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_suite_through_slurm_has_the_bytes_of_a_local_run(slurm: Cluster, journal: Journal, tmp_path: Path) -> None:
    local, remote = pair(tmp_path)
    local.snakemake(SUITE)
    remote.run(*command(SUITE), **variables(slurm))
    expected, found = results(local), results(remote)
    differ = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    journal.say(
        f"suite {SUITE}: {len(expected)} files of a local run, {len(found)} through Slurm, {len(differ)} differ"
    )
    journal.say(*differ)
    assert differ == []
    names = [f"results/{SUITE}/compare/{name}" for name in ("scores.csv", "claims.json", "manifest.json")]
    assert {*names, f"reports/build/{SUITE}/index.html"} <= found.keys()
    assert any("/qdot/" in name and name.endswith("policy.safetensors") for name in found)
    assert "JobState=COMPLETED" in slurm.ask("scontrol", "show", "jobs")


def test_a_training_job_that_is_cancelled_and_then_preempted_goes_on_to_the_same_bytes(
    slurm: Cluster, journal: Journal, tmp_path: Path
) -> None:
    local, remote = pair(tmp_path)
    local.snakemake("train_all", "--config", f"set={LONG}")
    printed = tmp_path / "printed"
    with open(printed, "wb") as file:
        run = remote.start(*command("train_all", "--config", f"set={LONG}"), output=file, **variables(slurm))
    first = _end_when_saved(slurm, remote, run, "scancel")
    second = _end_when_saved(slurm, remote, run, "scancel", "--signal=TERM")
    assert run.wait() == 0, printed.read_text()
    assert first != second
    log = (remote.top / "logs/tiny/train/pendulum-tiny.log").read_text()  # of the third job
    assert "going on from step" in log
    expected, found = results(local), results(remote)
    journal.say(f"job {first} was cancelled, job {second} got SIGTERM: {len(expected)} files of an undisturbed run")
    journal.say("the same bytes" if found == expected else "OTHER BYTES")
    assert found == expected


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
