"""D4RL's locomotion environments (`*-v2`) on today's MuJoCo: Gymnasium's `-v4`, old capsules, clipped actions."""

from typing import Any

import gymnasium
import mujoco
import numpy as np
import numpy.typing as npt
from gymnasium.envs.mujoco import MujocoEnv
from gymnasium.envs.mujoco.ant_v4 import AntEnv as StockAnt
from gymnasium.envs.mujoco.half_cheetah_v4 import HalfCheetahEnv as StockHalfCheetah
from gymnasium.envs.mujoco.hopper_v4 import HopperEnv as StockHopper
from gymnasium.envs.mujoco.walker2d_v4 import Walker2dEnv as StockWalker2d
from gymnasium.utils import EzPickle

from qdot.envs.capsules import use_old_capsules

Array = npt.NDArray[np.float64]

CONTACT_FORCES = 84  # six for each of the Ant's 14 bodies


class OldSimulatorEnv(MujocoEnv):
    """A MuJoCo environment as D4RL's simulator ran it.

    Capsules weigh what they weighed there, and a state that is set has its quaternions normalised, as it did: today's
    MuJoCo leaves them as they are until the first step, and a noisy start would be observed with another length.

    Attributes:
        hidden: How many leading entries of qpos an observation leaves out.
    """

    hidden = 1

    def _read_model(self) -> mujoco.MjSpec:
        """The model's description, before it is compiled."""
        return mujoco.MjSpec.from_file(self.fullpath)

    def _initialize_simulation(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
        spec = self._read_model()
        use_old_capsules(spec)
        model = spec.compile()
        model.vis.global_.offwidth = max(model.vis.global_.offwidth, self.width)
        model.vis.global_.offheight = max(model.vis.global_.offheight, self.height)
        return model, mujoco.MjData(model)

    def set_state(self, qpos: Array, qvel: Array) -> None:
        """Put the simulator into a state: positions (nq,), their quaternions to be normalised, and velocities (nv,)."""
        qpos = np.array(qpos, dtype=np.float64)
        mujoco.mj_normalizeQuat(self.model, qpos)
        super().set_state(qpos, qvel)

    def state_of(self, observation: Array) -> tuple[Array, Array]:
        """The simulator's state that an observation shows, its hidden positions (on the ground plane) set to 0.

        Args:
            observation: As `step` returns it. A velocity that the observation clips (Hopper, Walker2d: at +-10) cannot
                be recovered: such a row gives another state.

        Returns:
            qpos (nq,) and qvel (nv,), for `set_state`.

        Raises:
            ValueError: the shape is not the observation space's.
        """
        observation = np.asarray(observation, dtype=np.float64)
        if observation.shape != self.observation_space.shape:
            raise ValueError(f"observation: found shape {observation.shape}, expected {self.observation_space.shape}")
        shown = self.model.nq - self.hidden
        positions = np.concatenate([np.zeros(self.hidden), observation[:shown]])
        return positions, observation[shown : shown + self.model.nv]


class _ClippedActions(OldSimulatorEnv):
    """D4RL clips an action to [-1, 1] before anything sees it: the motors and the reward's control cost."""

    def step(self, action: npt.NDArray[np.floating]) -> tuple[Array, np.float64, bool, bool, dict[str, np.float64]]:
        """One action of the stock environment, clipped."""
        return super().step(np.clip(action, -1.0, 1.0))


class HopperEnv(_ClippedActions, StockHopper):
    """The hopper as D4RL's `hopper-*-v2` datasets know it.

    Observation (11), action (3), reward, termination and reset are those of Gymnasium's `Hopper-v4`, whose model it
    uses; an episode is 1,000 steps at most. It differs in that capsules have the mass and inertia of the simulator
    that recorded the data (15.265 kg in all, not 15.820), and in that actions are clipped to [-1, 1] before the
    control cost. Policies trained on the datasets return less in the stock environment.

    Attributes:
        reference_scores: Returns that D4RL calls 0 and 100.
    """

    reference_scores = (-20.272305, 3234.3)


class HalfCheetahEnv(_ClippedActions, StockHalfCheetah):
    """The cheetah as D4RL's `halfcheetah-*-v2` datasets know it.

    Observation (17), action (6), reward and reset are those of Gymnasium's `HalfCheetah-v4`, whose model it uses;
    nothing terminates, an episode is 1,000 steps. It differs in that capsules have the mass and inertia of the
    simulator that recorded the data (the total is set to 14 kg in both; its distribution differs), and in that actions
    are clipped to [-1, 1] before the control cost. A small difference from the recordings remains: one step is wrong
    by 6.0e-7 in the median, by 3e-4 at the 90th percentile.

    Attributes:
        reference_scores: Returns that D4RL calls 0 and 100.
    """

    reference_scores = (-280.178953, 12135.0)


class Walker2dEnv(_ClippedActions, StockWalker2d):
    """The walker as D4RL's `walker2d-*-v2` datasets know it.

    Observation (17), action (6), reward, termination and reset are those of Gymnasium's `Walker2d-v4`, whose model it
    uses; an episode is 1,000 steps at most. It differs in that capsules have the mass and inertia of the simulator
    that recorded the data (22.698 kg in all, not 23.677), and in that actions are clipped to [-1, 1] before the
    control cost. (`Walker2d-v5` differs further: in the friction of a foot, and in the reward.)

    Attributes:
        reference_scores: Returns that D4RL calls 0 and 100.
    """

    reference_scores = (1.629008, 4592.3)


class AntEnv(_ClippedActions, StockAnt):
    """The ant as D4RL's `ant-*-v2` datasets know it.

    Observation (111): 27 positions and velocities, then 84 contact forces that are always zero. Action (8), reward,
    termination and reset are those of Gymnasium's `Ant-v4`, whose model it uses; an episode is 1,000 steps at most. It
    differs in that capsules have the mass and inertia of the simulator that recorded the data (.879 kg in all, not
    .911), in that actions are clipped to [-1, 1] before the control cost, in that the first observation's quaternion is
    normalised, and in the zeros: `Ant-v2` had contact forces in observation and reward, but MuJoCo 2.0 had ceased to
    compute them, so D4RL's files hold zeros there (github.com/Farama-Foundation/D4RL/issues/143) and no contact was
    ever charged for.

    Attributes:
        reference_scores: Returns that D4RL calls 0 and 100.
    """

    reference_scores = (-325.6, 3879.7)
    hidden = 2

    def __init__(self, **values: Any) -> None:
        """Load the stock model.

        Args:
            **values: As `Ant-v4` takes them.
        """
        super().__init__(**values)
        EzPickle.__init__(self, **values)
        shape = (self.model.nq + self.model.nv - self.hidden + CONTACT_FORCES,)
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, shape, np.float64)

    def _get_obs(self) -> Array:
        return np.concatenate([super()._get_obs(), np.zeros(CONTACT_FORCES)])
