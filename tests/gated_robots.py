"""A pendulum whose episodes wait while a file lies in a folder, or fail while another does; for tests of rollouts."""

import os
import time
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.envs.classic_control.pendulum import PendulumEnv

GATED = "gated_robots:Gated-v0"
VARIABLE = "QDOT_TEST_GATES"  # names the folder
SHUT, BROKEN = "shut", "broken"


class Gated(PendulumEnv):
    """Its file `shut` holds how many episodes of a process may begin meanwhile."""

    begun = 0

    def reset(self, **options: Any) -> Any:
        """Begin an episode when it may."""
        folder = Path(os.environ[VARIABLE])
        if (folder / BROKEN).exists():
            raise RuntimeError("the robot is broken")
        while (folder / SHUT).exists() and type(self).begun >= int((folder / SHUT).read_text()):
            time.sleep(0.02)
        type(self).begun += 1
        return super().reset(**options)


gymnasium.register("Gated-v0", Gated, max_episode_steps=5)
