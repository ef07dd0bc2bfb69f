"""What the updates of both networks share."""

import tensorflow as tf

from regan_tf.augment.diffaugment import augment
from regan_tf.losses import LOSSES
from regan_tf.nets.noise import drawing_from


class NetworkLoss:
    """Base of what a network's updates compute, per replica.

    Images are float32 (b, r, r, 3) in [-1, 1] or, where the networks deal in
    several sizes, lists of them with the full size first.

    Losses are means over the global batch: each replica divides by the number
    of replicas (and of parts), since gradients are summed.

    Args:
        gan: a `regan_tf.train.gan.GAN`.
        config: its `ExperimentConfig`.
        view: the `View` of the networks that is trained.
        shares: replicas times parts, which a mean over a slice is divided by.
    """

    def __init__(self, gan, config, view, shares):
        self.gan = gan
        self.networks = gan.networks
        self.generator = gan.networks.generators[view]
        self.discriminator = gan.networks.discriminators[view]
        self.training = config.training
        self.penalty = config.penalty
        self.augment = config.augment
        self.loss = LOSSES[config.training.loss]
        self.shares = shares

    def mean(self, values):
        """This slice's share of the mean over the global batch."""
        return tf.reduce_mean(values) / self.shares

    @property
    def variables(self):
        """What the network's updates move."""
        raise NotImplementedError

    def of_variables(self, tape, scaled):
        """Gradients of the variables; zeros where a penalty does not reach,
        as R1 the last bias."""
        return tape.gradient(
            scaled,
            [v.value for v in self.variables],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )

    def fakes(self, z, draws):
        """Images of latents (b, L), the generator drawing from `draws`."""
        with drawing_from(draws):
            return self.generator(z, training=True)

    def shown(self, images, draws):
        """Images as the discriminator is shown them: augmented."""
        if not self.augment.policy:
            return images
        shown = [
            augment(x, self.augment.policy, draws, f"augment{i}")
            for i, x in enumerate(tf.nest.flatten(images))
        ]
        return tf.nest.pack_sequence_as(images, shown)

    def finite(self, penalty):
        """What logs get of a penalty: 0 where float16 overflowed in it, since
        the loss scale leaves such an update out."""
        if self.training.precision != "float16":
            return penalty
        return tf.where(tf.math.is_finite(penalty), penalty, 0.0)
