"""Seconds of one fit in the transport studies, beside what each may take: `python benchmarks/speed/fits.py`."""

import sys
import time

import table
import torch

from qdot.transport import own_loss, unpaired

SECONDS = {own_loss: 20.0, unpaired: 60.0}  # that a fit at full budget may take on one core
RUNS, SEED = 3, 0


def main() -> int:
    """Time the ICNN's fit of each case that has a bound, its error's estimate included; print and keep."""
    torch.set_num_threads(1)
    rows = []
    for study, allowed in SECONDS.items():
        for case in study.CASES["full"]:
            if case.bound is None:
                continue
            seconds = []
            for _ in range(RUNS):
                start = time.perf_counter()
                (fitted,) = study.case_rows(case, SEED, ("icnn",))
                seconds.append(time.perf_counter() - start)
            metric = f"study: {fitted.study}, {fitted.problem}, {fitted.dim}-D: a fit beside what it may take"
            rows.append(table.row(metric, seconds, [allowed] * RUNS, "s", None, 1.0))
    table.publish(rows, whole=("study: own_loss", "study: unpaired"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
