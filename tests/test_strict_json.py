"""JSON is read as its standard has it, in bounded depth and size, or refused."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from qdot import strict_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
REFUSED = {
    "the name 'a' stands twice": '{"a": 1, "b": {"a": 1, "a": 2}}',
    "NaN is no number": "[NaN]",
    "-Infinity is no number": "[-Infinity]",
    "1e999 is larger than any float": "[1e999]",
    "nested more than 50 levels": "[" * 51 + "]" * 51,
    "nested too deeply": "[" * 100_000,
    "Exceeds the limit": "9" * 5000,
    "BOM": "\ufeff{}",
    "invalid start byte": b"\xff\xfe[]",
    "Extra data": "{}{}",
    "text has half of": '["\\ud83d"]',
    "half of a character": '{"a": {"\\uDE00\\uD83D": 1}}',
    "Expecting": "",
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_no_json_is_refused(message: str) -> None:
    with pytest.raises(ValueError, match=message):
        strict_json.parse(REFUSED[message])


def test_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_json, "LARGEST", 10)
    with pytest.raises(ValueError, match="larger than 10 bytes"):
        strict_json.parse("[1, 2, 3, 4]")


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert strict_json.parse(r'["\ud83d\ude00"]') == ["\U0001f600"]


def test_infinities_are_read_where_they_are_wanted() -> None:
    assert strict_json.parse("[Infinity]", finite=False) == [float("inf")]


@seed(0)
@settings(max_examples=100, database=None, deadline=None)
@given(VALUES)
def test_values_come_back(value: Any) -> None:
    assert strict_json.parse(json.dumps(value)) == value


@seed(0)
@settings(max_examples=300, database=None, deadline=None)
@given(st.text(alphabet='{}[]",:\\ue1-.truefalsn ', max_size=40) | st.binary(max_size=40))
def test_any_text_is_read_as_by_the_standard_library_or_refused(text: str | bytes) -> None:
    with contextlib.suppress(ValueError):
        assert strict_json.parse(text) == json.loads(text)
