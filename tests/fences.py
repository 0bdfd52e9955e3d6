"""The fenced blocks of a document, to be run."""

import re
from pathlib import Path

POLICY = re.compile(r"results/[\w/.-]*/policy\.safetensors")


def python_blocks(document: Path, policy: Path) -> list[str]:
    """Its blocks of Python in order, with `policy` in the place of a trained cell's file."""
    blocks = re.findall(r"^```python\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)
    return [POLICY.sub(str(policy), block) for block in blocks]
