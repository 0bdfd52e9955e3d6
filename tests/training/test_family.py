"""Algorithms side by side: the same bits as alone, equal critics once, errors of one's own."""

from pathlib import Path

import pytest
import torch
from tiny_cells import random_dataset, values

from qdot.algorithms import registry
from qdot.algorithms.actor_critic import ActorCritic, Improved
from qdot.algorithms.base import Batch
from qdot.algorithms.critic import Critic
from qdot.algorithms.ddpg_bc import DDPGBC
from qdot.errors import ParamsError
from qdot.training.family import Family, Member
from qdot.training.loop import train, train_family

SEEDS = [0, 3]
FILES = ("policy.safetensors", "state.safetensors", "curve.csv")


def directories(top: Path) -> dict[int, Path]:
    return {seed: top / f"seed{seed}" for seed in SEEDS}


class Evaluations(list[int]):
    """Steps at which policies came in."""

    def __call__(self, policies: dict[int, bytes], step: int) -> None:
        self.append(step)


def test_every_algorithm_ends_with_the_same_bytes_in_a_family_as_alone(tmp_path: Path) -> None:
    dataset = random_dataset()
    together, alone = tmp_path / "together", tmp_path / "alone"
    members = [
        Member(name, values(name), dataset, directories(together / name), Evaluations()) for name in registry.BUILT_IN
    ]
    assert all(outcome.status == "ok" for outcomes in train_family(members, SEEDS) for outcome in outcomes)
    for member in members:
        name, evaluations = member.algorithm, Evaluations()
        train(name, member.values, dataset, SEEDS, directories=directories(alone / name), evaluate=evaluations)
        assert member.evaluate == evaluations == [20, 40]
        for path in (f"{name}/seed{seed}/{file}" for seed in SEEDS for file in FILES):
            assert (together / path).read_bytes() == (alone / path).read_bytes(), path


def critics(*members: Member) -> list[Critic]:
    family = Family(members, SEEDS)
    models = [member.trainer.model for member in family.members if member.trainer is not None]
    return [model.critic for model in models if isinstance(model, ActorCritic)]


def test_equal_critics_are_trained_once(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = random_dataset()
    steps: list[Critic] = []
    plain = Critic.begin
    monkeypatch.setattr(Critic, "begin", lambda self, *given: steps.append(self) or plain(self, *given))
    family = Family([Member(name, values(name), dataset) for name in ("qdot", "iql", "bc", "ddpg_bc", "prox")], SEEDS)
    family.advance()
    assert len(steps) == 1
    assert [trainer.step for _, trainer in family.running()] == [1] * 5


@pytest.mark.parametrize(
    ("train_values", "own"), [({}, {"expectile": 0.6}), ({"learning_rate": 1.0e-4}, {}), ({"discount": 0.9}, {})]
)
def test_critics_of_other_values_are_kept_apart(train_values: dict[str, float], own: dict[str, float]) -> None:
    dataset = random_dataset()
    other = Member("ddpg_bc", values("ddpg_bc", train_values, **own), dataset)
    first, second, third = critics(
        Member("qdot", values("qdot"), dataset), other, Member("iql", values("iql"), dataset)
    )
    assert first is third
    assert second is not first


def test_critics_on_other_data_are_kept_apart() -> None:
    first, second = critics(*(Member(name, values(name), random_dataset()) for name in ("qdot", "iql")))
    assert first is not second


class Breaks(DDPGBC):
    """DDPG+BC that raises at step 7."""

    def improve(self, batch: Batch, target_q: torch.Tensor, step: int) -> Improved:
        if step == 7:
            raise RuntimeError("its own fault")
        return super().improve(batch, target_q, step)


def test_a_member_that_raises_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, dataset = registry.get, random_dataset()
    monkeypatch.setattr(registry, "get", lambda name: Breaks if name == "ddpg_bc" else plain(name))
    names = ("ddpg_bc", "iql", "nonesuch", "bc")
    found = {"nonesuch": values("bc")}
    members = [Member(name, found.get(name) or values(name), dataset, directories(tmp_path / name)) for name in names]
    broken, iql, unknown, bc = train_family(members, SEEDS)
    assert [str(outcome.reason) for outcome in broken] == ["its own fault"] * 2
    assert all("'nonesuch' is not built" in str(outcome.reason) for outcome in unknown)
    assert [outcome.status for outcome in (*iql, *bc)] == ["ok"] * 4
    train("iql", values("iql"), dataset, SEEDS, directories=directories(tmp_path / "alone"))
    for path in (f"seed{seed}/policy.safetensors" for seed in SEEDS):
        assert (tmp_path / "iql" / path).read_bytes() == (tmp_path / "alone" / path).read_bytes()
    assert not (tmp_path / "ddpg_bc").exists()
    with pytest.raises(RuntimeError, match="its own fault"):
        train("ddpg_bc", values("ddpg_bc"), dataset, SEEDS)


def test_members_whose_critic_breaks_fail_together_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a step may have been taken: none of them goes on from it."""
    plain, dataset = Critic.finish, random_dataset()

    def starved(self: Critic, batch: Batch) -> dict[str, torch.Tensor]:
        if self.config.expectile == 0.7:
            raise MemoryError("nothing left")
        return plain(self, batch)

    monkeypatch.setattr(Critic, "finish", starved)
    members = [Member(name, values(name), dataset) for name in ("iql", "ddpg_bc", "bc")]
    members.append(Member("iql", values("iql", expectile=0.9), dataset))
    iql, ddpg_bc, bc, other = train_family(members, SEEDS)
    assert {str(outcome.reason) for outcome in (*iql, *ddpg_bc)} == {"nothing left"}
    assert [outcome.status for outcome in (*bc, *other)] == ["ok"] * 4


def test_members_of_other_lengths_are_refused() -> None:
    dataset = random_dataset()
    members = [Member(name, values(name, {"steps": steps}), dataset) for name, steps in (("iql", 20), ("bc", 30))]
    with pytest.raises(ParamsError, match=r"train.steps: found \[20, 30\] in one family"):
        train_family(members, SEEDS)
