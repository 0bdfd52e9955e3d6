"""Policy files: round trip, acting in the environment's units, refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from tiny_cells import random_dataset, trained

import qdot
from qdot.algorithms import registry
from qdot.errors import ParamsError, QdotError, ResultsError
from qdot.training.checkpoint import Policy


@pytest.fixture(scope="module")
def contents() -> dict[str, bytes]:
    return {name: trained(name, random_dataset(3, 2)) for name in registry.BUILT_IN}


def streams(rows: int) -> list[np.random.Generator]:
    return [np.random.default_rng(row) for row in range(rows)]


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_a_policy_survives_its_file_bitwise(name: str, contents: dict[str, bytes], tmp_path: Path) -> None:
    policy = Policy.from_bytes(contents[name])
    policy.save(tmp_path / "policy.safetensors")
    loaded = qdot.load_policy(tmp_path / "policy.safetensors")
    assert loaded.to_bytes() == contents[name]
    observations = np.random.default_rng(0).standard_normal((10, 3))
    for readout in policy.readouts:
        actions = [p.act(observations, readout, streams(10)) for p in (policy, loaded)]
        assert actions[0].shape == (10, 2)
        assert actions[0].dtype == np.float32
        assert np.array_equal(*actions)
    assert (loaded.description["seed"], loaded.description["step"], loaded.algorithm) == (6, 5, name)


def test_actions_are_in_the_environments_units(contents: dict[str, bytes]) -> None:
    """The dataset's bounds are [-3, 1] and [-1, 5]."""
    policy = Policy.from_bytes(contents["bc"])
    observations = np.random.default_rng(0).standard_normal((10, 3)).astype(np.float32)
    with torch.no_grad():
        inside = policy.model.policy.mean(torch.from_numpy(observations)[None])[0].numpy()
    expected = np.array([-1.0, 2.0]) + inside * np.array([2.0, 3.0])
    np.testing.assert_allclose(policy.act(observations), expected, rtol=1e-5, atol=1e-6)


def test_each_row_samples_from_its_own_generator(contents: dict[str, bytes]) -> None:
    policy = Policy.from_bytes(contents["qdot"])
    observations = np.random.default_rng(0).standard_normal((4, 3))
    full = policy.act(observations, "best_of_n", streams(4))
    order = [2, 0, 3, 1]
    shuffled = policy.act(observations[order], "best_of_n", [streams(4)[row] for row in order])
    np.testing.assert_allclose(shuffled, full[order], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="found none generators, expected one per row"):
        policy.act(observations, "best_of_n")


def test_a_wrong_call_is_refused(contents: dict[str, bytes]) -> None:
    policy = Policy.from_bytes(contents["iql"])
    with pytest.raises(ParamsError, match="iql has: policy"):
        policy.act(np.zeros((1, 3)), "map")
    with pytest.raises(ValueError, match=r"found shape \(1, 4\), expected \(n, 3\)"):
        policy.act(np.zeros((1, 4)))


def altered(content: bytes, **changes: object) -> bytes:
    tensors = safetensors.torch.load(content)
    description = json.loads(json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]["qdot"])
    return safetensors.torch.save(tensors, {"qdot": json.dumps(description | changes)})


def test_damaged_and_alien_files_are_refused_by_name(contents: dict[str, bytes], tmp_path: Path) -> None:
    whole, path = contents["qdot"], tmp_path / "policy.safetensors"
    alien = safetensors.torch.save({"weight": torch.zeros(2)})
    config = {"hidden": [64, 64], "steps": 1, "learning_rate": 0.1, "actor_schedule": "cosine", "actor_dropout": 0.0}
    cases = {
        "damaged": [whole[:-10], whole[:4], b"", b"{}" * 50, whole[:100]],
        "no description by qdot": [alien],
        "schema None, expected 2": [safetensors.torch.save({"weight": torch.zeros(2)}, {"qdot": "[]"})],
        "schema 99, expected 2": [altered(whole, schema=99)],
        "no policy that this version can read": [
            altered(whole, config={"x": 1}),
            altered(whole, algorithm="bc", config=config),
            altered(whole, observation_dim=4),
        ],
        "'alien' is not built": [altered(whole, algorithm="alien")],
    }
    for message, files in cases.items():
        for content in files:
            path.write_bytes(content)
            with pytest.raises(QdotError, match=message) as caught:
                qdot.load_policy(path)
            assert str(path) in str(caught.value) or "not built" in message
    with pytest.raises(ResultsError, match=r"missing\.safetensors: cannot be read"):
        qdot.load_policy(tmp_path / "missing.safetensors")
