"""The project's own YAML files, each read by its schema."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema

from qdot import strict_yaml
from qdot.errors import ResultsError

SCHEMAS = Path("workflow/schemas")
# JSON has one kind of number, and a schema's `integer` takes 2.0; what counts steps, seeds and widths is an int.
_WHOLE = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=_WHOLE)


@functools.cache
def schema(root: Path, name: str) -> Mapping[str, Any]:
    """A JSON Schema of the project: `params`, `claims` or `verify`.

    Raises:
        ResultsError: it cannot be read.
    """
    path = root / SCHEMAS / f"{name}.schema.yaml"
    try:
        return dict(strict_yaml.parse(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: cannot be read ({error}); restore it from the repository") from error


def read(root: Path, path: Path, name: str) -> dict[str, Any]:
    """Read a file under the project's top folder, by a schema.

    Raises:
        ResultsError: it is missing, no YAML, or breaks the schema; the key is named.
    """
    try:
        content = strict_yaml.parse((root / path).read_bytes())
        strict_yaml.check_plain(content)
    except (OSError, ValueError) as error:
        raise ResultsError(f"{root / path}: cannot be read ({error}); restore it from the repository") from error
    wrong = next(Validator(schema(root, name)).iter_errors(content), None)
    if wrong is not None:
        key = ".".join(map(str, wrong.absolute_path)) or "top level"
        raise ResultsError(f"{root / path}: {key}: {wrong.message}; {SCHEMAS / name}.schema.yaml says what is expected")
    return dict(content)
