"""What DVC tracks travels through each kind of remote, byte for byte, against real servers on loopback."""

import hashlib
import os
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
from workflow.checkout import Checkout

pytestmark = pytest.mark.slow
Require = Callable[[str, bool, str], None]
REFUSED = {
    "ssh": "Permission denied",
    "webdav": "401|Unauthorized",
    "s3": "SignatureDoesNotMatch|signature",
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


@pytest.mark.parametrize("kind", ["ssh", "webdav", "s3"])
def test_a_push_and_a_pull_that_were_cut_short_go_on_to_the_same_bytes(origin: Home, start: Start, kind: str) -> None:
    server, wire = start(kind)
    tell(origin, server, wire)
    origin.set(server.secrets, "--local")
    second = clone(origin, "second", server.secrets)
    origin.cut_short("push", wire)
    assert damaged(server.stored) == []
    first = {name: path.stat().st_mtime_ns for name, path in servers.objects(server.stored).items()}
    origin.cut_short("push", wire, server)
    server.start()
    origin.dvc("push")
    whole = {name: path.stat().st_mtime_ns for name, path in servers.objects(server.stored).items()}
    assert 0 < len(first) < len(whole)
    assert first.items() <= whole.items()  # what had arrived was not sent again
    assert damaged(server.stored) == []
    second.cut_short("pull", wire)
    second.cut_short("pull", wire, server)
    server.start()
    second.dvc("pull")
    assert contents(second.checkout) == contents(origin.checkout)


@pytest.mark.parametrize("kind", ["ssh", "webdav", "s3"])
def test_wrong_credentials_are_named_and_leave_nothing_on_either_side(origin: Home, start: Start, kind: str) -> None:
    server, wire = start(kind)
    tell(origin, server, wire)
    origin.set(server.wrong, "--local")
    _refused(origin.dvc("push", status=255), kind)
    assert [path for path in server.stored.rglob("*") if path.is_file() and "md5" in path.parts] == []
    origin.set(server.secrets, "--local")
    origin.dvc("push")
    second = clone(origin, "second", server.wrong)
    _refused(second.dvc("pull", status=255), kind)
    assert contents(second.checkout) == {}
    second.set(server.secrets, "--local")
    second.dvc("pull")
    assert contents(second.checkout) == contents(origin.checkout)


def _refused(printed: str, kind: str) -> None:
    import re

    assert re.search(REFUSED[kind], printed), printed
