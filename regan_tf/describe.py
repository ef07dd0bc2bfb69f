"""What a run is going to do, in words: `--dry_run` and the start of a run."""

import numpy as np

from regan_tf.costs import RunCost
from regan_tf.metrics.flops import layer_costs, layer_table
from regan_tf.metrics.gpu_hours import ASSUMED, said_hours
from regan_tf.pruning import pruners_of
from regan_tf.regan.layers import masked_layers
from regan_tf.regan.methods import make_schedule
from regan_tf.regan.timetable import phases, turns
from regan_tf.train.gan import build

_SHOWN = 6  # phases printed at the start of the timetable


def describe(config):
    """Configuration, networks and timetable of a run.

    Args:
        config: `ExperimentConfig` whose durations are steps.

    Raises:
        UserError: nothing can be pruned, or `mask_exclude` names no layer.
    """
    built = build(config)
    networks = built.generator, built.discriminator
    cost = RunCost(config)
    total = cost.at(config.training.steps)
    if config.method.prune != "none":
        pruners_of(built, config.method)
    return "\n".join(
        [
            "configuration:",
            describe_config(config),
            *map(describe_network, networks),
            "timetable:",
            describe_timetable(config, make_schedule(config)),
            str(total),
            describe_hours(total.dense.as_dict()["total"]),
            *(
                f"operations of the {network.name}, as published:\n"
                + layer_table(layer_costs(network))
                for network in cost.views
            ),
        ]
    )


def describe_config(config):
    """The resolved configuration, a line a setting."""
    flat = config.as_dict()
    width = max(map(len, flat))
    return "\n".join(f"  {name:<{width}}  {v}" for name, v in flat.items())


def describe_network(model):
    """A network's layers with parameters, and its totals."""
    lines = [f"{model.name}:"]
    for layer in model.layers:
        count = _count(layer.trainable_variables)
        if count:
            shape = "×".join(str(n) for n in layer.output.shape[1:])
            lines.append(f"  {layer.name:<16} {shape:>12} {count:>12,}")
    pairs = [p for x in masked_layers(model) for p in x.masked_weights]
    kernels = [v for v in model.trainable_variables if len(v.shape) > 1]
    lines.append(
        f"  {_count(model.trainable_variables):,} parameters, of them "
        f"{_count(kernels):,} in kernels, {_count(k for k, _ in pairs):,} "
        "under masks"
    )
    return "\n".join(lines)


def _count(variables):
    return sum(int(np.prod(v.shape)) for v in variables)


def describe_timetable(config, schedule):
    """Phases with steps and learning rates, and images that are shown.

    Args:
        config: `ExperimentConfig` whose durations are steps.
        schedule: the schedule of the run, or None for dense training.
    """
    training = config.training
    lines = []
    if schedule is None:
        lines.append(f"dense training, {training.steps:,} steps")
    else:
        table = list(phases(schedule, training.steps))
        lines += [_phase_line(p, config) for p in table[:_SHOWN]]
        if len(table) > _SHOWN + 1:
            lines.append(f"  … {len(table) - _SHOWN - 1} more phases …")
        if len(table) > _SHOWN:
            lines.append(_phase_line(table[-1], config))
        for kind in ("warm-up", "sparse", "dense"):
            steps = sum(p.end - p.start for p in table if p.kind == kind)
            lines.append(f"  {kind} in total: {steps:,} steps")
        lines.append(_turns_line(schedule, training.steps))
    lines += map(_stage_line, config.stages if len(config.stages) > 1 else ())
    shown = config.stages.images_at(training.steps)
    decay = "falls linearly to 0" if training.lr_decay == "linear" else "stays"
    lines.append(
        f"  learning rate {training.learning_rate:g} of both networks {decay}"
    )
    lines.append(f"  images shown to the discriminator: {shown:,}")
    return "\n".join(lines)


def describe_hours(flops):
    """How long so many operations take on a GPU that is assumed.

    Args:
        flops: of both networks, dense: zeros are multiplied, too.
    """
    return (
        f"  about {said_hours(flops)} on one {ASSUMED}: assumed, not measured, "
        "and without penalties, augmentation and scores"
    )


def _stage_line(stage):
    fade = f", fading in to {stage.fade_end:,}"
    return (
        f"  {stage.resolution:>3} pixels: steps {stage.start:>7,} to "
        f"{stage.end:>7,}, batches of {stage.batch_size}"
        + fade
        * (stage.fade_end > stage.start)
    )


def _turns_line(schedule, steps):
    made = [turn for turn in turns(schedule, steps) if turn[1]]
    if not made:
        return "  no masks"
    (first, low), (last, high) = made[0], made[-1]
    when = f"once, at step {first:,}"
    if len(made) > 1:
        when = f"{len(made):,} times, at steps {first:,} to {last:,}"
    rising = f", sparsity {low:g} to {high:g}" * (low != high)
    return f"  masks made {when}{rising}"


def _phase_line(phase, config):
    training = config.training
    rate = training.learning_rate
    if training.lr_decay == "linear":
        rate *= 1 - phase.start / training.steps
    pruned = rate * phase.lr_factor
    rates = {
        name: pruned if config.method.prunes(name) else rate
        for name in ("generator", "discriminator")
    }
    cut = "" if phase.complete else " (cut off by the end of training)"
    return (
        f"  {phase.kind:<8} steps {phase.start:>7,} to {phase.end:>7,}  "
        f"sparsity {phase.sparsity:<5g} learning rates G "
        f"{rates['generator']:.3g}, D {rates['discriminator']:.3g}{cut}"
    )
