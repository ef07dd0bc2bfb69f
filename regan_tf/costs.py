"""What a run costs, counted on its networks as published."""

import dataclasses
from functools import cached_property

import tensorflow as tf

from regan_tf.metrics.cost import TrainingCost, training_cost
from regan_tf.metrics.flops import count_parameters, layer_costs
from regan_tf.train.gan import build


class RunCost:
    """Theoretical cost of a run, in total or until a step.

    Counted without fusing, which saves some of the operations: every other
    figure in the field counts them.

    Args:
        config: `ExperimentConfig` whose durations are steps.
    """

    def __init__(self, config):
        self.config = config

    @cached_property
    def networks(self):
        """Generator and discriminator as published, untrained."""
        network = dataclasses.replace(
            self.config.network, fuse_resampling=False
        )
        config = dataclasses.replace(self.config, network=network)
        with tf.device("CPU:0"):
            return build(config)

    @cached_property
    def _costs(self):
        return [layer_costs(network) for network in self.networks]

    @property
    def layers(self):
        """JSON-ready: a dict for each layer with a kernel."""
        return [
            {
                "network": network.name,
                "layer": cost.name,
                "kind": cost.kind,
                "kernel": cost.kernel,
                "macs": cost.macs,
                "masked": cost.masked,
            }
            for network, costs in zip(self.networks, self._costs, strict=True)
            for cost in costs
        ]

    @property
    def parameters(self):
        """Parameters of each network, by name."""
        return {n.name: count_parameters(n)[0] for n in self.networks}

    def at(self, step) -> TrainingCost:
        """Cost of the first `step` steps."""
        return training_cost(self.config, *self._costs, steps=step)

    def until(self, step):
        """The same in four figures, JSON-ready.

        "images_shown" counts real images shown to the discriminator;
        "paper_flops" is the paper's count where its formula is identified,
        else null.
        """
        cost = self.at(step)
        return {
            "images_shown": cost.images_shown,
            "theoretical_flops": sum(vars(cost.dense).values()),
            "theoretical_sparse_flops": sum(vars(cost.weighted).values()),
            "paper_flops": cost.paper_run,
        }
