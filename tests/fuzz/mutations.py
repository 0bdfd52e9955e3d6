"""Damage to a file's bytes, drawn from a seeded generator: what a broken disk does, and what a forger would try."""

import random
import re
from collections.abc import Sequence

MOST = 6  # changes to one file
LONGEST = 1 << 16  # bytes of one file: damage may double it, again and again
NUMBERS = (0, 1, -1, 2, 7, 8, 127, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**60, 2**63 - 1)
VALUES = [  # whole in JSON, and most in YAML
    *(b"null", b"true", b"{}", b"[]", b'""', b"0", b"-1", b"-0.0", b"1e-400", b"1e308", b"9007199254740993"),
    *(b"1152921504606846976", b"1" + b"0" * 400, b"9" * 5000, b"NaN", b"Infinity", b"-Infinity", b"1e999"),
    *(b'"' + b"x" * 5000 + b'"', b"[[[[1]]]]", b'{"a": {"b": []}}', b"[1, 2]", b"[null]", b'["a"]', b'"../../x"'),
    *(b'"/etc/passwd"', b'"a/../../b"', b'".."', b'"a\\u0000b"', b'"$(touch x)"', b'"a b; rm"', b'"<script>"'),
    *(b'"\\ud800"', b'"\\u202e"', b'"NaN"', b'"ok"', b'"failed"', b'"not run"'),
]
WORDS = [
    *(b"''", b"~", b".nan", b".inf", b"0x", b"1_000", b"1:60", b"2001-99-99", b"../../x", b"[" * 3000),
    *(b'{"a":' * 2000, b"- " * 2000, b"&a [*a]", b"*a", b"<<: {a: 1}", b"!!python/object:os.system x", b"!!int"),
    *(b"!!timestamp x", b"%YAML 9.9", b"---", b"\xef\xbb\xbf", b"a: 1\na: 2", b'"a":1,"a":2', b"F64", b"BF16", b"C64"),
    *(b"|O", b"<f4", b"\xff\xfe", b"\x00", b"\xed\xa0\x80", b"\xc3", b"\x1b[31m", b"\r\n", b'"', b",,,,"),
    *(b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"),
]
TOKEN = re.compile(rb'"[^"\n]*"|[-+.\w/]+')


def mutate(content: bytes, others: Sequence[bytes], draw: random.Random, text: bool) -> bytes:
    """The content with up to `MOST` changes.

    Args:
        content: A valid file.
        others: Files to take parts of.
        draw: Where the changes come from.
        text: Whether words and lines are changed beside bytes; of half of the files, values alone.
    """
    found = bytearray(content)
    gentle = text and draw.random() < 0.5
    changes = (_value,) if gentle else BYTES + TEXT if text else BYTES
    for _ in range(draw.randint(1, 2 if gentle else MOST)):
        draw.choice(changes)(found, others, draw)
    return bytes(found[:LONGEST])


def _place(found: bytearray, draw: random.Random) -> int:
    """Anywhere; half of the time near the start, where headers are."""
    top = len(found) if draw.random() < 0.5 else min(len(found), 512)
    return draw.randrange(top) if top else 0


def _flip(found: bytearray, others: Sequence[bytes], draw: random.Random) -> None:
    if found:
        found[_place(found, draw)] ^= 1 << draw.randrange(8)


def _set(found: bytearray, others: Sequence[bytes], draw: random.Random) -> None:
    if found:
        found[_place(found, draw)] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))


def _number(found: bytearray, others: Sequence[bytes], draw: random.Random) -> None:
    """A number of 1, 2, 4 or 8 bytes in the place of what stands there."""
    width, start = draw.choice((1, 2, 4, 8)), _place(found, draw)
    value = draw.choice((*NUMBERS, len(found))) % (1 << 8 * width)
    found[start : start + width] = value.to_bytes(width, draw.choice(("little", "big")))


def _truncate(found: bytearray, others: Sequence[bytes], draw: random.Random) -> None:
    del found[draw.randrange(len(found) + 1) :]


def _span(found: bytearray, draw: random.Random) -> slice:
    start = _place(found, draw)
    return slice(start, start + draw.choice((1, 2, 4, 8, 16, 64, 256)))


def _remove(found: bytearray, others: Sequence[bytes], draw: random.Random) -> None:
    del found[_span(found, draw)]


def _repeat(found: bytearray, others: Sequence[bytes], draw: random.Random) -> None:
    span = _span(found, draw)
    found[span.start : span.start] = bytes(found[span]) * draw.choice((1, 2, 50))


def _insert(found: bytearray, others: Sequence[bytes], draw: random.Random) -> None:
    start, count = _place(found, draw), draw.choice((1, 2, 8, 64))
    found[start:start] = draw.choice((bytes(count), draw.randbytes(count)))


def _splice(found: bytearray, others: Sequence[bytes], draw: random.Random) -> None:
    """A part of another file over what stands there."""
    other, start = draw.choice(others), _place(found, draw)
    part = other[draw.randrange(len(other) + 1) :][: draw.choice((8, 64, 512))]
    found[start : start + len(part)] = part


def _value(found: bytearray, others: Sequence[bytes], draw: random.Random) -> None:
    """A word or number becomes another whole value, so that what reads the format sees it."""
    _replace(found, draw, VALUES)


def _word(found: bytearray, others: Sequence[bytes], draw: random.Random) -> None:
    """A word or number becomes what may be none, or another of the file's own."""
    _replace(found, draw, [*WORDS, *VALUES])


def _replace(found: bytearray, draw: random.Random, words: Sequence[bytes]) -> None:
    tokens = list(TOKEN.finditer(found))
    if tokens:
        chosen = draw.choice(tokens)
        found[chosen.start() : chosen.end()] = draw.choice((*words, draw.choice(tokens).group()))


def _line(found: bytearray, others: Sequence[bytes], draw: random.Random) -> None:
    """A line is left out, doubled, indented, or moved."""
    lines = bytes(found).splitlines(keepends=True)
    if not lines:
        return
    chosen = draw.randrange(len(lines))
    change = draw.randrange(4)
    if change == 0:
        del lines[chosen]
    elif change == 1:
        lines.insert(draw.randrange(len(lines) + 1), lines[chosen])
    elif change == 2:
        lines[chosen] = b"  " + lines[chosen]
    else:
        lines.insert(draw.randrange(len(lines)), lines.pop(chosen))
    found[:] = b"".join(lines)


BYTES = (_flip, _set, _number, _truncate, _remove, _repeat, _insert, _splice)
TEXT = (_value, _word, _word, _line)
