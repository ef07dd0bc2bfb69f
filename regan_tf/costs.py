"""What a run costs, counted on its networks as published."""

import dataclasses
from functools import cached_property

import tensorflow as tf

from regan_tf.metrics.cost import NETWORKS, TrainingCost, training_cost
from regan_tf.metrics.flops import count_parameters, layer_costs
from regan_tf.pruning import mask_networks
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
        """The `Networks` as published, untrained."""
        network = dataclasses.replace(
            self.config.network, fuse_resampling=False
        )
        config = dataclasses.replace(self.config, network=network)
        with tf.device("CPU:0"):
            networks = build(config)
            if config.method.masks and config.method.prune != "none":
                mask_networks(networks, config.method)
        return networks

    @cached_property
    def views(self):
        """The two models of the last view."""
        return self._both(self.config.stages.pieces[-1].view)

    def _both(self, view):
        networks = self.networks
        return networks.generators[view], networks.discriminators[view]

    @cached_property
    def _costs(self):
        views = [piece.view for piece in self.config.stages.pieces]
        return {v: [layer_costs(x) for x in self._both(v)] for v in views}

    def layers_of(self, view):
        """`layer_costs` of generator and discriminator in a view."""
        return self._costs[view]

    @property
    def layers(self):
        """JSON-ready: a dict for each layer with a kernel, as in the last
        view."""
        last = self.layers_of(self.config.stages.pieces[-1].view)
        return [
            {
                "network": network,
                "layer": cost.name,
                "kind": cost.kind,
                "kernel": cost.kernel,
                "macs": cost.macs,
                "masked": cost.masked,
            }
            for network, costs in zip(NETWORKS, last, strict=True)
            for cost in costs
        ]

    @property
    def parameters(self):
        """Parameters of each network, in all its stages, by name."""
        both = self.networks.generator, self.networks.discriminator
        return {n.name: count_parameters(n)[0] for n in both}

    def at(self, step) -> TrainingCost:
        """Cost of the first `step` steps."""
        return training_cost(self.config, self.layers_of, steps=step)

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
