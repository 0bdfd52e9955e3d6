"""Capsules as the simulators of D4RL's time weighed them.

MuJoCo before 2.1.2 took a capsule (radius r, half-length h) for a cylinder of height H = 2h + r:

    m = density pi r^2 H,    I_side = m (3 r^2 + H^2) / 12,    I_axis = m r^2 / 2

From 2.1.2 on both are exact, so every robot of capsules got heavier or otherwise balanced. D4RL's datasets come from
the old formula.
"""

import math

import mujoco
import numpy as np
import numpy.typing as npt

from qdot.envs.simulator import require_mujoco

require_mujoco()

Array = npt.NDArray[np.float64]


def use_old_capsules(spec: mujoco.MjSpec) -> None:
    """Give the bodies of a model the masses and inertias of old capsules.

    What follows from them, a total mass that the model sets included, MuJoCo works out when it compiles the model.

    Args:
        spec: A model of capsules and spheres, weighed by their density; changed in place.

    Raises:
        ValueError: a geom of a moving body has another shape, or a mass of its own.
    """
    compiled = spec.compile()  # resolves sizes and poses
    for body in spec.bodies[1:]:  # the first is the world
        if not body.geoms:
            continue
        parts = [_weigh(geom, compiled.geom_size[geom.id]) for geom in body.geoms]
        masses = np.array([mass for mass, _ in parts])
        places = np.array([compiled.geom_pos[geom.id] for geom in body.geoms])
        centre = masses @ places / masses.sum()
        inertia = np.zeros((3, 3))
        for geom, (mass, moments), place in zip(body.geoms, parts, places, strict=True):
            turn = _matrix(compiled.geom_quat[geom.id])
            offset = place - centre
            inertia += turn @ np.diag(moments) @ turn.T + mass * (
                offset @ offset * np.eye(3) - np.outer(offset, offset)
            )
        body.mass, body.ipos = masses.sum(), centre
        body.fullinertia = [*np.diag(inertia), inertia[0, 1], inertia[0, 2], inertia[1, 2]]
        body.explicitinertial = True
    spec.compiler.inertiafromgeom = mujoco.mjtInertiaFromGeom.mjINERTIAFROMGEOM_FALSE


def _weigh(geom: mujoco.MjsGeom, size: Array) -> tuple[float, Array]:
    """Mass in kg and moments of inertia (3,) in kg m^2 about the geom's own axes; a capsule's axis is the third."""
    if np.isfinite(geom.mass):
        raise ValueError(f"geom {geom.name!r}: found a mass of its own, expected a density")
    radius = float(size[0])
    if geom.type == mujoco.mjtGeom.mjGEOM_SPHERE:
        mass = geom.density * 4 / 3 * math.pi * radius**3
        return mass, np.full(3, 0.4 * mass * radius**2)
    if geom.type == mujoco.mjtGeom.mjGEOM_CAPSULE:
        height = 2 * float(size[1]) + radius
        mass = geom.density * math.pi * radius**2 * height
        side = mass * (3 * radius**2 + height**2) / 12
        return mass, np.array([side, side, mass * radius**2 / 2])
    raise ValueError(f"geom {geom.name!r}: found {geom.type}, expected a capsule or a sphere")


def _matrix(quaternion: Array) -> Array:
    """Rotation (3, 3) of a unit quaternion (w, x, y, z)."""
    matrix = np.empty(9)
    mujoco.mju_quat2Mat(matrix, quaternion)
    return matrix.reshape(3, 3)
