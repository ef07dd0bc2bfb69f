"""Schedules of tensorflow-model-optimization, without its side effects.

Importing that package sets `TF_USE_LEGACY_KERAS` for this process and its
children, which turns `tf.keras` into Keras 2. Only the one file that holds the
schedules is loaded here; it needs nothing but TensorFlow.
"""

import importlib.util
import os
import types
from collections.abc import Callable

from regan_tf.errors import UserError
from regan_tf.regan.schedule import GeneralSchedule, parse_schedule

_FILE = "python/core/sparsity/keras/pruning_schedule.py"


def load_pruning_schedules() -> types.ModuleType:
    """The module `pruning_schedule` of tensorflow-model-optimization.

    Raises:
        UserError: the package is not installed.
    """
    spec = importlib.util.find_spec("tensorflow_model_optimization")
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            "--method=gmp and --sparsity_schedule need tensorflow-model-"
            "optimization; run: pip install tensorflow-model-optimization"
        )
    path = os.path.join(spec.submodule_search_locations[0], _FILE)
    spec = importlib.util.spec_from_file_location("pruning_schedule", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def schedule_from_text(text: str) -> Callable:
    """A schedule from a flag's text, see `parse_schedule`."""
    name, numbers = parse_schedule(text)
    module = load_pruning_schedules()
    kind = {
        "polynomial": module.PolynomialDecay,
        "constant": module.ConstantSparsity,
    }[name]
    return GeneralSchedule(kind(*numbers))


def gradual_schedule(
    sparsity: float, begin: int, end: int, interval: int
) -> Callable:
    """Gradual magnitude pruning (Zhu & Gupta 2017, arXiv:1710.01878).

    Args:
        sparsity: at `end`; it rises from 0 at `begin` as 1 − (1 − t)³.
        begin, end: first and last step at which masks change.
        interval: steps from one change to the next.
    """
    decay = load_pruning_schedules().PolynomialDecay(
        0.0, sparsity, begin, end, power=3, frequency=interval
    )
    return GeneralSchedule(decay, needs_dense=False)
