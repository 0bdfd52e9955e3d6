"""D4RL-faithful environments as Gymnasium ids; `import qdot.envs` registers them.

Nothing heavy is imported until an environment is made: MuJoCo and Gymnasium-Robotics are the extra `envs`.
"""

import gymnasium

from qdot.envs.registry import ENVIRONMENTS

for _id, _entry in ENVIRONMENTS.items():
    if _id not in gymnasium.registry:
        gymnasium.register(_id, _entry.location, kwargs=dict(_entry.values), max_episode_steps=_entry.horizon)
