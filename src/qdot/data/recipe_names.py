"""Names of the collection recipes: data only, so that the workflow can ask without importing a simulator."""

RECIPES = {
    "pointmaze-umaze": "qdot.data.collect_maze",
    "halfcheetah-replay": "qdot.data.collect_halfcheetah",
    "pendulum": "qdot.data.collect_pendulum",
}
