"""What the runs of the paper cost, counted without training or images."""

import dataclasses
from dataclasses import dataclass

from absl.testing import flagsaver

from regan_tf import flags
from regan_tf.config import ExperimentConfig
from regan_tf.metrics.cost import training_cost
from regan_tf.metrics.gpu_hours import said_hours
from regan_tf.paper.run_file import Run
from regan_tf.run import planned

_counted: dict = {}


@dataclass(frozen=True)
class Expected:
    """The cost of a run.

    Attributes:
        trainings: how many it is made of: more than one for tickets.
        images: real images shown to the discriminator, in all of them.
        flops: of both networks without pruning, penalties, augmentation and
            scores, in all of them.
    """

    trainings: int
    images: int
    flops: int

    def __str__(self) -> str:
        """Such as "32.0M real images, 2.1 h"."""
        return f"{self.images / 1e6:.3g}M real images, {said_hours(self.flops)}"


def config_of(run: Run) -> ExperimentConfig:
    """The configuration of a run, durations as its flags have them; flags
    must be defined.

    Raises:
        UserError: flags that do not make a run.
    """
    with flagsaver.flagsaver():
        flags.parse(["", *run.words])
        return flags.config_from_flags()


def expected(run: Run) -> Expected:
    """The cost of `run`; its networks are built once for all runs that share
    them.

    Raises:
        UserError: it does not fit its data.
    """
    config = planned(config_of(run))
    trainings = config.method.trainings
    # Hardware multiplies by zeros, too.
    method = dataclasses.replace(config.method, prune="none")
    dense = dataclasses.replace(config, method=method)
    cost = training_cost(dense, _layers(dense).get)
    flops = cost.dense.as_dict()["total"]
    return Expected(trainings, trainings * cost.images_shown, trainings * flops)


def _layers(config: ExperimentConfig) -> dict:
    """`layer_costs` of both networks, by view."""
    from regan_tf.costs import RunCost

    views = tuple(piece.view for piece in config.stages.pieces)
    key = config.network, views
    if key not in _counted:
        cost = RunCost(config)
        _counted[key] = {view: cost.layers_of(view) for view in views}
    return _counted[key]
