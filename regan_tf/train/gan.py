"""Two networks, their optimisers, and all that a checkpoint must hold."""

import keras

from regan_tf.ema import MovingAverage
from regan_tf.nets import build_networks
from regan_tf.precision import computing_in
from regan_tf.regan.learning_rate import SwitchableDecay
from regan_tf.stages import View
from regan_tf.train.adam import CountingAdam
from regan_tf.train.loss_scale import LossScale


class GAN:
    """Networks and optimisers of a run, made from its configuration.

    To be made inside the strategy's scope.

    Args:
        config: an `ExperimentConfig` whose durations are steps.

    Attributes:
        networks: the `Networks`, whole and by `View`.
        generator, discriminator: their whole models, of all stages.
        view: the `View` being trained, set by the loop.
        generator_optimizer, discriminator_optimizer: built Adam optimisers,
            within a `LossScale` where networks compute in float16.
        average: the `MovingAverage` of the generator, or None.
        stop_training: set by a callback to end training.
    """

    def __init__(self, config):
        self.stop_training = False
        self.latent_dim = config.network.latent_dim
        self.networks = self._delivers = build(config)
        self.generator = self.networks.generator
        self.discriminator = self.networks.discriminator
        self.last_view = self.view = View(config.data.resolution, False)
        self.average = None
        training = config.training
        if training.ema_decay:
            self._delivers = build(config)
            self.average = MovingAverage(
                self.generator, self._delivers.generator, training.ema_decay
            )
        self.generator_rate = _rate(training, 1)
        self.discriminator_rate = _rate(training, training.critic_steps)
        self.generator_optimizer = _adam(training, self.generator_rate)
        self.discriminator_optimizer = _adam(training, self.discriminator_rate)
        # Unbuilt optimisers would create variables inside the traced step.
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(
            self.discriminator.trainable_variables
        )

    @property
    def optimizer(self):
        """The generator's optimiser: what Keras' own callbacks look for."""
        return self.generator_optimizer

    @property
    def delivered(self):
        """The generator that a run scores and exports: of the last stage,
        and averaged where the recipe has an average."""
        return self._delivers.generators[self.last_view]

    @property
    def sampled(self):
        """The same of the stage being trained."""
        return self._delivers.generators[self.view]

    def layers_in_use(self, network):
        """Names of the layers that the present view computes with.

        Args:
            network: "generator" or "discriminator".
        """
        view = getattr(self.networks, f"{network}s")[self.view]
        return {layer.name for layer in view._flatten_layers()}

    @property
    def loss_scales(self):
        """What float16 gradients are scaled by, as floats; else empty."""
        owners = {
            "generator": self.generator_optimizer,
            "discriminator": self.discriminator_optimizer,
        }
        return {
            f"loss_scale/{owner}": float(optimizer.dynamic_scale.numpy())
            for owner, optimizer in owners.items()
            if isinstance(optimizer, LossScale)
        }

    @property
    def state(self):
        """Every variable of networks and optimisers, by a unique name."""
        owners = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }
        if self.average:
            owners["average"] = self.average.average
        named = {}
        for owner, thing in owners.items():
            # Named, not positional, so that a checkpoint of other networks
            # cannot be restored into these by accident.
            for variable in thing.variables:
                named[f"{owner}/{variable.path}"] = variable.value
        # Optimisers do not count their schedules' variables as their own.
        for owner in ("generator_rate", "discriminator_rate"):
            named[f"{owner}/factor"] = getattr(self, owner).factor.value
        return named


def build(config):
    """The `Networks` of an `ExperimentConfig`, which compute in its
    precision."""
    with computing_in(config.training.precision):
        return build_networks(
            config.network.arch,
            resolution=config.data.resolution,
            latent_dim=config.network.latent_dim,
            widths=(
                config.network.generator_width,
                config.network.discriminator_width,
            ),
            masked=(
                config.method.prunes("generator"),
                config.method.prunes("discriminator"),
            ),
            fused=config.network.fuse_resampling,
        )


def _rate(training, updates_per_step):
    decay_steps = training.steps if training.lr_decay == "linear" else None
    return SwitchableDecay(
        training.learning_rate, decay_steps, updates_per_step
    )


def _adam(training, rate):
    # Layers that join later are to take first steps of the usual size.
    kind = CountingAdam if training.stage_lengths else keras.optimizers.Adam
    adam = kind(
        rate,
        beta_1=training.beta1,
        beta_2=training.beta2,
        epsilon=1e-8,  # PyTorch's default, which the recipes were tuned with
        name="adam",  # in checkpoints; unnamed ones are numbered as made
    )
    if training.precision != "float16":
        return adam
    return LossScale(adam, name="loss_scale")
