"""Packages that come with one of the project's extras (`pip install 'qdot[NAME]'`)."""

import importlib.util

from qdot.errors import PackageError


def check_installed(extra: str, *modules: str) -> None:
    """Refuse to go on without the modules that an extra brings.

    Raises:
        PackageError: some are not installed; it names them and the extra.
    """
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise PackageError(
            f"{', '.join(missing)}: not installed, and needed here; install the extra: pip install 'qdot[{extra}]'"
        )
