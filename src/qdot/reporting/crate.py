"""The RO-Crate of a finished suite (researchobject.org/ro-crate, version 1.1): what its metadata says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from qdot.provenance import sha256_file
from qdot.study import slug

VERSION = "1.1"
CELL = ["dataset", "algorithm", "seed", "stage"]
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
RUN = "#qdot-run"  # by this entity a crate is known to be one of `qdot crate`
TERMS = {"sha256": "http://schema.org/sha256"}  # which 1.1's context lacks
FORMATS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".html": "text/html",
    ".yaml": "application/yaml",
    ".cff": "application/yaml",
    ".md": "text/markdown",
}
LICENCES = {
    "MIT": ("https://spdx.org/licenses/MIT", "MIT License"),
    "CC BY 4.0": ("https://creativecommons.org/licenses/by/4.0/", "Creative Commons Attribution 4.0 International"),
}

Files = Mapping[str, tuple[Path, str]]


@dataclass(frozen=True)
class Contents:
    """What a crate is made from.

    Attributes:
        name: The suite, or a subset's name.
        description: Of the crate, in sentences.
        inputs: Files that the run read, each with its description, by its place in the crate.
        results: Files that came out of it, likewise.
        documents: Files that explain them, likewise.
        datasets: Table `datasets.csv`.
        provenance: Table `provenance.csv`.
        citation: Content of CITATION.cff.
    """

    name: str
    description: str
    inputs: Files
    results: Files
    documents: Files
    datasets: pd.DataFrame
    provenance: pd.DataFrame
    citation: Mapping[str, Any]


def crate(contents: Contents) -> ROCrate:
    """The crate; its `write` copies the files."""
    made = ROCrate(version=VERSION)
    made.metadata.extra_terms.update(TERMS)
    citation = contents.citation
    licence, authors = _licence(made, citation["license"]), _people(made, citation["authors"])
    code = _code(made, contents, licence, authors)
    datasets = [_dataset(made, row) for row in contents.datasets.to_dict("records")]
    _files(made, contents.documents)
    run = {
        "@type": "CreateAction",
        "name": f"Training, evaluation and comparison of {contents.name}",
        "description": f"{len(contents.provenance[CELL].drop_duplicates())} results of cells, then tables and page.",
        **_times(contents.provenance),
        "instrument": code,
        "object": [*datasets, *_files(made, contents.inputs)],
        "result": _files(made, contents.results),
    }
    profile = {"@type": "CreativeWork", "name": "Process Run Crate", "version": PROFILE.rpartition("/")[2]}
    root = {
        "conformsTo": made.add(ContextEntity(made, PROFILE, profile)),
        "name": f"Q-DOT, reproduced: results of {contents.name}",
        "description": contents.description,
        "version": str(citation["version"]),
        "license": licence,
        "author": authors,
        "citation": _paper(made, citation["preferred-citation"]),
        "mentions": made.add(ContextEntity(made, RUN, run)),
    }
    for key, value in root.items():
        made.root_dataset[key] = value
    return made


def _files(made: ROCrate, files: Files) -> list[Any]:
    return [_file(made, place, *found) for place, found in files.items()]


def _file(made: ROCrate, place: str, source: Path, description: str) -> Any:
    facts = {
        "name": place,
        "description": description,
        "encodingFormat": FORMATS.get(source.suffix, "text/plain"),
        "contentSize": str(source.stat().st_size),
        "sha256": sha256_file(source),
    }
    return made.add_file(source, place, properties=facts)


def _licence(made: ROCrate, name: str) -> Any:
    """A licence as an entity, or as the text that it is where its page is not known here."""
    if name not in LICENCES:
        return name
    url, title = LICENCES[name]
    return made.add(ContextEntity(made, url, {"@type": "CreativeWork", "name": title, "identifier": url}))


def _one(values: list[Any]) -> Any:
    """A list as 1.1 recommends it: one value stands alone."""
    return values[0] if len(values) == 1 else values


def _people(made: ROCrate, authors: Iterable[Mapping[str, str]]) -> Any:
    """Authors of a CITATION.cff: people by their names, anything else by its `name`."""
    found = []
    for author in authors:
        parts = [author[key] for key in ("given-names", "family-names") if key in author]
        name, kind = (" ".join(parts), "Person") if parts else (author["name"], "Organization")
        found.append(made.add(ContextEntity(made, f"#{slug(name).replace(' ', '-')}", {"@type": kind, "name": name})))
    return _one(found)


def _paper(made: ROCrate, cited: Mapping[str, Any]) -> Any:
    facts = {
        "@type": "ScholarlyArticle",
        "name": cited["title"],
        "author": _people(made, cited["authors"]),
        "datePublished": str(cited["year"]),
        "url": cited["url"],
    }
    return made.add(ContextEntity(made, cited["url"], facts))


def _code(made: ROCrate, contents: Contents, licence: Any, authors: Any) -> Any:
    """The code as it ran: its commits, and the versions of what it imports."""
    values = contents.provenance[["field", "value"]].drop_duplicates().sort_values(["field", "value"])
    fields = list(values.itertuples(index=False, name=None))
    commits = [value for field, value in fields if field == "runtime.git_commit"]
    packages = [(field.removeprefix("versions."), value) for field, value in fields if field.startswith("versions.")]
    packages += [("python", value) for field, value in fields if field == "runtime.python"]
    state = "As committed." if commits else "Its commit was not recorded."
    if ("runtime.git_dirty", "true") in fields:
        state = "Tracked files differed from the commit in some runs."
    facts = {
        "@type": "SoftwareSourceCode",
        "name": contents.citation["title"],
        "description": state,
        "version": str(contents.citation["version"]),
        "programmingLanguage": "Python",
        "license": licence,
        "author": authors,
        "softwareRequirements": [_package(made, *package) for package in packages],
    }
    if commits:
        facts["identifier"] = _one(commits)
    return made.add(ContextEntity(made, "#code", facts))


def _package(made: ROCrate, name: str, version: str) -> Any:
    """A package by its package URL (purl)."""
    kind = "generic" if name == "python" else "pypi"
    facts = {"@type": "SoftwareApplication", "name": name, "version": version}
    return made.add(ContextEntity(made, f"pkg:{kind}/{name.lower()}@{version}", facts))


def _dataset(made: ROCrate, row: Mapping[Any, Any]) -> Any:
    """A dataset as `datasets.csv` has it: not in the crate, but named by where it is from and by its sum."""
    known = {key: value for key, value in row.items() if not pd.isna(value)}
    facts = {"@type": "Dataset", "name": row["dataset"]}
    origin = str(known.get("url_or_recipe", known.get("source", "unknown")))
    counts = "{transitions:,.0f} transitions in {episodes:,.0f} episodes" if "transitions" in known else "{status}"
    facts["description"] = f"{counts.format(**known)}; from {origin}"
    if origin.startswith(("http://", "https://")):
        facts["url"] = origin
    if "raw_sha256" in known:
        facts |= {"sha256": known["raw_sha256"], "contentSize": f"{known['raw_bytes']:.0f}"}
    if "licence" in known:
        facts["license"] = _licence(made, known["licence"])
    return made.add(ContextEntity(made, f"#dataset-{slug(row['dataset'])}", facts))


def _times(provenance: pd.DataFrame) -> dict[str, str]:
    """The first start and the last end of a cell's work, where runtime.json recorded them (UTC)."""
    found = {}
    for key, field, pick in (("startTime", "runtime.started", min), ("endTime", "runtime.finished", max)):
        moments = provenance.loc[provenance["field"] == field, "value"]
        if len(moments):
            found[key] = pick(moments).replace("Z", "+00:00")
    return found
