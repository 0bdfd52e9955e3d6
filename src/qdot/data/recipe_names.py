"""Names of the collection recipes: data only, so that the workflow can ask without importing a simulator."""

RECIPES = ("pendulum", "pointmaze-umaze", "halfcheetah-replay")


def recipe_module(recipe: str) -> str:
    """The module that collects a recipe's episodes."""
    return f"qdot.data.recipes.{recipe.replace('-', '_')}"
