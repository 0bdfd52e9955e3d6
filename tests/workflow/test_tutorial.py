"""docs/tutorial.md can be followed: each command in order, in a copy of the checkout, printing what the page says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fences import TOP, fences, inserted
from workflow.checkout import Checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

# The environment under test is the one that these make and enter.
GIVEN = ("make install\n", ". .venv/bin/activate\n")


def loose(text: str) -> list[str]:
    """Its lines with the digits of fractions masked, and runs of spaces as one."""
    return [" ".join(re.sub(r"-?\d+\.\d+", "#", line).split()) for line in text.splitlines()]


def missing(quoted: str, printed: str) -> list[str]:
    """Quoted lines that no printed line holds, word after word."""
    found = loose(printed)
    return [line for line in loose(quoted) if not any(holds(words, line.split()) for words in map(str.split, found))]


def holds(words: list[str], wanted: list[str]) -> bool:
    """Whether `wanted` stands in `words`, in its order, with others between at most."""
    rest: Iterator[str] = iter(words)
    return all(word in rest for word in wanted)


def test_the_tutorial_can_be_followed_from_top_to_bottom(tmp_path: Path) -> None:
    checkout = Checkout.copy(tmp_path / "clone", "[qdot, iql, bc]", suite="paper")
    printed, quoted = "", 0
    for fence in fences(TOP / "docs/tutorial.md"):
        if fence.language == "text":
            assert not missing(fence.text, printed), f"{fence.place}: {missing(fence.text, printed)}\n{printed[-4000:]}"
            quoted += 1
        elif fence.language == "yaml":
            path = checkout.top / "params.yaml"
            path.write_text(inserted(path.read_text(), fence.text))
        elif fence.language == "python":
            printed = checkout.run("python", "-c", fence.text, PYTHONPATH="src")
        else:
            lines = [line for line in fence.text.splitlines(keepends=True) if line not in GIVEN]
            printed = checkout.run("bash", "-euc", "".join(lines), PYTHONPATH="src")
    assert quoted == 11
    assert (checkout.top / "learning.pdf").read_bytes().startswith(b"%PDF")
