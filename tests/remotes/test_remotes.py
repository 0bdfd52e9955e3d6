"""What DVC tracks travels through each kind of remote, byte for byte, against real servers on loopback."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from remotes import servers
from remotes.servers import Server
from remotes.study import DVC, Home, contents, invent
from remotes.wire import Wire
from workflow.checkout import TOP, Checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
Require = Callable[[str, bool, str], None]
REFUSED = {
    "ssh": "Permission denied",
    "webdav": "401|Unauthorized",
    "s3": r"\(403\) when calling",
}


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory, require: Require) -> Checkout:
    """A checkout with results under DVC."""
    reason = servers.absent("http")
    require("remotes", not reason, reason)
    return invent(tmp_path_factory.mktemp("remotes") / "invented")


@pytest.fixture
def origin(invented: Checkout, tmp_path: Path) -> Home:
    """The same in a folder of its own, which knows of no remote."""
    shutil.copytree(invented.top, tmp_path / "origin", symlinks=True)
    return Home(Checkout(tmp_path / "origin"))


@pytest.fixture
def start(tmp_path: Path, require: Require) -> Iterator[Callable[[str], tuple[Server, Wire]]]:
    """Starts servers, each behind a wire; they end with the test."""
    started: list[tuple[Server, Wire]] = []

    def one(kind: str) -> tuple[Server, Wire]:
        reason = servers.absent(kind)
        require(kind, not reason, reason)
        server = servers.make(kind, tmp_path / kind)
        server.start()
        started.append((server, Wire(server.port)))
        return started[-1]

    yield one
    for server, wire in started:
        wire.close()
        server.kill()


Start = Callable[[str], tuple[Server, Wire]]


def through(wire: Wire, text: str) -> str:
    return text.format(port=wire.port)


def tell(home: Home, server: Server, wire: Wire) -> None:
    home.tell(through(wire, server.url), {name: through(wire, value) for name, value in server.settings.items()})


def clone(origin: Home, name: str, secrets: dict[str, str]) -> Home:
    made = Home(origin.checkout.clone(origin.checkout.top.with_name(name)))
    made.set(secrets, "--local")
    return made


def damaged(stored: Path) -> list[str]:
    """Files on the server that DVC would take for what their names say, and that are not."""
    found = servers.objects(stored)
    return [name for name, path in found.items() if hashlib.md5(path.read_bytes()).hexdigest() != name]


@pytest.mark.parametrize("kind", ["ssh", "webdav", "s3"])
def test_what_is_pushed_is_pulled_by_a_fresh_clone_and_secrets_stay_here(origin: Home, start: Start, kind: str) -> None:
    server, wire = start(kind)
    tell(origin, server, wire)
    origin.set(server.secrets, "--local")
    origin.dvc("push")
    assert len(servers.objects(server.stored)) > 20
    assert damaged(server.stored) == []
    second = clone(origin, "second", server.secrets)
    assert contents(second.checkout) == {}
    second.dvc("pull")
    assert contents(second.checkout) == contents(origin.checkout)
    assert "in sync" in second.dvc("status", "--cloud")
    tracked = second.checkout.run("git", "grep", "-c", "", "--", ".dvc").split()
    assert tracked == second.checkout.run("git", "grep", "-c", "", "--", ".dvc/config", ".dvc/.gitignore").split()
    assert not any(secret in second.checkout.run("cat", ".dvc/config") for secret in server.secrets.values())


def test_a_push_and_a_pull_that_were_cut_short_go_on_to_the_same_bytes(origin: Home, start: Start) -> None:
    server, wire = start("ssh")
    tell(origin, server, wire)
    origin.set(server.secrets, "--local")
    first = push_in_pieces(origin, server, wire)
    whole = arrived(server)
    assert 0 < len(first) < len(whole)
    assert first.items() <= whole.items()  # what had arrived was not sent again
    assert damaged(server.stored) == []
    second = clone(origin, "second", server.secrets)
    pull_in_pieces(second, server, wire)
    assert contents(second.checkout) == contents(origin.checkout)


@pytest.mark.parametrize("kind", ["webdav", "s3"])
def test_what_a_push_left_half_written_is_refused_by_a_verified_pull_and_healed_as_documented(
    origin: Home, start: Start, kind: str
) -> None:
    """These servers keep the first half of a file, and DVC asks for its name alone: docs/remotes.md."""
    server, wire = start(kind)
    tell(origin, server, wire)
    origin.set(server.secrets, "--local")
    origin.set({"verify": "true"})
    origin.checkout.commit("verify")
    first = push_in_pieces(origin, server, wire)
    whole = arrived(server)
    assert 0 < len(first) < len(whole)
    assert first.items() <= whole.items()  # what had arrived was not sent again
    half = damaged(server.stored)
    assert half
    second = clone(origin, "second", server.secrets)
    assert "failed to pull" in pull_in_pieces(second, server, wire, status=1)
    assert set(contents(second.checkout).items()) < set(contents(origin.checkout).items())
    assert sorted(heal(origin, server, wire)) == sorted(half)
    origin.dvc("push")
    assert damaged(server.stored) == []
    second.dvc("pull")
    assert contents(second.checkout) == contents(origin.checkout)


def heal(home: Home, server: Server, wire: Wire) -> list[str]:
    """Delete what differs from its name, with the commands that docs/remotes.md gives; returns the names."""
    documented = (TOP / "docs/remotes.md").read_text()
    listing = re.search(r"`(rclone md5sum [^`]*)`", documented)
    lists = re.search(r"`(rclone delete [^`]*)`", documented)
    assert listing is not None
    assert lists is not None
    variables = {name: through(wire, value) for name, value in server.rclone.items()}
    variables |= {"RCLONE_CONFIG": os.devnull, "AWS_CA_BUNDLE": ""}  # of this machine's user, and no business of a test
    lines = [line.split() for line in home.checkout.run(*listing[1].split(), **variables).splitlines()]
    differing = [name for found, name in lines if found != name.replace("/", "").removesuffix(".dir")]
    for name in differing:
        home.checkout.run("rclone", "deletefile", f"store:files/md5/{name}", **variables)
    home.checkout.run(*lists[1].split(), **variables)
    return [name.replace("/", "").removesuffix(".dir") for name in differing]


def arrived(server: Server) -> dict[str, int]:
    """When each file of DVC's was written on the server."""
    return {name: path.stat().st_mtime_ns for name, path in servers.objects(server.stored).items()}


def push_in_pieces(home: Home, server: Server, wire: Wire) -> dict[str, int]:
    """Push, with DVC killed half way, then the server; returns what had arrived after the first."""
    home.cut_short("push", wire)
    first = arrived(server)
    home.cut_short("push", wire, server)
    server.start()
    home.dvc("push")
    return first


def pull_in_pieces(home: Home, server: Server, wire: Wire, status: int = 0) -> str:
    """Pull in the same way; the last one ends with a status. Returns what that printed."""
    home.cut_short("pull", wire)
    home.cut_short("pull", wire, server)
    server.start()
    return home.dvc("pull", status=status)


@pytest.mark.parametrize("kind", ["ssh", "webdav", "s3"])
def test_wrong_credentials_are_named_and_leave_nothing_on_either_side(origin: Home, start: Start, kind: str) -> None:
    server, wire = start(kind)
    tell(origin, server, wire)
    origin.set(server.wrong, "--local")
    assert re.search(REFUSED[kind], origin.refused("push"))
    assert [path for path in server.stored.rglob("*") if path.is_file() and "md5" in path.parts] == []
    origin.set(server.secrets, "--local")
    origin.dvc("push")
    second = clone(origin, "second", server.wrong)
    assert re.search(REFUSED[kind], second.refused("pull"))
    assert contents(second.checkout) == {}
    second.set(server.secrets, "--local")
    second.dvc("pull")
    assert contents(second.checkout) == contents(origin.checkout)


def test_a_local_folder_takes_up_a_push_and_a_pull_that_were_killed(origin: Home, tmp_path: Path) -> None:
    stored = tmp_path / "folder"
    origin.tell(str(stored), {})
    _kill_at_first(origin, "push", stored)
    assert damaged(stored) == []
    origin.dvc("push")
    second = clone(origin, "second", {})
    _kill_at_first(second, "pull", second.checkout.top / ".dvc/cache")
    second.dvc("pull")
    assert damaged(stored) == []
    assert contents(second.checkout) == contents(origin.checkout)


def _kill_at_first(home: Home, verb: str, folder: Path) -> None:
    """Start a transfer, and kill it when the first file is there."""
    variables = {**os.environ, **home.variables}
    process = subprocess.Popen([DVC, verb, "--jobs", "1"], cwd=home.checkout.top, env=variables, start_new_session=True)
    while not servers.objects(folder):
        assert process.poll() is None
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_a_web_server_gives_a_fresh_clone_everything_and_takes_nothing(origin: Home, start: Start) -> None:
    server, wire = start("http")
    origin.tell(str(server.stored), {})
    origin.dvc("push")
    before = arrived(server)
    tell(origin, server, wire)
    second = clone(origin, "second", {})
    pull_in_pieces(second, server, wire)
    assert contents(second.checkout) == contents(origin.checkout)
    (origin.checkout.top / "reports/build/tiny/index.html").write_text("<title>another</title>\n")
    origin.dvc("commit", "--force")
    assert "501" in origin.refused("push")
    assert arrived(server) == before
