"""A copy of this checkout as a repository of its own, with git and DVC, small enough to run in tests."""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from qdot.places import VARIABLES

TOP = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Checkout:
    """A repository in a temporary folder.

    Attributes:
        top: Its folder.
    """

    top: Path

    @classmethod
    def copy(cls, top: Path, algorithms: str = "[iql, bc]", suite: str = "tiny") -> "Checkout":
        """Copy the working tree (not results, not data), make a suite active and give `tiny` its algorithms, commit."""
        names = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=TOP, capture_output=True, check=True
        ).stdout.decode()
        for name in filter(None, names.split("\0")):
            source, target = TOP / name, top / name
            if source.is_file() and name not in ("dvc.lock",):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
                target.chmod(source.stat().st_mode)
        made = cls(top)
        made.set("suite: paper", f"suite: {suite}")
        made.set("algorithms: [qdot, iql, bc]\n    seeds: [0, 1]\n", f"algorithms: {algorithms}\n    seeds: [0, 1]\n")
        made.run("git", "init", "--quiet", "--initial-branch=main")
        made.identify()
        made.commit("start")
        return made

    def clone(self, top: Path) -> "Checkout":
        """Clone the repository, DVC's remote included."""
        subprocess.run(["git", "clone", "--quiet", str(self.top), str(top)], check=True)
        made = Checkout(top)
        made.identify()
        return made

    def identify(self) -> None:
        """Give git an author."""
        self.run("git", "config", "user.email", "test@example.org")
        self.run("git", "config", "user.name", "Test")

    def run(self, *command: str, status: int = 0, **environment: str) -> str:
        """Run a command in the repository and check its exit status; returns what it printed."""
        done = subprocess.run(
            command,
            cwd=self.top,
            env=self._variables(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == status, (
            f"{command}: status {done.returncode}, expected {status}\n{done.stdout[-6000:]}"
        )
        return done.stdout

    def start(self, *command: str, output: IO[bytes], **environment: str) -> "subprocess.Popen[bytes]":
        """Start a command in the repository; what it prints goes to a file."""
        variables = self._variables(environment)
        return subprocess.Popen(command, cwd=self.top, env=variables, stdout=output, stderr=subprocess.STDOUT)

    def _variables(self, more: dict[str, str]) -> dict[str, str]:
        dropped = ("PYTHONPATH", "QDOT_D4RL_MIRROR", *VARIABLES.values())
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        return kept | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1", **more}

    def snakemake(self, *arguments: str, status: int = 0, **environment: str) -> str:
        """Run the study as `make` does."""
        return self.run("workflow/run", "--cores", "2", *arguments, status=status, **environment)

    def commit(self, message: str) -> str:
        """Commit everything; returns the commit."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)
        return self.run("git", "rev-parse", "HEAD").strip()

    def set(self, old: str, new: str, name: str = "params.yaml") -> None:
        """Replace a text that stands exactly once in a file."""
        path = self.top / name
        text = path.read_text()
        assert text.count(old) == 1, f"{name}: {old!r} stands {text.count(old)} times"
        path.write_text(text.replace(old, new))

    def works(self) -> dict[str, str]:
        """What each piece of work left behind: a cell's runtime.json holds the clock of the work that wrote it."""
        paths = sorted(self.top.glob("results/*/*/*/*/seed*/runtime.json"))
        return {str(path.relative_to(self.top)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def worked(self, before: dict[str, str]) -> list[str]:
        """Cells worked on since `before`, as `stage/dataset/algorithm/seed`."""
        changed = [name for name, content in self.works().items() if before.get(name) != content]
        return sorted("/".join(Path(name).parts[2:6]) for name in changed)
