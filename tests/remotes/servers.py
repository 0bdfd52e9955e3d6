"""Real servers on loopback, each with a folder that it stores in and what DVC needs to be told of it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from loopback import free_port

ENVIRONMENT = Path(__file__).parents[2] / ".venv-remotes"
SECRET = "a word with spaces"


@dataclass
class Server:
    """One server.

    Attributes:
        folder: What it stores, and what it is run with.
        port: Where it listens.
        command: What starts it.
        url: Of DVC's remote, with `{port}`.
        settings: DVC's settings of the remote, with `{port}`; they go into the repository.
        secrets: The same, for this clone alone (`--local`).
        wrong: Secrets that the server refuses.
        rclone: Variables that make its remote `store` the folder of DVC's, with `{port}`.
    """

    folder: Path
    port: int
    command: list[str]
    url: str
    settings: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    rclone: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def stored(self) -> Path:
        """Where what was pushed lies on the server's disk."""
        return self.folder / "stored"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, start_new_session=True)
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.1)
        raise AssertionError(f"{self.command[0]} does not listen: {(self.folder / 'log').read_text()}")

    def kill(self) -> None:
        """End it and what it started, at once."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def absent(kind: str) -> str:
    """What is missing on this machine to test a kind of remote, in a sentence; empty where nothing is."""
    if not (ENVIRONMENT / "bin/dvc").is_file():
        return "DVC with its remotes is not installed (.venv-remotes): make remotes"
    program, install = {
        "ssh": (_sshd(), "apt-get install openssh-server"),
        "webdav": (shutil.which("rclone"), "apt-get install rclone"),
        "s3": (_s3rver(), "make remotes, where npm is"),
        "http": (sys.executable, ""),
    }[kind]
    return "" if program else f"the server of the {kind} test is not installed: {install}"


def versions() -> list[str]:
    """Of the servers that are installed."""
    found = []
    if _sshd():
        found.append(subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr.split(",")[0])
    if shutil.which("rclone"):
        said = subprocess.run(["rclone", "version"], capture_output=True, text=True, check=True).stdout
        found.append(said.splitlines()[0])
    if _s3rver():
        package = (ENVIRONMENT / "node_modules/s3rver/package.json").read_text(encoding="utf-8")
        found.append(f"s3rver {json.loads(package)['version']}")
    return found


def make(kind: str, folder: Path) -> Server:
    """A server that was not started yet."""
    (folder / "stored").mkdir(parents=True)
    return {"ssh": _ssh, "webdav": _webdav, "s3": _s3, "http": _http}[kind](folder, free_port())


def objects(stored: Path) -> dict[str, Path]:
    """Files of DVC's in a server's folder: the hash that DVC names each by, and where it lies."""
    return dict(_objects(stored))


def _objects(stored: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(stored.rglob("files/md5/??/*")):
        name = path.name.removesuffix("._S3rver_object")
        if len(name.removesuffix(".dir")) == 30:
            yield path.parent.name + name.removesuffix(".dir"), path


def _sshd() -> str | None:
    return shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")


def _s3rver() -> Path | None:
    found = ENVIRONMENT / "node_modules/.bin/s3rver"
    return found if found.exists() else None


def _ssh(folder: Path, port: int) -> Server:
    for name in ("host", "user", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd demands it of root
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nStrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/user.pub\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n"
    )
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    return Server(
        *(folder, port, [str(_sshd()), "-D", "-e", "-f", str(folder / "sshd_config")]),
        url=f"ssh://127.0.0.1:{{port}}{folder}/stored",
        settings={"user": user},
        secrets={"keyfile": str(folder / "user")},
        wrong={"keyfile": str(folder / "stranger")},
    )


def _webdav(folder: Path, port: int) -> Server:
    command = ["rclone", "serve", "webdav", str(folder / "stored"), "--addr", f"127.0.0.1:{port}"]
    return Server(
        *(folder, port, [*command, "--user", "qdot", "--pass", SECRET, "--config", str(folder / "rclone.conf")]),
        url="webdav://127.0.0.1:{port}/",
        settings={"user": "qdot"},
        secrets={"password": SECRET},
        wrong={"password": "another word"},
        rclone=_for_rclone(
            "STORE", type="webdav", url="http://127.0.0.1:{port}", user="qdot", **{"pass": _obscured(SECRET)}
        ),
    )


def _obscured(password: str) -> str:
    """As rclone's client wants it."""
    command = ["rclone", "obscure", password]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _for_rclone(remote: str, /, **values: str) -> dict[str, str]:
    return {f"RCLONE_CONFIG_{remote}_{name.upper()}": value for name, value in values.items()}


def _s3(folder: Path, port: int) -> Server:
    command = [str(_s3rver()), "--directory", str(folder / "stored"), "--address", "127.0.0.1", "--port", str(port)]
    secrets = {"access_key_id": "S3RVER", "secret_access_key": "S3RVER"}  # the one account that s3rver has
    return Server(
        *(folder, port, [*command, "--configure-bucket", "qdot"]),
        url="s3://qdot/store",
        settings={"endpointurl": "http://127.0.0.1:{port}", "region": "us-east-1"},
        secrets=secrets,
        wrong={"access_key_id": "STRANGER", "secret_access_key": "S3RVER"},  # it checks no signature of a header
        rclone={
            **_for_rclone("S3", type="s3", provider="Other", endpoint="http://127.0.0.1:{port}", **secrets),
            **_for_rclone("STORE", type="alias", remote="s3:qdot/store"),
        },
    )


def _http(folder: Path, port: int) -> Server:
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(folder / "stored")]
    return Server(folder, port, [*command, str(port)], url="http://127.0.0.1:{port}/")
