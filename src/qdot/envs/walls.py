"""Where the walls of a maze stand, read off its simulator."""

from typing import Any, NamedTuple

import gymnasium

from qdot.envs.renderer import parts


class Wall(NamedTuple):
    """An upright box, from above, in metres.

    Attributes:
        x: Of its centre.
        y: Of its centre.
        half_x: Half its width.
        half_y: Half its depth.
    """

    x: float
    y: float
    half_x: float
    half_y: float


def walls(environment: gymnasium.Env[Any, Any]) -> list[Wall]:
    """The boxes that belong to the world itself and to nothing that moves; none where no MuJoCo model is."""
    model = next((part.model for part in parts(environment) if hasattr(part, "model")), None)
    if model is None:
        return []
    import mujoco

    found = []
    for index in range(model.ngeom):
        if model.geom_bodyid[index] == 0 and model.geom_type[index] == mujoco.mjtGeom.mjGEOM_BOX:
            (x, y, _), (half_x, half_y, _) = model.geom_pos[index].tolist(), model.geom_size[index].tolist()
            found.append(Wall(x, y, half_x, half_y))
    return found
