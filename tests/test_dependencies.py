"""What is pinned is asked about at a database of vulnerabilities, and its licences are listed."""

import http.server
import importlib.util
import json
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TOP = Path(__file__).parents[1]
FILES = [TOP / "requirements-torch.txt", TOP / "requirements.lock"]
Done = subprocess.CompletedProcess


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """A script of `.ci`, which is no package."""
    monkeypatch.syspath_prepend(str(TOP / ".ci"))

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, TOP / ".ci" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        return made

    return load


@pytest.fixture
def database() -> Iterator[str]:
    """An OSV database on this machine that knows one thing of numpy; gives its address."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            entry = {"id": "TEST-1", "summary": "s", "details": "d", "affected": [{"package": asked["package"]}]}
            entry |= {"modified": "2020-01-01T00:00:00Z", "published": "2020-01-01T00:00:00Z"}
            entry["affected"][0] |= {
                "versions": [asked["version"]],
                "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "99"}]}],
            }
            content = json.dumps({"vulns": [entry]} if asked["package"]["name"] == "numpy" else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def requirements(tmp_path: Path) -> str:
    path = tmp_path / "requirements.txt"
    path.write_text("numpy==2.4.6 \\\n    --hash=sha256:aa\n    # via x\nscipy==1.15.0\n")
    return str(path)


def test_pins_are_names_and_versions(script: Callable[[str], ModuleType], tmp_path: Path) -> None:
    found = script("pins").pins
    assert found([Path(requirements(tmp_path))]) == {"numpy": "2.4.6", "scipy": "1.15.0"}
    whole = found(FILES)
    assert len(whole) == 1 + len(re.findall(r"^[A-Za-z0-9]", FILES[1].read_text(), re.MULTILINE))
    assert {"torch", "numpy", "h5py", "safetensors"} <= set(whole)


@pytest.mark.parametrize("host", ["answers", "is down"])
def test_pip_audit_asks_and_its_answer_decides(
    script: Callable[[str], ModuleType],
    database: str,
    host: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("pip_audit")
    monkeypatch.setenv("HOME", str(tmp_path))  # its cache
    if host == "is down":
        with socket.socket() as opened:
            opened.bind(("127.0.0.1", 0))
            database = f"http://127.0.0.1:{opened.getsockname()[1]}/"
    status = script("audit").main(["--service", database, requirements(tmp_path)])
    said = capsys.readouterr().out
    if host == "answers":
        assert "numpy 2.4.6: TEST-1" in said
        assert "2 of 2 packages audited, 1 with a known vulnerability" in said
    else:
        assert "NOT AUDITED for known vulnerabilities: " in said
    assert status == (1 if host == "answers" else 0)


def packages(**vulnerable: list[str]) -> str:
    found = [
        {"name": name, "version": "1", "vulns": [{"id": i, "fix_versions": []} for i in ids]}
        for name, ids in vulnerable.items()
    ]
    return json.dumps({"dependencies": [*found, {"name": "mine", "skip_reason": "unknown"}]})


OUTCOMES: dict[str, tuple[Done[Any], int, str]] = {
    "nothing known": (Done([], 0, packages(numpy=[]), ""), 0, "1 of 2 packages audited, 0 with"),
    "something known": (Done([], 1, packages(numpy=["A", "B"]), ""), 1, "numpy 1: B, fixed in: none"),
    "unknown packages": (Done([], 0, packages(numpy=[]), ""), 0, "not audited, unknown to the database: mine"),
    "no network": (Done([], 1, "", "x\nrequests.exceptions.ConnectionError: no"), 0, "NOT AUDITED"),
    "a slow network": (Done([], 1, "", "requests.exceptions.ReadTimeout: no"), 0, "NOT AUDITED"),
    "no pip-audit": (Done([], 1, "", "python: No module named pip_audit"), 0, "NOT AUDITED"),
    "a defect": (Done([], 2, "", "usage: pip-audit"), 1, ""),
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_only_an_answer_passes_and_silence_is_said(
    script: Callable[[str], ModuleType],
    case: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("QDOT_REQUIRE", raising=False)
    audit, (done, status, said) = script("audit"), OUTCOMES[case]
    monkeypatch.setattr(audit, "ask", lambda *_: done)
    assert audit.main([requirements(tmp_path)]) == status
    assert said in capsys.readouterr().out
    if "NOT AUDITED" in said:
        monkeypatch.setenv("QDOT_REQUIRE", "data,audit")
        assert audit.main([requirements(tmp_path)]) == 1


def test_the_list_of_licences_is_of_what_is_pinned(script: Callable[[str], ModuleType]) -> None:
    listed = dict(re.findall(r"^\| (\S+) \| (.+) \|$", (TOP / "docs" / "licences.md").read_text(), re.MULTILINE))
    listed.pop("package")
    assert set(listed) == set(script("pins").pins(FILES)), "run `make licences`"
    assert "not stated" not in listed.values()
