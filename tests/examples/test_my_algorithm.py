"""An algorithm from another package runs through the whole study by its name in params.yaml alone."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

from workflow.checkout import TOP, Checkout


def test_an_algorithm_from_outside_is_trained_scored_and_reported(tmp_path: Path) -> None:
    site, source = tmp_path / "site", tmp_path / "source"
    shutil.copytree(TOP / "examples/my_algorithm", source)
    install = ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(site), str(source)]
    subprocess.run([sys.executable, "-m", *install], check=True)
    checkout = Checkout.copy(tmp_path / "checkout", algorithms="[regression]")
    checkout.set("  iql:\n    expectile", "  regression: {ridge: 0.0}\n  iql:\n    expectile")
    checkout.snakemake("--config", "seed=0", PYTHONPATH=str(site))
    with open(checkout.top / "results/subsets/tiny-0/compare/scores.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["protocol"] == "final"]
    assert [(row["algorithm"], row["status"]) for row in rows] == [("regression", "ok")]
    report = (checkout.top / "reports/build/tiny-0/index.html").read_text()
    assert "regression" in report
