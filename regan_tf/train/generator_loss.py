"""The generator's updates: its loss, and lazy path length regularisation."""

import tensorflow as tf

from regan_tf.nets.noise import drawing_from
from regan_tf.nets.normalization import over_devices
from regan_tf.nets.spectral_norm import keeping_vectors
from regan_tf.penalties import path_lengths, path_penalty
from regan_tf.train.network_loss import NetworkLoss


class GeneratorLoss(NetworkLoss):
    """What the generator's updates compute."""

    def gradients(self, z, draws, last):
        """(figures, gradients, times the loss scale) of its loss.

        Args:
            z: float32 (b, L) latents.
            draws: `Draws` of this update.
            last: bool scalar, whether this is the last part of the update;
                None for an update as a whole.
        """
        scale = self.gan.generator_optimizer.scale_loss
        with tf.GradientTape() as tape, keeping_vectors(last):
            fake = self.shown(self.fakes(z, draws), draws)
            logits = self.discriminator(fake, training=True)
            loss = self.mean(self.loss.generator(logits))
            scaled = scale(loss)
        return {"loss/generator": loss}, self.of_variables(tape, scaled)

    @property
    def variables(self):
        """What the updates move."""
        return self.generator.trainable_variables

    def path_gradients(self, z, draws, last):
        """The same of the path length regularisation alone, times its
        interval (Karras et al. 2020, arXiv:1912.04958, section 3.2)."""
        every, weight = self.penalty.path_interval, self.penalty.path_length
        scale = self.gan.generator_optimizer.scale_loss
        with tf.GradientTape() as tape, keeping_vectors(last):
            slopes = self._slopes(z, draws) / scale(tf.constant(1.0))
            values, mean = path_penalty(
                path_lengths(slopes),
                tf.convert_to_tensor(self.gan.path_mean),
                # Parts move it one after the other.
                decay=0.01 / self.training.grad_accumulation,
                over_devices=over_devices,
            )
            value = self.mean(values)
            scaled = scale(weight * every * value)
        # An overflow of float16 must not stay in the mean.
        held = tf.convert_to_tensor(self.gan.path_mean)
        finite = tf.math.is_finite(mean)
        self.gan.path_mean.assign(tf.where(finite, mean, held))
        # Times the interval, so that the mean over steps is the penalty's.
        figures = {"loss/path_length": every * self.finite(value)}
        return figures, self.of_variables(tape, scaled)

    def _slopes(self, z, draws):
        """Of images times noise with respect to the styles, scaled."""
        networks = self.networks
        with drawing_from(draws):
            styles = networks.mapping(z, training=True)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(styles)
                images = networks.synthesis(styles, training=True)
                noise = draws.normal("path_noise", images.shape)
                pixels = float(images.shape[1] * images.shape[2])
                total = tf.reduce_sum(images * noise) / pixels**0.5
                total = self.gan.generator_optimizer.scale_loss(total)
        return tape.gradient(total, styles)
