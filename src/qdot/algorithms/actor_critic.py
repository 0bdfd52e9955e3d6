"""Policies that learn from IQL's critic: the order of a step, and one critic for several of them."""

from abc import abstractmethod
from dataclasses import fields
from typing import ClassVar

from torch import Tensor

from qdot.algorithms.base import Algorithm, Batch, Generators
from qdot.algorithms.critic import Critic, CriticConfig
from qdot.algorithms.networks import Step

Improved = tuple[dict[str, Tensor], Tensor | None]
OF_POLICIES = ("steps", "actor_schedule")  # values of a CriticConfig that no critic reads
CRITIC_VALUES = tuple(field.name for field in fields(CriticConfig) if field.name not in OF_POLICIES)


class ActorCritic(Algorithm):
    """A policy that learns from IQL's critic, which learns nothing from the policy.

    A critic's bits are therefore the same whatever policies hang on it, and algorithms that train side by side can
    share one (`qdot.training.family`).

    Attributes:
        critic: V, twin Q and their slow copy.
        reads_value: Whether `improve` reads V, so that it must come after V's step.
    """

    config: CriticConfig
    traceable = True
    reads_value: ClassVar[bool] = True

    def __init__(self, config: CriticConfig, observation_dim: int, action_dim: int, generators: Generators) -> None:
        """Build the critic; a subclass then builds its policy."""
        super().__init__(config, observation_dim, action_dim, generators)
        self.critic = Critic(config, observation_dim, action_dim, generators)

    @abstractmethod
    def improve(self, batch: Batch, target_q: Tensor, step: Step) -> Improved:
        """The policy's part of a step, after V's and before Q's: all that reads the critic.

        Args:
            batch: Transitions.
            target_q: min_i Qbar_i(s, a), (seeds, batch).
            step: Counts from 0.

        Returns:
            Terms (seeds,) by name, detached; and what `imitate` then takes, None where nothing is left to do.
        """

    def imitate(self, batch: Batch, moved: Tensor, step: Step) -> dict[str, Tensor]:
        """What of the policy's part reads no critic, so that Q may be stepped beside it. Returns terms as `improve`."""
        raise NotImplementedError(f"{type(self).__name__}.improve returned a tensor, and nothing takes it")

    def update(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        """One step: V (target Q), policy, Q (new V), target Q (new Q)."""
        target_q = self.critic.aim(batch)
        info = self.critic.begin(batch, target_q)
        improved, moved = self.improve(batch, target_q, step)
        info |= improved
        if moved is not None:
            info |= self.imitate(batch, moved, step)
        return info | self.critic.finish(batch)

    def has_equal_critic(self, other: "ActorCritic") -> bool:
        """Whether both critics, of the same seeds and batches, hold the same bits at every step."""
        return all(getattr(self.config, name) == getattr(other.config, name) for name in CRITIC_VALUES)

    def share_critic(self, other: "ActorCritic") -> None:
        """Take the other's critic, prepared, and its optimisers in place of one's own."""
        self.critic = other.critic
        self.optimisers |= other.critic.optimisers
