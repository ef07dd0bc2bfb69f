"""Two networks, their optimisers, and all that a checkpoint must hold."""

import keras
import tensorflow as tf

from regan_tf.augment.apa import AdaptivePseudoAugmentation
from regan_tf.ema import MovingAverage, constant_decay, half_life_decay
from regan_tf.nets import build_networks
from regan_tf.perceptual import load_perceptual
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
        apa: the pseudo augmentation's state, or None.
        perceptual: function of how unlike images and reconstructions are,
            where the discriminator makes some.
        path_mean: mean path length of the generator so far.
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
        if training.averages:
            self._delivers = build(config)
            self.average = MovingAverage(
                self.generator, self._delivers.generator, _decay(training)
            )
        self.apa = _apa(config) if config.augment.apa else None
        self.perceptual = self._perceptual(config.penalty.perceptual_path)
        # Of the path lengths so far; every device computes the same.
        self.path_mean = tf.Variable(
            0.0,
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        intervals = config.penalty.intervals
        updates = {"generator": 1, "discriminator": training.critic_steps}
        ratios = {k: _lazy_ratio(intervals[k], n) for k, n in updates.items()}
        self.generator_rate, self.discriminator_rate = (
            _rate(training, n, intervals[name], ratios[name])
            for name, n in updates.items()
        )
        self.generator_optimizer = _adam(
            training, self.generator_rate, ratios["generator"]
        )
        self.discriminator_optimizer = _adam(
            training, self.discriminator_rate, ratios["discriminator"]
        )
        # Unbuilt optimisers would create variables inside the traced step.
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(
            self.discriminator.trainable_variables
        )

    def _perceptual(self, path):
        """What compares reconstructions, if there are any."""
        reconstructor = self.networks.reconstructor
        if reconstructor is None:
            return None
        return load_perceptual(path, side=reconstructor.output_shape[-1][1])

    @property
    def optimizer(self):
        """The generator's optimiser: what Keras' own callbacks look for."""
        return self.generator_optimizer

    @property
    def delivered(self):
        """The generator that a run scores and exports: of the last stage,
        and averaged where the recipe has an average."""
        return self._delivers.delivered(self.last_view)

    @property
    def sampled(self):
        """The same of the stage being trained."""
        return self._delivers.delivered(self.view)

    def layers_in_use(self, network):
        """Names of the layers that the present view computes with.

        Args:
            network: "generator" or "discriminator".
        """
        view = getattr(self.networks, f"{network}s")[self.view]
        return {layer.name for layer in view._flatten_layers()}

    @property
    def figures(self):
        """What logs get of the state, as floats: what float16 gradients are
        scaled by, strength of augmentation, mean path length."""
        figures = self._loss_scales()
        if self.apa:
            figures |= self.apa.figures
        if self.networks.mapping:
            figures["path_length/mean"] = float(self.path_mean.numpy())
        return figures

    def _loss_scales(self):
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
        if self.networks.mapping:
            named["path_mean"] = self.path_mean
        if self.apa:
            named |= {f"apa/{k}": v for k, v in self.apa.state.items()}
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


def _decay(training):
    if training.ema_kimg:
        return half_life_decay(training.ema_kimg, training.ema_rampup)
    return constant_decay(training.ema_decay)


def _apa(config):
    training, augment = config.training, config.augment
    return AdaptivePseudoAugmentation(
        training.images_per_step,
        target=augment.apa_target,
        kimg=augment.apa_kimg,
    )


def _lazy_ratio(interval, updates_per_step):
    """What rate and decays of an Adam are raised to under lazy updates, which
    it makes beside its own (Karras et al. 2020, appendix B)."""
    if interval is None:
        return 1.0
    own = interval * updates_per_step
    return own / (own + 1)


def _rate(training, updates_per_step, lazy_interval, lazy_ratio):
    decay_steps = training.steps if training.lr_decay == "linear" else None
    return SwitchableDecay(
        training.learning_rate * lazy_ratio,
        decay_steps,
        updates_per_step,
        lazy_interval,
    )


def _adam(training, rate, lazy_ratio):
    # Layers that join later are to take first steps of the usual size.
    kind = CountingAdam if training.stage_lengths else keras.optimizers.Adam
    adam = kind(
        rate,
        beta_1=training.beta1**lazy_ratio,
        beta_2=training.beta2**lazy_ratio,
        epsilon=1e-8,  # PyTorch's default, which the recipes were tuned with
        name="adam",  # in checkpoints; unnamed ones are numbered as made
    )
    if training.precision != "float16":
        return adam
    return LossScale(adam, name="loss_scale")
