"""Which MuJoCo the environments are true in; it is checked where one of them is loaded."""

import importlib.metadata

MUJOCO = "3.3.7"


def objection(found: str) -> str:
    """Why a version of MuJoCo will not do; empty for the right one."""
    if found == MUJOCO:
        return ""
    return (
        f"found mujoco {found}, expected {MUJOCO}, with which recorded D4RL data was reproduced: mujoco 3.4.0 changed "
        "contacts between boxes, and from 3.5.0 on the margins of two geoms in contact are summed, where D4RL's "
        f"simulator took the larger. Install it: pip install 'mujoco=={MUJOCO}'"
    )


def installed_objection() -> str:
    """The same for the installed version, without importing it; empty where none is installed."""
    try:
        return objection(importlib.metadata.version("mujoco"))
    except importlib.metadata.PackageNotFoundError:
        return ""


def require_mujoco() -> None:
    """Refuse a version of MuJoCo whose contacts are not D4RL's.

    Raises:
        ImportError: the wrong version, with the reason and what to install; or none.
    """
    import mujoco

    reason = objection(mujoco.__version__)
    if reason:
        raise ImportError(reason, name="mujoco")
