"""A checkout whose suite `tiny` has invented results under DVC, and what a user does with it."""

import hashlib
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import fake_study
import numpy as np
from remotes.servers import ENVIRONMENT, Server
from remotes.wire import Wire
from workflow.checkout import Checkout

from qdot import params
from qdot.study import Study

DVC = str(ENVIRONMENT / "bin/dvc")
OUTS = ("data/prepared", "results/tiny", "reports/build/tiny")
BIG, BIG_SIZE = 10, 2**20  # files of random bytes beside the small ones
HALF_WAY = 3 * BIG_SIZE


def invent(top: Path) -> Checkout:
    """A checkout with every out of dvc.yaml there and in dvc.lock, committed. Nothing was trained."""
    checkout = Checkout.copy(top)
    study = Study.from_config(params.load(top), "tiny", top)
    fake_study.fill(study)
    fake_study.write_studies(study)
    fake_study.write_rollouts(study)
    study.compare_dir.mkdir(parents=True)
    (study.compare_dir / "metrics.json").write_text('{"pendulum-tiny": {"iql": 1.5}}\n')
    page = top / "reports/build/tiny/index.html"
    page.parent.mkdir(parents=True)
    page.write_text("<title>invented</title>\n")
    draw = np.random.default_rng(0)
    for cell, number in zip(list(study.cells()) * BIG, range(BIG), strict=False):
        (study.cell_dir("train", cell) / f"policy{number}.safetensors").write_bytes(draw.bytes(BIG_SIZE))
    Home(checkout).dvc("commit", "--force")
    checkout.commit("invented")
    return checkout


def contents(checkout: Checkout) -> dict[str, str]:
    """SHA-256 of every file of the outs, by its name."""
    files = sorted(path for out in OUTS for path in (checkout.top / out).rglob("*") if path.is_file())
    return {str(path.relative_to(checkout.top)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@dataclass(frozen=True)
class Home:
    """A checkout with a home folder of its own, so that DVC and ssh see no settings of this machine's user.

    Attributes:
        checkout: Its repository.
    """

    checkout: Checkout

    @property
    def variables(self) -> dict[str, str]:
        """Of the environment."""
        home = self.checkout.top.with_name(self.checkout.top.name + "-home")
        home.mkdir(exist_ok=True)
        named = {"HOME": home, "DVC_GLOBAL_CONFIG_DIR": home / "dvc", "DVC_SITE_CACHE_DIR": home / "site"}
        attempts = {"AWS_MAX_ATTEMPTS": "1"}  # S3's client asks a dead server for six minutes otherwise
        return {name: str(path) for name, path in named.items()} | attempts

    def dvc(self, *arguments: str, status: int = 0) -> str:
        """Run DVC and check its exit status; returns what it printed."""
        return self.checkout.run(DVC, *arguments, status=status, **self.variables)

    def refused(self, verb: str) -> str:
        """Run a transfer that fails; returns what DVC printed. Its status is 1 or 255, by the kind of remote."""
        variables = {**os.environ, **self.variables}
        done = subprocess.run(
            [DVC, verb], cwd=self.checkout.top, env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode in (1, 255), done.stdout + done.stderr
        return done.stdout + done.stderr

    def tell(self, url: str, settings: dict[str, str]) -> None:
        """Add the remote, with settings that the repository may hold."""
        self.dvc("remote", "add", "--force", "--default", "store", url)
        self.set(settings)
        self.checkout.commit("remote")

    def set(self, settings: dict[str, str], *options: str) -> None:
        """Settings of the remote; `--local` for secrets."""
        for name, value in settings.items():
            self.dvc("remote", "modify", *options, "store", name, value)

    def cut_short(self, verb: str, wire: Wire, ended: Server | None = None) -> None:
        """Start a transfer, and when it is half way kill DVC, or the server."""
        wire.stop_after(HALF_WAY)
        process = subprocess.Popen(
            [DVC, verb, "--jobs", "2"],
            cwd=self.checkout.top,
            env={**os.environ, **self.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert wire.stopped.wait(120), "the transfer ended before it was half way"
        if ended is None:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            ended.kill()
        wire.mend()
        assert process.communicate()[0] is not None
        assert process.returncode != 0
