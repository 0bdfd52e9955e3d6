"""The pages that are looked at in a browser and checked as HTML. Their numbers are invented."""

from collections.abc import Callable
from typing import Any

import pytest
from fake_study import fill, write_rollouts, write_status, write_studies

from qdot.study import Study

FAILURE = {"stage": "train", "step": 120, "term": "q_loss", "error": "q_loss is <nan>", "log_tail": "Traceback"}


def whole(study: Study) -> None:
    fill(study, algorithms=study.algorithms)
    write_studies(study)
    write_rollouts(study)


def with_a_failure(study: Study) -> None:
    fill(study)
    write_status(study, next(study.cells()), "failed", FAILURE)


KINDS: dict[str, tuple[str, dict[str, Any], Callable[[Study], None]]] = {
    "whole": ("quick", {}, whole),
    "subset": ("quick", {"dataset": "pendulum", "seed": "0"}, fill),
    "failed": ("quick", {}, with_a_failure),
    "paper": ("paper", {}, whole),  # 18 datasets, 8 algorithms, 5 seeds
}
PARAMS = [pytest.param(kind, marks=pytest.mark.slow if kind == "paper" else ()) for kind in KINDS]
