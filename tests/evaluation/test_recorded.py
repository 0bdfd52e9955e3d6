"""A watched environment gives the numbers of an unwatched one, and is looked at when it is time."""

import gymnasium
import numpy as np

from qdot.evaluation.recorded import Recorded


def test_looking_changes_nothing_and_happens_on_time() -> None:
    plain = gymnasium.make("Pendulum-v1")
    watched = Recorded(gymnasium.make("Pendulum-v1"), lambda _, seen: seen.copy(), every=4, until=9)
    for _ in range(2):  # a second episode forgets the first
        seen = [environment.reset(seed=1)[0] for environment in (plain, watched)]
        path = [seen[0]]
        for step in range(14):
            action = np.array([np.sin(step)], np.float32)
            found, expected = watched.step(action), plain.step(action)
            assert np.array_equal(found[0], expected[0])
            assert found[1:4] == expected[1:4]
            path.append(expected[0])
        assert watched.steps == [0, 4, 8]
        assert np.array_equal(watched.seen, [path[step] for step in watched.steps])
