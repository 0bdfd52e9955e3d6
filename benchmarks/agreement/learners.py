"""d3rlpy's BC, IQL and TD3+BC with our values; `shipped` as its package runs them, `aligned` with named causes removed.

An aligned learner calls d3rlpy's own networks, losses and optimisers. What it changes is in its docstring.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from unittest import mock

import torch
from configs import bc_config, iql_config, td3_bc_config
from d3rlpy.models.torch import ActionOutput, NormalPolicy, build_gaussian_distribution
from d3rlpy.optimizers import OptimizerWrapper
from d3rlpy.torch_utility import TorchMiniBatch
from exchange import give
from torch import Tensor, nn

from qdot.algorithms.base import Algorithm

SHIPPED, ALIGNED = "shipped", "aligned"
Terms = dict[str, float]


class Learner:
    """What the study asks of a d3rlpy algorithm; this one is the package's own update.

    Attributes:
        algo: The built algorithm.
        impl: Its networks and losses.
        names: Our names of its losses.
    """

    names: ClassVar[Mapping[str, str]] = {"loss": "policy_loss", "actor_loss": "policy_loss", "v_loss": "value_loss"}

    def __init__(self, algo: Any) -> None:
        """Take a built algorithm."""
        self.algo, self.impl = algo, algo.impl

    def update(self, batch: TorchMiniBatch, step: int) -> Terms:
        """One step; its losses by our names."""
        return {self.names.get(name, name): value for name, value in self.impl.update(batch, step).items()}

    @property
    def policy(self) -> nn.Module:
        """The actor."""
        return self.impl.policy

    def receive(self, model: Algorithm) -> None:
        """Start from the weights of our model's first seed."""
        give(model.get_submodule("policy.network"), 0, self.policy)


class ClampedPolicy(NormalPolicy):
    """d3rlpy's normal policy with our sigma: exp(clamp(p, -5, 2)), from 1; its own is a sigmoid of p, from e^-1.5."""

    def forward(self, x: Tensor, *args: Any) -> ActionOutput:
        """Mean, squashed mean and log sigma at states (batch, obs)."""
        mu = self._mu(self._encoder(x))
        return ActionOutput(mu, torch.tanh(mu), self._logstd.clamp(self._min_logstd, self._max_logstd))


class LikelihoodBC(Learner):
    """BC by the likelihood of d3rlpy's IQL actor, sigma in our form; its own BC minimises the squared error."""

    def __init__(self, algo: Any) -> None:
        """Take a built IQL, whose actor is the policy."""
        super().__init__(algo)
        self.policy.__class__ = ClampedPolicy  # same parameters, which the optimiser already holds

    def update(self, batch: TorchMiniBatch, step: int) -> Terms:
        """One step: policy."""
        self.impl.modules.set_train()
        likelihood = build_gaussian_distribution(self.policy(batch.observations)).log_prob(batch.actions)
        return {"policy_loss": descend(self.impl.modules.actor_optim, -likelihood.mean())}


class OrderedIQL(Learner):
    """IQL in our order (V, policy, Q with the new V, target) and with sigma in our form.

    Its own order is V and Q together (Q with the old V), policy, target.
    """

    def __init__(self, algo: Any) -> None:
        """Take a built IQL, and give V and Q an optimiser each."""
        super().__init__(algo)
        self.policy.__class__ = ClampedPolicy
        modules, config = self.impl.modules, algo.config
        create = config.critic_optim_factory.create
        self._value = create(modules.value_func.named_modules(), lr=config.critic_learning_rate, compiled=False)
        self._q = create(modules.q_funcs.named_modules(), lr=config.critic_learning_rate, compiled=False)

    def update(self, batch: TorchMiniBatch, step: int) -> Terms:
        """One step: V, policy, Q, target."""
        impl, modules = self.impl, self.impl.modules
        modules.set_train()
        terms = {"value_loss": descend(self._value, impl.compute_value_loss(batch))}
        policy_loss = impl.compute_actor_loss(batch, self.policy(batch.observations)).actor_loss
        terms["policy_loss"] = descend(modules.actor_optim, policy_loss)
        q_loss = impl.compute_critic_loss(batch, impl.compute_target(batch)).q_loss
        terms["q_loss"] = descend(self._q, q_loss)
        impl.update_critic_target()
        return terms

    def receive(self, model: Algorithm) -> None:
        """Start from the weights of our model's first seed."""
        receive_critic(self, model)


class ShippedIQL(Learner):
    """IQL as the package runs it."""

    def receive(self, model: Algorithm) -> None:
        """Start from the weights of our model's first seed."""
        receive_critic(self, model)


def receive_critic(learner: Learner, model: Algorithm) -> None:
    """Copy policy, V, both Q and their targets."""
    modules = learner.impl.modules
    give(model.get_submodule("policy.network"), 0, learner.policy)
    give(model.get_submodule("critic.value"), 0, modules.value_func)
    for twin in (0, 1):
        give(model.get_submodule("critic.q.network"), twin, modules.q_funcs[twin])
        give(model.get_submodule("critic.target.network"), twin, modules.targ_q_funcs[twin])


class ShippedTD3BC(Learner):
    """TD3+BC as the package runs it."""

    names: ClassVar[Mapping[str, str]] = {"critic_loss": "q_loss", "actor_loss": "policy_loss"}

    def receive(self, model: Algorithm) -> None:
        """Start from the weights of our model's first seed."""
        modules = self.impl.modules
        for name, policy in (("policy", modules.policy), ("target_policy", modules.targ_policy)):
            give(model.get_submodule(name), 0, policy)
        for twin in (0, 1):
            give(model.get_submodule("q.network"), twin, modules.q_funcs[twin])
            give(model.get_submodule("target_q.network"), twin, modules.targ_q_funcs[twin])


class SmoothedTD3BC(ShippedTD3BC):
    """TD3+BC whose smoothing noise is ours, in place of torch's; it draws nothing else in an update."""

    def receive(self, model: Algorithm) -> None:
        """Start from the weights of our model's first seed, and take over its noise."""
        super().receive(model)
        self._noise = model.get_submodule("smoothing")

    def update(self, batch: TorchMiniBatch, step: int) -> Terms:
        """One step; its losses by our names."""
        noise = self._noise.normal(*batch.actions.shape, step)[0]
        with mock.patch.object(torch, "randn", return_value=noise):
            return super().update(batch, step)


def descend(optimiser: OptimizerWrapper, loss: Tensor) -> float:
    """One step down a loss; returns it."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return float(loss.detach())


KINDS: dict[tuple[str, str], tuple[Callable[[Mapping[str, Any]], Any], type[Learner]]] = {
    ("bc", SHIPPED): (bc_config, Learner),
    ("bc", ALIGNED): (iql_config, LikelihoodBC),
    ("iql", SHIPPED): (iql_config, ShippedIQL),
    ("iql", ALIGNED): (iql_config, OrderedIQL),
    ("td3_bc", SHIPPED): (td3_bc_config, ShippedTD3BC),
    ("td3_bc", ALIGNED): (td3_bc_config, SmoothedTD3BC),
}


def build(algorithm: str, variant: str, values: Mapping[str, Any], sizes: tuple[int, int]) -> Learner:
    """A d3rlpy algorithm with our values.

    Args:
        algorithm: Our name of it.
        variant: `shipped` or `aligned`.
        values: Resolved values of the cell: `train`, `algorithm_values`.
        sizes: Widths of observations and actions.
    """
    configure, kind = KINDS[algorithm, variant]
    algo = configure(values).create(device=False)
    algo.create_impl((sizes[0],), sizes[1])
    return kind(algo)
