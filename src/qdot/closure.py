"""The code that a piece of work imports, however deep: its digest, and the versions of the packages it names.

Code is compared as syntax trees, so that comments and docstrings do not count.
"""

import ast
import functools
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from qdot.provenance import digest

# Modules that carry no numbers: a change of their code is no reason to work again.
INFRASTRUCTURE = frozenset(
    {
        *("qdot", "qdot.closure", "qdot.errors", "qdot.manifests", "qdot.provenance"),
        *("qdot.strict_json", "qdot.strict_yaml"),
        *("qdot.algorithms.registry", "qdot.envs.registry"),
    }
)


def _source(module: str) -> Path | None:
    """The source file of a module, found without importing it where it is qdot's own."""
    if module == "qdot" or module.startswith("qdot."):
        base = Path(__file__).parent.joinpath(*module.split(".")[1:])
        candidates = [base / "__init__.py", base.with_suffix(".py")]
        return next((path for path in candidates if path.is_file()), None)
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


@functools.cache
def _parsed(path: Path) -> tuple[str, tuple[str, ...]]:
    """A file's syntax tree without docstrings, as text, and every module name that it may import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            joint = "" if origin.endswith(".") else "."
            names += [origin, *(f"{origin}{joint}{alias.name}" for alias in node.names)]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
    return ast.dump(tree), tuple(names)


def _absolute(name: str, package: str) -> str:
    """A module name as `package` imports it: leading dots resolved."""
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    parts = package.split(".")[: len(package.split(".")) - level + 1]
    return ".".join([*parts, *filter(None, [name.lstrip(".")])])


def import_closure(entries: Iterable[str], stop: Iterable[str] = ()) -> tuple[dict[str, Path], set[str]]:
    """Every module of the entries' own packages that they import, however deep, and the other packages they name.

    Args:
        entries: Module names, of qdot or of a package that registers an algorithm or environment.
        stop: Modules not to follow: the work at hand does not reach them.

    Returns:
        Source file by module name, and the top-level names of all other imported packages.
    """
    todo, found, packages = list(entries), {}, set()
    own = {"qdot", *(name.partition(".")[0] for name in todo)}
    while todo:
        module = todo.pop()
        top, parent = module.partition(".")[0], module.rpartition(".")[0]
        if top not in own:
            packages.add(top)
            continue
        path = _source(module)
        if module in found or module in stop or path is None:
            continue
        found[module] = path
        if module == "qdot":
            continue  # the package's front door names modules that this work may not reach
        package = module if path.name == "__init__.py" else parent
        todo += [_absolute(name, package) for name in _parsed(path)[1]] + ([parent] if parent else [])
    return found, packages - set(sys.stdlib_module_names)


@functools.cache
def code_digest(*entries: str, stop: tuple[str, ...] = ()) -> str:
    """Digest of the code that `entries` run: syntax trees of their import closure, without comments and docstrings."""
    modules, _ = import_closure(entries, stop)
    return digest({name: _parsed(path)[0] for name, path in sorted(modules.items()) if name not in INFRASTRUCTURE})


@functools.cache
def _distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


@functools.cache
def package_versions(*entries: str, stop: tuple[str, ...] = ()) -> dict[str, str]:
    """Versions of the installed packages that the import closure of `entries` names, without local labels (`+cpu`)."""
    _, packages = import_closure(entries, stop)
    names = {name for package in packages for name in _distributions().get(package, [])}
    return {name: importlib.metadata.version(name).partition("+")[0] for name in sorted(names)}
