"""The page is valid HTML, by the Nu checker: npm's `vnu-jar`, where Java is installed and `QDOT_VNU` names its jar."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from report_kinds import PARAMS


@pytest.mark.parametrize("kind", PARAMS)
def test_the_checker_finds_no_error(
    kind: str, pages: Callable[[str], Path], require: Callable[[str, bool, str], None]
) -> None:
    jar = os.environ.get("QDOT_VNU", "")
    require("vnu", shutil.which("java") is not None and Path(jar).is_file(), "no Java, or QDOT_VNU names no vnu.jar")
    command = ["java", "-Xss4m", "-jar", jar, "--errors-only", "--format", "json", "--stdout", str(pages(kind))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert [message["message"] for message in json.loads(done.stdout)["messages"]] == []
