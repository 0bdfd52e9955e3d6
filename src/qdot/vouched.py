"""Which tables of the transport studies a manifest vouches for. Files that no manifest lists are no results."""

from qdot.manifests import find_manifest
from qdot.study import Study

NOT_RUN = "the transport studies have not run in this suite"


def transport_tables(study: Study) -> tuple[list[str], str]:
    """Names of the tables (`lqr` of lqr.csv) that count, and why any other is not among them.

    They are those that a manifest lists which is `ok` and, where a recipe says so, carries the wanted digest.
    """
    manifest = find_manifest(study.transport_dir / "manifest.json", "files")
    if manifest is None:
        return [], NOT_RUN
    if manifest["status"] != "ok":
        return [], f"the transport studies ended with the status {manifest['status']!r}"
    if study.expected_transport is not None and manifest.get("digest") != study.expected_transport:
        return [], "the transport studies there were made from other values or code"
    found = [name.removesuffix(".csv") for name in manifest["files"] if name.endswith(".csv")]
    return found, "the suite's transport studies wrote no such table"
