"""YAML is read as plain values, in bounded time and memory, or refused."""

import contextlib
import datetime
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from qdot import strict_yaml

TOP = Path(__file__).parents[1]
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def laughs(opening: str, closing: str, merge: str = "") -> str:
    """Ten lines that stand for nine to the tenth values."""
    lines = [f"a0: &a0 {opening}x{': 1' if opening == '{' else ''}{closing}"]
    lines += [f"a{i}: &a{i} {opening}{merge}[{', '.join([f'*a{i - 1}'] * 9)}]{closing}" for i in range(1, 11)]
    return "\n".join(lines)


REFUSED = {
    "the name 'a' stands twice": "{a: 1, b: 2, a: 3}",
    r"line 2: a text has half of a character: '\\ud83d'": '{b: 2,\n a: "x\\ud83dx"}',
    "nested more than": "[" * 60 + "]" * 60,
    "nested too deeply": "[" * 1000 + "]" * 1000,
    "an alias leads to what it stands in": "a: &a [*a]",
    "its aliases written out": laughs("[", "]"),
    "more than 200,000 values": laughs("{", "}", "<<: "),
    "larger than": "a" * (strict_yaml.LARGEST + 1),
    "could not determine a constructor": "!!python/object/apply:os.system [exit]",
    "could not determine a constructor for the tag '!x'": "!x 1",
    "expected a single document": "--- 1\n--- 2",
    "month must be in 1..12": "2001-99-99",
    "Exceeds the limit": "9" * 5000,
    "special characters are not allowed": "a: \0",
    "invalid start byte": b"\xff\xfe",
    "index out of range": "!!int ''",
    "'x'": "!!bool x",
    "groupdict": "!!timestamp x",
    "unhashable": "? [1]\n: 2",
    "undefined alias": "a: *b",
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_no_plain_document_is_refused(message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        strict_yaml.parse(REFUSED[message])


def test_the_projects_own_files_read_as_yamls_safe_loader_reads_them() -> None:
    paths = [TOP / "params.yaml", *(TOP / "workflow").rglob("*.yaml")]
    assert len(paths) >= 6
    for path in paths:
        assert strict_yaml.parse(path.read_bytes()) == yaml.safe_load(path.read_text()), path


@seed(0)
@settings(max_examples=100, database=None, deadline=None)
@given(PLAIN)
def test_plain_values_come_back(value: Any) -> None:
    assert strict_yaml.parse(yaml.safe_dump(value)) == value
    strict_yaml.check_plain(value)


@seed(0)
@settings(max_examples=300, database=None, deadline=None)
@given(st.text(alphabet="&*a1:[]{},-? \n'\"!|>#%.e~<", max_size=40) | st.binary(max_size=40))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    with contextlib.suppress(ValueError):
        strict_yaml.check_plain(strict_yaml.parse(text))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1: "a"}, "top level: found the name 1, expected text"),
        ({"a": {True: 1}}, "a: found the name True"),
        ({"a": [math.nan]}, "a.0: found nan, expected a finite number"),
        ({"a": -math.inf}, "a: found -inf"),
        ({"a": 2**63}, "a: found a whole number of 64 bits"),
        ({"a": b"x"}, "a: found a bytes, expected text"),
        ({"a": {1, 2}}, "a: found a set"),
        ({"a": datetime.date(2001, 1, 1)}, "a: found a date"),
        ({"a": ["caf\udce9"]}, r"a\.0: a text has half of a character: '\\udce9'"),
        ({"a": {"\ud83d": 1}}, "a: a text has half of a character"),
    ],
)
def test_values_that_no_file_of_values_holds_are_named(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        strict_yaml.check_plain(value)


def test_values_that_share_parts_are_measured_written_out() -> None:
    """As Snakemake hands over what its own reader made of aliases."""
    value: list[Any] = ["x"]
    for _ in range(10):
        value = [value] * 9
    with pytest.raises(ValueError, match="more than 200,000 values"):
        strict_yaml.check_plain(value)
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(ValueError, match="nested more than"):
        strict_yaml.check_plain(cycle)
