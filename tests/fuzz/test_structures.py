"""JSON and YAML that parse, but hold other values: what `make fuzz` changes, bytes and words, seldom parses."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from fuzz.target import Target
from fuzz.targets import TARGETS
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from qdot.errors import QdotError

DOCUMENTS = [
    target
    for target in TARGETS
    if target.text and not target.name.endswith(".csv") and target.name != "--config set"  # both have no tree of values
]
TEXTS = st.text(max_size=8) | st.sampled_from(("../../x", "\ud800"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every member of every mapping and list in a document: what holds it, and its key or index."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in ((value, key), *places(value[key]))]


def change(document: Any, data: st.DataObject) -> None:
    """Replace one or two values, drop them, or add a member beside them."""
    for _ in range(data.draw(st.integers(1, 2))):
        holder, key = data.draw(st.sampled_from(places(document)))
        kind = data.draw(st.sampled_from(("replace", "drop", "add")))
        if kind == "replace":
            holder[key] = data.draw(VALUES)
        elif kind == "drop":
            del holder[key]
        elif isinstance(holder, dict):
            holder[data.draw(TEXTS)] = data.draw(VALUES)
        else:
            holder.insert(key, data.draw(VALUES))


@pytest.mark.parametrize("target", DOCUMENTS, ids=lambda target: target.name)
@seed(0)
@settings(max_examples=50, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_document_with_other_values_is_read_or_refused(
    target: Target, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder, samples = prepared(target, tmp_path_factory)
    document = yaml.safe_load(data.draw(st.sampled_from(samples)))
    change(document, data)
    write = yaml.safe_dump if target.name.endswith(".yaml") else json.dumps
    with contextlib.suppress(QdotError):
        target.read(folder, write(document).encode("utf-8", "replace"))


MADE: dict[str, tuple[Path, list[bytes]]] = {}


def prepared(target: Target, factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """The target's folder and sound files, made once."""
    if target.name not in MADE:
        folder = factory.mktemp("target")
        MADE[target.name] = folder, list(target.prepare(folder))
    return MADE[target.name]
