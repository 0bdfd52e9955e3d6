"""How long a study will take, from a few measured steps of each kind of model and of each environment."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from qdot.algorithms.actor_critic import CRITIC_VALUES
from qdot.data.published import published_statistics
from qdot.envs.registry import find_spec, is_available
from qdot.evaluation.rollout import blocks
from qdot.provenance import digest
from qdot.stages.probe import Cost, environment_step, probe
from qdot.stages.train import default_device
from qdot.training.program import is_long, why_not

START = 3.0  # core-seconds from the start of a command or of its worker to its first work: imports, for the most part
COMPILED, COMPILING = 0.75, 30.0  # a compiled step's share of a plain one's time; core-seconds that a compiler takes
TRANSITIONS = 1_000_000  # of a dataset whose size nothing says before it is there
Job = Mapping[str, Any]


class Estimate:
    """Costs by kind of model and by environment, each measured once.

    Attributes:
        training: Core-seconds of the training jobs that were added.
        evaluation: Core-seconds of the evaluations, those during training included.
    """

    def __init__(self, processes: int = 1) -> None:
        """Start with nothing to do; `processes`: those that train a dataset's algorithms, each its own critic."""
        self.training = self.evaluation = 0.0
        self._processes = processes
        self._costs: dict[str, Cost] = {}
        self._critics: Counter[str] = Counter()
        self._steps: dict[str, float] = {}
        self._jobs: set[tuple[str, str]] = set()

    def add(self, job: Job) -> None:
        """Add the seeds of a train or evaluate job."""
        values, seeds, train = job["params"], job["seeds"], job["params"]["train"]
        if not seeds:
            return
        if job["stage"] == "train":
            self.training += self._start("train", values["dataset"]) * self._processes + self._train(values, seeds)
            if train["evaluate_every"]:
                times = math.ceil(train["steps"] / train["evaluate_every"])
                self.evaluation += self._start("evaluate during", values["dataset"]) * self._processes
                self.evaluation += self._play(
                    values, seeds, [values["primary_readout"]], times, train["evaluate_episodes"]
                )
        else:
            self.evaluation += 2 * self._start("evaluate", values["dataset"])
            self.evaluation += self._play(values, seeds, values["readouts"], 1, values["evaluate"]["episodes"])
            self.evaluation += self._inspect(values, seeds)

    def _start(self, what: str, dataset: str) -> float:
        """What a process takes to start: one for all algorithms of a dataset."""
        first = (what, dataset) not in self._jobs
        self._jobs.add((what, dataset))
        return START if first else 0.0

    def _train(self, values: Mapping[str, Any], seeds: list[int]) -> float:
        """Every step and look, without those of a critic that another algorithm of the process pays for."""
        cost, train = self._cost(values, seeds), values["train"]
        every = {**train, **values["algorithm_values"]}
        critic = digest(values["dataset"], seeds, [every.get(name) for name in CRITIC_VALUES])
        shared = cost.critic if self._critics[critic] >= self._processes else 0.0
        self._critics[critic] += 1
        looks = math.ceil(train["steps"] / train["log_every"])
        compiled = is_long(train) and why_not(default_device()) is None
        share, build = (COMPILED, cost.build + COMPILING) if compiled else (1.0, cost.build)
        return build + share * train["steps"] * (cost.step - shared) + looks * cost.look

    def _play(
        self, values: Mapping[str, Any], seeds: list[int], readouts: list[str], times: int, episodes: int
    ) -> float:
        """Evaluations of so many whole episodes, for each readout and seed."""
        environment = values["data"].get("environment")
        if not environment or not is_available(environment)[0]:
            return 0.0
        if environment not in self._steps:
            self._steps[environment] = environment_step(environment)
        cost, total = self._cost(values, seeds), 0.0
        horizon = find_spec(environment).max_episode_steps or 0
        calls, steps = len(blocks(environment, episodes)), episodes * horizon
        for readout in readouts:
            total += calls * (cost.load + horizon * cost.act[readout]) + steps * self._steps[environment]
        return len(seeds) * times * total

    def _inspect(self, values: Mapping[str, Any], seeds: list[int]) -> float:
        """What the last checkpoints of the seeds do to the data."""
        cost = self._cost(values, seeds)
        measured = sum(cost.measure[readout] for readout in values["readouts"])
        return len(seeds) * (measured + transitions(values) * cost.move)

    def _cost(self, values: Mapping[str, Any], seeds: list[int]) -> Cost:
        key = digest(values["method"], len(seeds), *(_shape(values[part]) for part in ("train", "algorithm_values")))
        if key not in self._costs:
            self._costs[key] = probe(values, seeds)
        return self._costs[key]


def transitions(values: Mapping[str, Any]) -> float:
    """About how many a dataset has: those of its recipe, else as published, else a million."""
    published = {row["quantity"]: row["value"] for row in published_statistics(values["dataset"])}
    return float(values["data"].get("recipe_steps") or published.get("rows", TRANSITIONS))


def _shape(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a model's speed may depend on: all but numbers with a point."""
    return {key: value for key, value in values.items() if not isinstance(value, float) and key != "steps"}
