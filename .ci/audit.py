"""Known vulnerabilities of pinned packages: `python .ci/audit.py REQUIREMENTS...`, by pip-audit and the OSV database.

Exits 1 where a package has one. Where the database cannot be asked it says so and exits 0, unless QDOT_REQUIRE names
`audit`: a machine without a network can still run `make check`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pins import pins

SERVICE = "https://api.osv.dev/v1/query"
UNREACHED = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError", "ServiceError", "HTTPError")
SECONDS = 15  # for one answer


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requirements", type=Path, nargs="+")
    parser.add_argument("--service", default=SERVICE, help="address of the OSV database")
    options = parser.parse_args(arguments)
    found = pins(options.requirements)
    done = ask(found, options.service)
    if not done.stdout.strip():
        return _not_asked(done)
    packages = json.loads(done.stdout)["dependencies"]
    for package in packages:
        for entry in package.get("vulns", []):
            fixed = ", ".join(entry["fix_versions"]) or "none"
            print(f"{package['name']} {package['version']}: {entry['id']}, fixed in: {fixed}")
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped:
        print(f"not audited, unknown to the database: {', '.join(skipped)}")
    wrong = sum(1 for package in packages if package.get("vulns"))
    print(f"{len(packages) - len(skipped)} of {len(found)} packages audited, {wrong} with a known vulnerability")
    return int(wrong > 0)


def ask(found: dict[str, str], service: str) -> "subprocess.CompletedProcess[str]":
    """Run pip-audit on pinned versions; it resolves and installs nothing."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(f"{name}=={version}\n" for name, version in found.items())
        file.flush()
        command: list[Any] = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--format", "json"]
        command += ["--progress-spinner", "off", "--timeout", str(SECONDS), "--vulnerability-service", "osv"]
        command += ["--osv-url", service, "--requirement", file.name]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def _not_asked(done: "subprocess.CompletedProcess[str]") -> int:
    """Say why there is no answer: no network and no pip-audit are no failure, anything else is."""
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    if not any(name in done.stderr for name in (*UNREACHED, "No module named pip_audit")):
        print(done.stderr, file=sys.stderr)
        return 1
    print(f"NOT AUDITED for known vulnerabilities: {last[:300]}")
    return int("audit" in os.environ.get("QDOT_REQUIRE", "").split(","))


if __name__ == "__main__":
    sys.exit(main())
