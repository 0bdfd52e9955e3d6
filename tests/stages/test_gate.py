"""The gate passes what was not run and stops at what failed."""

import logging
from pathlib import Path
from typing import Any

import pytest

from qdot.provenance import write_json
from qdot.stages import gate

FAILED = {"status": "failed", "reason": {"stage": "train", "step": 7, "error": "q_loss is not finite"}}
NOT_RUN = {"status": "not run", "reason": "evaluate: environment 'x' is not built yet"}


@pytest.mark.parametrize(
    ("manifests", "status", "printed"),
    [
        ([{"status": "ok"}], 0, "1 ok"),
        ([{"status": "ok"}, NOT_RUN], 0, "is not built yet"),
        ([{"status": "ok"}, FAILED], 1, "q_loss is not finite"),
        ([None], 1, "missing"),
    ],
)
def test_the_exit_status_is_1_exactly_where_a_cell_failed_or_is_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, manifests: list[Any], status: int, printed: str
) -> None:
    paths = [tmp_path / str(index) / "manifest.json" for index in range(len(manifests))]
    for path, manifest in zip(paths, manifests, strict=True):
        if manifest is not None:
            write_json(path, manifest)
    with caplog.at_level(logging.INFO):
        assert gate.run(paths, "all") == status
    assert printed in caplog.text


def test_names_from_a_stream_may_hold_anything_but_a_nul() -> None:
    assert gate.names(b"a/manifest.json\0b c\n/manifest.json\0") == [
        Path("a/manifest.json"),
        Path("b c\n/manifest.json"),
    ]
    assert gate.names(b"\0") == gate.names(b"") == []
