"""The fenced blocks of a document, to be run or to be checked."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

TOP = Path(__file__).parents[1]
# What a reader follows. Pages of results keep the command that made them, which later versions need not know.
DOCUMENTS = [TOP / "README.md", TOP / "CONTRIBUTING.md", *sorted(TOP.glob("docs/*.md")), *TOP.glob("examples/*/*.md")]
POLICY = re.compile(r"results/[\w/.-]*/policy\.safetensors")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SEPARATORS = {"&&", "||", "|", ";", "&"}


class Fence(NamedTuple):
    """A block: where it stands, its language, its text."""

    place: str
    language: str
    text: str


def fences(document: Path) -> list[Fence]:
    """Its blocks, in order."""
    text = document.read_text()
    name = document.relative_to(TOP) if document.is_relative_to(TOP) else document
    return [Fence(f"{name}:{text[: m.start()].count(chr(10)) + 1}", m[1], m[2]) for m in FENCE.finditer(text)]


def python_blocks(document: Path, policy: Path) -> list[str]:
    """Its blocks of Python in order, with `policy` in the place of a trained cell's file."""
    return [POLICY.sub(str(policy), fence.text) for fence in fences(document) if fence.language == "python"]


def commands(text: str) -> Iterator[list[str]]:
    """The commands of a block of shell as words: comments gone, lists and pipes taken apart."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word not in SEPARATORS:
                words.append(word)
            elif words:
                yield words
                words = []


def inserted(params: str, block: str) -> str:
    """The text of params.yaml with a block of YAML written into it by hand: each section's lines under its name."""
    for section in re.split(r"^(?=\w)", block, flags=re.MULTILINE):
        name, _, lines = section.partition("\n")
        if name:
            assert params.count(f"\n{name}\n") == 1, f"params.yaml has no section {name!r}"
            params = params.replace(f"\n{name}\n", f"\n{name}\n{lines}")
    return params


def params_beside(document: Path) -> dict[str, Any]:
    """params.yaml with every block of YAML that the document adds to it."""
    text = (TOP / "params.yaml").read_text()
    for fence in fences(document):
        text = inserted(text, fence.text) if fence.language == "yaml" else text
    params: dict[str, Any] = yaml.safe_load(text)
    return params
