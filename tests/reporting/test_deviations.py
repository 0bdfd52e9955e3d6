"""What the report reads beside tables: the list of deviations."""

from pathlib import Path

import pytest
from fake_study import TOP

from qdot.errors import ResultsError
from qdot.reporting.deviations import LABELS, read_deviations


def test_the_list_of_deviations_parses() -> None:
    entries = read_deviations(TOP / "docs" / "deviations.md")
    assert len({entry.id for entry in entries}) == len(entries) > 10
    readout = next(entry for entry in entries if entry.id == "readout")
    assert readout.parameters == ["algorithms.qdot.readouts", "domains.*.primary_readout"]
    assert all(list(entry.lines) == LABELS and all(entry.lines.values()) for entry in entries)


def test_what_is_not_built_says_what_it_needs() -> None:
    for entry in read_deviations(TOP / "docs" / "deviations.md"):
        state = entry.lines["State"]
        assert state.startswith("selectable") or "not built" in state, entry.id
        if entry.lines["Parameter"] == "none":
            assert "not built" in state, entry.id


def test_an_entry_without_its_lines_is_named(tmp_path: Path) -> None:
    path = tmp_path / "deviations.md"
    path.write_text("# Title\n\n## readout: How it acts\n- Paper: not at hand.\n")
    with pytest.raises(ResultsError, match="entry 'readout: How it acts': found"):
        read_deviations(path)


def test_a_missing_list_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="cannot be read"):
        read_deviations(tmp_path / "deviations.md")
