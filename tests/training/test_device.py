"""On a GPU: the same steps as on the CPU up to roundings, the same bits again, and no step waits for the device."""

from pathlib import Path

import pytest
import torch
from tiny_cells import random_dataset, values, with_dropout

from qdot.algorithms import registry
from qdot.training.device import MOST_OPEN, Clock, Streams
from qdot.training.family import Family, Member
from qdot.training.loop import train_family

SEEDS = [0, 3]
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")


def test_on_the_host_seconds_go_to_their_account_and_members_run_in_turn() -> None:
    clock, streams, order = Clock("cpu"), Streams("cpu"), []
    for account in ("a", "b", "a"):
        with streams.beside(account), clock.charging(account):
            order.append(account)
    streams.join()
    assert order == ["a", "b", "a"]
    assert clock.seconds("a") > 0.0
    assert clock.seconds("nobody") == 0.0


def test_what_fails_is_not_charged() -> None:
    clock = Clock("cpu")
    with pytest.raises(ValueError, match="broken"), clock.charging("a"):
        raise ValueError("broken")
    assert clock.seconds("a") == 0.0


def run(name: str, device: str, top: Path, compile_from: int | None) -> dict[int, list[list[float]]]:
    """The curves of each seed."""
    folders = {seed: top / str(seed) for seed in SEEDS}
    member = Member(name, values(name, {"compile_from": compile_from}, **with_dropout(name, 0.1)), random_dataset(5, 3))
    member.directories = folders
    (outcomes,) = train_family([member], SEEDS, device)
    assert member.error is None
    assert [outcome.status for outcome in outcomes] == ["ok", "ok"]
    assert all(outcome.seconds > 0 for outcome in outcomes)
    lines = {seed: (folder / "curve.csv").read_text().splitlines()[1:] for seed, folder in folders.items()}
    return {seed: [[float(value) for value in line.split(",")] for line in rows] for seed, rows in lines.items()}


@needs_gpu
@pytest.mark.parametrize("compile_from", [None, 1])
@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_a_run_on_a_gpu_is_near_one_on_the_host(name: str, compile_from: int | None, tmp_path: Path) -> None:
    host, gpu = run(name, "cpu", tmp_path / "host", None), run(name, "cuda", tmp_path / "gpu", compile_from)
    for seed in SEEDS:
        for expected, found in zip(host[seed], gpu[seed], strict=True):
            assert found == pytest.approx(expected, rel=2e-2, abs=2e-3, nan_ok=True)


@needs_gpu
@pytest.mark.parametrize("compile_from", [None, 1])
def test_a_family_on_a_gpu_gives_the_same_bytes_again_and_those_of_one_alone(
    compile_from: int | None, tmp_path: Path
) -> None:
    names, dataset = ["qdot", "iql", "td3_bc"], random_dataset(5, 3)

    def train(chosen: list[str], top: Path) -> None:
        members = [
            Member(name, values(name, {"compile_from": compile_from}), dataset, {0: top / name}) for name in chosen
        ]
        train_family(members, SEEDS, "cuda")
        assert [member.error for member in members] == [None] * len(members)

    for top in ("first", "again"):
        train(names, tmp_path / top)
    train(names[:1], tmp_path / "alone")
    for path in (
        f"{name}/{file}" for name in names for file in ("policy.safetensors", "state.safetensors", "curve.csv")
    ):
        first, again, alone = (tmp_path / top / path for top in ("first", "again", "alone"))
        assert first.read_bytes() == again.read_bytes(), path
        if path.startswith(names[0]):
            assert first.read_bytes() == alone.read_bytes(), path


@needs_gpu
def test_a_gpu_steps_without_the_host_and_tells_how_long() -> None:
    clock, numbers = Clock("cuda"), torch.randn(512, 512, device="cuda")
    for _ in range(MOST_OPEN + 10):
        with clock.charging("products"):
            numbers @ numbers
    assert 0.0 < clock.seconds("products") < 60.0


@needs_gpu
def test_a_step_on_a_gpu_never_waits_for_the_device() -> None:
    member = Member("qdot", values("qdot", {"compile_from": 1}), random_dataset(5, 3))
    family = Family([member], SEEDS, "cuda")
    for _ in range(3):
        family.advance()
    torch.cuda.set_sync_debug_mode("error")
    try:
        family.advance()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert member.error is None
