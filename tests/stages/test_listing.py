"""Plain text of what commands find: columns line up, and what is left out is counted."""

from qdot.stages.listing import SHOWN, aligned, by_value, listed


def test_columns_line_up_under_their_heads() -> None:
    assert list(aligned(("a", "long head"), [("text", "1"), ("t", "2")])) == [
        "  a     long head",
        "  text  1",
        "  t     2",
    ]
    assert list(aligned(("a", "b"), [])) == []


def test_a_long_list_says_how_many_more() -> None:
    lines = list(listed("title", [str(number) for number in range(SHOWN + 3)]))
    assert lines[0] == "  title:"
    assert lines[1:-1] == [f"    {number}" for number in range(SHOWN)]
    assert lines[-1] == "    and 3 more: --json lists all"
    assert list(listed("title", [])) == []


def test_equal_changes_of_a_value_are_one_line() -> None:
    rows = [("k", "1", "2"), ("k", "1", "2"), ("k", "1", ""), ("m", "", "x")]
    values = [dict(zip(("key", "a", "b"), row, strict=True)) for row in rows]
    assert by_value(values, "a", "b") == [
        "k: 1 -> 2 (2 dataset and algorithm)",
        "k: 1 -> not set (1 dataset and algorithm)",
        "m: not set -> x (1 dataset and algorithm)",
    ]
    assert by_value([], "a", "b") == []
