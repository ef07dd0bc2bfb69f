"""The methods by name: when each prunes, and which weights.

Importable without TensorFlow.
"""

import sys
from collections.abc import Callable

from regan_tf.errors import UserError
from regan_tf.regan.schedule import AlternatingSchedule, EachStage
from regan_tf.regan.steady import SteadySchedule
from regan_tf.regan.updaters import (
    ExchangingUpdater,
    MagnitudeUpdater,
    RandomUpdater,
)


def make_schedule(config) -> Callable | None:
    """The schedule that an `ExperimentConfig` (in steps) asks for.

    Methods, each counted from the start of the last stage of training but for
    "regan", which may have phases in all:

    - "regan": `AlternatingSchedule` of the paper, or --sparsity_schedule.
    - "acdc" (Peste et al. 2021, arXiv:2106.12379): the same at one learning
      rate. Nothing ends the last sparse phase that has its full length: it
      goes on to the end of training, for less than three. (The authors' CIFAR
      runs do so; on ImageNet they lengthen the last dense phase too.)
    - "gmp" (Zhu & Gupta 2017, arXiv:1710.01878): `PolynomialDecay` of
      tensorflow-model-optimization.
    - "one_shot", "random": `SteadySchedule`, whose masks stay.
    - "set", "rigl": `SteadySchedule`, whose masks change until three quarters
      of the run.
    - "fixed": `SteadySchedule` from step 0 of all stages.

    Returns:
        None if nothing is pruned.

    Raises:
        UserError: the run is too short for its method.
    """
    method = config.method
    if method.prune == "none":
        return None
    return _MAKERS[method.method](config)


def _regan(config) -> Callable:
    method = config.method
    if method.sparsity_schedule:
        # Loads TensorFlow, which the alternation does not need.
        from regan_tf.regan.tfmot_bridge import schedule_from_text

        return schedule_from_text(method.sparsity_schedule)
    alternation = AlternatingSchedule(
        method.sparsity,
        method.warmup,
        method.update_interval,
        method.grow_lr_factor,
    )
    starts = tuple(stage.start for stage in config.stages)
    if method.regan_stages == "last":
        starts = starts[-1:]
    return alternation if starts == (0,) else EachStage(alternation, starts)


def _acdc(config) -> Callable:
    method, begin = config.method, _begin(config)
    interval = method.update_interval
    whole = (config.training.steps - begin) // interval
    last = begin + (whole - 1) // 2 * 2 * interval
    return AlternatingSchedule(
        method.sparsity,
        begin,
        interval,
        grow_lr_factor=1.0,
        last=last if whole > 0 else sys.maxsize,
    )


def _gmp(config) -> Callable:
    from regan_tf.regan.tfmot_bridge import gradual_schedule

    begin, end = _changing(config)
    interval = config.method.update_interval
    # The sparsity asked for is reached at a turn or never.
    end = begin + (end - begin) // interval * interval
    return gradual_schedule(config.method.sparsity, begin, end, interval)


def _steady(config) -> Callable:
    return SteadySchedule(config.method.sparsity, _begin(config))


def _fixed(config) -> Callable:
    return SteadySchedule(config.method.sparsity, 0)


def _exchanging(config) -> Callable:
    method = config.method
    begin, end = _changing(config)
    return SteadySchedule(method.sparsity, begin, method.update_interval, end)


def _begin(config) -> int:
    """Step of the first masks, in the last stage."""
    return config.stages.last.start + config.method.warmup


def _changing(config) -> tuple[int, int]:
    """Steps from and until which masks change."""
    method, start = config.method, config.stages.last.start
    begin = _begin(config)
    end = start + 3 * (config.training.steps - start) // 4
    if end - begin <= method.update_interval:
        raise UserError(
            f"--method={method.method} must change masks again before three "
            f"quarters of the run, step {end}; raise --steps, or lower "
            "--warmup or --update_interval. Received: first masks at step "
            f"{begin}, --update_interval={method.update_interval}"
        )
    return begin, end


_MAKERS = {
    "regan": _regan,
    "acdc": _acdc,
    "gmp": _gmp,
    "one_shot": _steady,
    "random": _steady,
    "set": _exchanging,
    "rigl": _exchanging,
    "fixed": _fixed,
}


def make_updater(
    config, schedule: Callable, seed: tuple[int, ...], gradients: Callable
) -> Callable:
    """The updater of one network that an `ExperimentConfig` asks for.

    Args:
        config: its durations in steps.
        schedule: its `make_schedule`.
        seed: integers of the run and the network.
        gradients: as of `ExchangingUpdater`.
    """
    method = config.method
    if method.method == "random":
        return RandomUpdater(seed)
    if method.method == "set":
        return ExchangingUpdater(seed, schedule.drop_fraction)
    if method.method == "rigl":
        return ExchangingUpdater(seed, schedule.drop_fraction, gradients)
    return MagnitudeUpdater(method.prune_scope)
