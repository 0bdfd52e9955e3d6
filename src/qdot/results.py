"""Results as data frames, for notebooks: `qdot.results.load("quick")`."""

from pathlib import Path
from typing import Any

import pandas as pd

from qdot.errors import ResultsError
from qdot.frames import read_csv
from qdot.manifests import read_manifest
from qdot.places import Places
from qdot.provenance import damaged_files

TYPES = {
    "dataset": "str",
    "algorithm": "str",
    "readout": "str",
    "seed": "int64",
    "protocol": "str",
    "score": "float64",
    "episodes": "Int64",
    "status": "str",
}
VOUCHED = ("files", "inputs", "stage", "suite", "subset", "digest")  # in a manifest of tables or of a page


def load(suite: str, root: str | Path = ".") -> pd.DataFrame:
    """Scores of a suite: a row per (dataset, algorithm, readout, seed, protocol).

    Args:
        suite: The suite's name (`quick`), or that of a subset (a folder of results/subsets).
        root: The project's top folder.

    Returns:
        Columns `dataset, algorithm, readout, seed, protocol, score, episodes, status`; score and episodes are missing
        unless the status is `ok`.

    Raises:
        ResultsError: the suite has no tables yet, or they are damaged.
    """
    path = compare_dir(suite, root) / "scores.csv"
    frame = read_csv(path, list(TYPES), text=("dataset", "algorithm", "readout", "protocol", "status"))
    try:
        return frame[list(TYPES)].astype(TYPES)
    except (ValueError, TypeError, OverflowError) as error:
        raise ResultsError(f"{path}: a column has the wrong kind ({error}); delete it and run compare again") from error


def compare_dir(name: str, root: str | Path = ".") -> Path:
    """Folder of the tables of a suite, or of a subset (a folder of results/subsets).

    Raises:
        ResultsError: there are none yet; it names those that are there.
    """
    results = Places.load(Path(root)).results
    places = [results / name / "compare", results / "subsets" / name / "compare"]
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        done = sorted(p.parent.parent.name for p in results.glob("**/compare/scores.csv"))
        raise ResultsError(
            f"{places[0] / 'scores.csv'}: no such file; suites with tables under {results}: "
            f"{', '.join(done) or 'none'}; run `snakemake {name} --cores all` first"
        )
    return found


def vouched(directory: Path) -> dict[str, Any]:
    """The manifest of a folder of tables or of a report, whose files are as it records them.

    Raises:
        ResultsError: there is no manifest, or a file is missing or another.
    """
    manifest = read_manifest(directory / "manifest.json", *VOUCHED, statuses=("ok",))
    damaged = sorted(damaged_files(directory, manifest["files"]))
    if damaged:
        raise ResultsError(f"{directory}: {', '.join(damaged)} differ from manifest.json; run its stage again")
    return manifest
