"""Pages to look at."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_study import new_study
from report_kinds import KINDS

from qdot.evaluation.compare import compare
from qdot.reporting.render import render


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """From a kind to its page, made once."""
    made: dict[str, Path] = {}

    def page(kind: str) -> Path:
        if kind not in made:
            suite, config, prepare = KINDS[kind]
            study = new_study(tmp_path_factory.mktemp(kind), suite, **config)
            prepare(study)
            compare(study)
            made[kind] = render(study)
        return made[kind]

    return page
