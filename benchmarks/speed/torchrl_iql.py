"""TorchRL's IQL with our data, widths and numbers: its loss module, its soft update, one Adam for all three networks.

Nothing of d3rlpy is imported, nor by `d3rlpy_iql` anything of TorchRL: each peer's start-up and memory are its own.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from contestants import Step, drawn, values_of
from tensordict import TensorDict
from tensordict.nn import NormalParamExtractor, TensorDictModule
from torch import Tensor, nn
from torchrl.modules import MLP, IndependentNormal, ProbabilisticActor, ValueOperator
from torchrl.objectives import IQLLoss, SoftUpdate

from qdot.data.batch import Dataset

FIELDS = ("observations", "actions", "rewards", "next_observations", "terminals")


class Critic(nn.Module):
    """Q(s, a)."""

    def __init__(self, inputs: int, hidden: list[int]) -> None:
        """Build the network."""
        super().__init__()
        self.network = perceptron(inputs, hidden, 1)

    def forward(self, observation: Tensor, action: Tensor) -> Tensor:
        """(batch, 1)."""
        return self.network(torch.cat([observation, action], dim=-1))


def perceptron(inputs: int, hidden: list[int], outputs: int) -> MLP:
    """Affine layers with ReLU between them."""
    return MLP(in_features=inputs, num_cells=hidden, out_features=outputs, activation_class=nn.ReLU)


def torchrl_iql(values: Mapping[str, Any], observed: int, acted: int) -> Callable[[Mapping[str, Tensor]], None]:
    """An update on a minibatch of tables, (batch, width) each."""
    train, own = values["train"], values["algorithm_values"]
    hidden = list(train["hidden"])
    body = TensorDictModule(
        nn.Sequential(perceptron(observed, hidden, 2 * acted), NormalParamExtractor()),
        in_keys=["observation"],
        out_keys=["loc", "scale"],
    )
    actor = ProbabilisticActor(body, in_keys=["loc", "scale"], distribution_class=IndependentNormal)
    critic = ValueOperator(Critic(observed + acted, hidden), in_keys=["observation", "action"])
    value = ValueOperator(perceptron(observed, hidden, 1), in_keys=["observation"])
    loss = IQLLoss(actor, critic, value, loss_function="l2", temperature=own["temperature"], expectile=own["expectile"])
    loss.make_value_estimator(gamma=train["discount"])
    target = SoftUpdate(loss, tau=train["target_update_rate"])
    trained = [parameter for parameter in loss.parameters() if parameter.requires_grad]
    adam = torch.optim.Adam(trained, lr=train["learning_rate"])

    def update(batch: Mapping[str, Tensor]) -> None:
        after = {
            "observation": batch["next_observations"],
            "reward": batch["rewards"],
            "done": batch["terminals"].bool(),
            "terminated": batch["terminals"].bool(),
        }
        now = {"observation": batch["observations"], "action": batch["actions"], "next": after}
        found = loss(TensorDict(now, batch_size=[len(batch["actions"])]))
        (found["loss_actor"] + found["loss_qvalue"] + found["loss_value"]).backward()
        adam.step()
        adam.zero_grad()
        target.step()

    return update


def torchrl(dataset: Dataset, compiled: bool) -> Step:
    """TorchRL's IQL; `compiled`: its whole update under torch.compile, which was faster than its loss alone."""
    values = values_of("iql")
    update = torchrl_iql(values, dataset.observation_dim, dataset.action_dim)
    update = torch.compile(update) if compiled else update
    data = {name: torch.from_numpy(getattr(dataset, name)).view(dataset.size, -1) for name in FIELDS}
    rows = drawn(dataset, values["train"]["batch_size"])

    def step() -> None:
        chosen = next(rows)
        update({name: table.index_select(0, chosen) for name, table in data.items()})

    return step
