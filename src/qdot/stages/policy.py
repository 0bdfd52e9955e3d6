"""`qdot policy export`: a trained policy as a file that needs neither qdot nor torch."""

import argparse
import json
import logging
from pathlib import Path
from typing import Any

from qdot import __version__, provenance
from qdot.errors import ResultsError
from qdot.manifests import find_manifest

log = logging.getLogger("qdot")


def add_policy(commands: Any) -> None:
    """Add the command to the parser's commands."""
    policy = commands.add_parser("policy", help="export a trained policy to ONNX")
    actions = policy.add_subparsers(dest="action", required=True, metavar="ACTION")
    text = "write a trained policy as an ONNX graph: `observation` (batch, obs) to `action` (batch, act), float32"
    command = actions.add_parser("export", help=text, description=text)
    command.add_argument("source", help="SUITE/DATASET/ALGORITHM/SEED, or a policy.safetensors")
    command.add_argument("--readout", help="a deterministic way to act; default: the policy's first")
    command.add_argument("--output", type=Path, default=Path("policy.onnx"), help="the file; default: policy.onnx")
    command.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> None:
    export(options.source, options.readout, options.output)


def export(source: str, readout: str | None, output: Path) -> None:
    """Write a trained policy as an ONNX file, atomically.

    Args:
        source: `SUITE/DATASET/ALGORITHM/SEED`, or the path of a policy file.
        readout: A deterministic readout; None: the policy's first.
        output: The file to write.

    Raises:
        ParamsError: no such cell, or a readout that cannot be exported; it says why.
        ResultsError: the cell is not trained, the file is damaged, or is not what its manifest records.
        PackageError: the extra `onnx` is not installed.
    """
    from qdot.export import to_onnx
    from qdot.training.checkpoint import Policy

    path = _find(source)
    policy = Policy.load(path)
    readout = readout or policy.readouts[0]
    described = {name: policy.description[name] for name in ("algorithm", "seed", "step", "action_low", "action_high")}
    facts = {**described, **_origin(path), "readout": readout, "qdot": __version__}
    facts["policy_sha256"] = provenance.sha256_file(path)
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in facts.items()}
    provenance.write_atomic(output, to_onnx(policy, readout, texts))
    log.info("%s: readout %s of %s", output, readout, path)


def _find(source: str) -> Path:
    """The policy file that a path or a cell names."""
    from qdot.stages.tools import find_cell

    path = Path(source)
    if path.suffix == ".safetensors" or path.is_file():
        return path
    study, cell = find_cell(source)
    return study.cell_dir("train", cell) / "policy.safetensors"


def _origin(path: Path) -> dict[str, Any]:
    """What the training manifest beside a policy says of it; nothing where there is none.

    Raises:
        ResultsError: the manifest records another file of that name.
    """
    names = ("suite", "dataset", "algorithm", "digest")
    manifest = find_manifest(path.parent / "manifest.json", *names) or {}
    recorded = manifest.get("files", {}).get(path.name)
    if recorded is None:
        return {}
    if list(provenance.damaged_files(path.parent, {path.name: recorded})):
        raise ResultsError(
            f"{path}: is not the file that manifest.json beside it records; train this cell again, or move the file "
            "elsewhere to export it without its origin"
        )
    return {name: manifest.get(name) for name in names}
