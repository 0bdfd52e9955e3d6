"""YAML from outside: plain values and whole characters, no name twice, no aliases that multiply, not deep or large."""

import math
from typing import Any

import yaml

LARGEST = 1 << 20  # characters: thirty times params.yaml
MOST = 200_000  # values, every alias written out
DEEPEST = 50  # values inside each other
LARGEST_WHOLE = 2**63  # beyond it no array, counter or file knows a number


def parse(content: str | bytes) -> Any:
    """The value of a YAML text.

    Args:
        content: The text, or its bytes in UTF-8.

    Raises:
        ValueError: it is no YAML, or a name stands twice in a mapping, a tag makes more than plain values, aliases lead
            to themselves or multiply, a text is no Unicode, or it is too large.
    """
    if len(content) > LARGEST:
        raise ValueError(f"larger than {LARGEST:,} characters")
    loader = None
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node, {}, 0)
        return loader.construct_document(node)
    # The constructors of wrong numbers, dates and tags raise whatever comes of them.
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise ValueError(str(error) or type(error).__name__) from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    finally:
        if loader is not None:
            loader.dispose()


def _check(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """Refuse a mapping with a name twice, and a tree that is too deep or too large; returns its size.

    Args:
        node: The tree.
        known: Sizes of nodes that were met; -1 while inside one.
        depth: Of the node.
    """
    found = known.get(id(node))
    if found == -1:
        raise ValueError(f"an alias leads to what it stands in, line {node.start_mark.line + 1}")
    if depth > DEEPEST:
        raise ValueError(f"nested more than {DEEPEST} levels deep")
    if found is not None:
        return found
    known[id(node)] = -1
    children: list[yaml.Node] = []
    if isinstance(node, yaml.ScalarNode):
        _check_text(node.value, f"line {node.start_mark.line + 1}")
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    elif isinstance(node, yaml.MappingNode):
        _check_names(node)
        children = [part for pair in node.value for part in pair]
    size = 1 + sum(_check(child, known, depth + 1) for child in children)
    if size > MOST:
        raise ValueError(f"more than {MOST:,} values, its aliases written out")
    known[id(node)] = size
    return size


def _check_names(node: yaml.MappingNode) -> None:
    names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} stands twice in one mapping, line {node.start_mark.line + 1}")


def _check_text(text: str, where: str) -> None:
    """Refuse half of a character, which no file takes: a lone escape (YAML joins no two), bytes of a command line."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{where}: a text has half of a character: {text[error.start : error.end]!r}") from error


def check_plain(value: Any) -> None:
    """Refuse what a values' file may not hold, however it was read: names and texts that are none, numbers too.

    Raises:
        ValueError: names the key.
    """
    _measure(value, (), {})


def _measure(value: Any, where: tuple[Any, ...], known: dict[int, int]) -> int:
    """Check a value and what it holds; returns its size with everything written out.

    Args:
        value: The value.
        where: Its keys from the top.
        known: Sizes of containers that were met; -1 while inside one.
    """
    name = ".".join(map(str, where)) or "top level"
    if not isinstance(value, dict | list | tuple):
        _check_leaf(value, name)
        return 1
    found = known.get(id(value))
    if found is not None and found >= 0:
        return found
    if found == -1 or len(where) > DEEPEST:
        raise ValueError(f"{name[:200]}: nested more than {DEEPEST} levels deep")
    known[id(value)] = -1
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    size = 1
    for key, child in pairs:
        if isinstance(value, dict):
            _check_name(key, name)
        size += _measure(child, (*where, key), known)
        if size > MOST:
            raise ValueError(f"{name}: more than {MOST:,} values")
    known[id(value)] = size
    return size


def _check_name(key: Any, where: str) -> None:
    if not isinstance(key, str):
        raise ValueError(f"{where}: found the name {key!r}, expected text: write it in quotes")
    _check_text(key, where)


def _check_leaf(value: Any, name: str) -> None:
    if isinstance(value, str):
        _check_text(value, name)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name}: found {value}, expected a finite number")
    if isinstance(value, int) and abs(value) >= LARGEST_WHOLE:
        raise ValueError(f"{name}: found a whole number of {value.bit_length()} bits, expected at most 63")
    if not isinstance(value, str | int | float | None):
        raise ValueError(f"{name}: found a {type(value).__name__}, expected text, a number, true, false or null")
