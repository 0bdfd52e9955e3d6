"""Our values of a cell as d3rlpy's configurations."""

from collections.abc import Mapping
from typing import Any

import d3rlpy
from d3rlpy.optimizers import AdamFactory
from d3rlpy.optimizers.lr_schedulers import CosineAnnealingLRFactory


def bc_config(values: Mapping[str, Any]) -> Any:
    """BC with a deterministic policy and the squared error, the package's default."""
    train, own = values["train"], values["algorithm_values"]
    return d3rlpy.algos.BCConfig(
        batch_size=train["batch_size"],
        learning_rate=train["learning_rate"],
        optim_factory=actor_adam(train),
        encoder_factory=encoder(train, own["actor_dropout"]),
    )


def iql_config(values: Mapping[str, Any]) -> Any:
    """IQL; where the values are BC's, its critic is not trained."""
    train, own = values["train"], values["algorithm_values"]
    given = {"expectile": "expectile", "weight_temp": "temperature", "max_weight": "max_weight"}
    return d3rlpy.algos.IQLConfig(
        batch_size=train["batch_size"],
        actor_learning_rate=train["learning_rate"],
        critic_learning_rate=train["learning_rate"],
        gamma=train["discount"],
        tau=train["target_update_rate"],
        actor_optim_factory=actor_adam(train),
        actor_encoder_factory=encoder(train, own["actor_dropout"]),
        critic_encoder_factory=encoder(train),
        value_encoder_factory=encoder(train),
        **{theirs: own[ours] for theirs, ours in given.items() if ours in own},
    )


def td3_bc_config(values: Mapping[str, Any]) -> Any:
    """TD3+BC."""
    train, own = values["train"], values["algorithm_values"]
    return d3rlpy.algos.TD3PlusBCConfig(
        batch_size=train["batch_size"],
        actor_learning_rate=train["learning_rate"],
        critic_learning_rate=train["learning_rate"],
        gamma=train["discount"],
        tau=train["target_update_rate"],
        actor_optim_factory=actor_adam(train),
        actor_encoder_factory=encoder(train),
        critic_encoder_factory=encoder(train),
        alpha=own["q_gain"],
        target_smoothing_sigma=own["policy_noise"],
        target_smoothing_clip=own["noise_clip"],
        update_actor_interval=own["policy_delay"],
    )


def encoder(train: Mapping[str, Any], dropout: float = 0.0) -> Any:
    """Hidden layers with ReLU, and dropout after each where the rate is not 0."""
    return d3rlpy.models.VectorEncoderFactory(hidden_units=list(train["hidden"]), dropout_rate=dropout or None)


def actor_adam(train: Mapping[str, Any]) -> AdamFactory:
    """Adam with the schedule that our actors have."""
    cosine = train["actor_schedule"] == "cosine"
    return AdamFactory(lr_scheduler_factory=CosineAnnealingLRFactory(T_max=train["steps"]) if cosine else None)
