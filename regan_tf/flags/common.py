"""What the flags of several parts share."""

from absl import flags

from regan_tf.recipes import Recipe

FLAGS = flags.FLAGS

FROM_RECIPE = " [default: the architecture's recipe]"
LENGTH = " (steps, or as 20ep, 500kimg)"


def or_recipe(name: str, recipe: Recipe) -> object:
    """The flag's value, or the recipe's where it was not given."""
    value = FLAGS[name].value
    return getattr(recipe, name) if value is None else value


def from_flags(names: str, recipe: Recipe) -> dict[str, object]:
    """`or_recipe` of each of some names with spaces between."""
    return {name: or_recipe(name, recipe) for name in names.split()}
