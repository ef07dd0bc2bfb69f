"""One discriminator update and one generator update, per replica.

Everything random is a function of seed, step and purpose, never of a hidden
state: a resumed run draws what the uninterrupted one would, and each replica
draws the global batch and takes its slice, so that several devices see what
one device sees.
"""

import tensorflow as tf

from regan_tf.losses import LOSSES

# Purposes of random draws, each a stream of its own.
_CRITIC_LATENTS, _GENERATOR_LATENTS, _FLIP, _DEQUANTIZE = range(4)


class Stream:
    """Random numbers of the global batch, sliced for this replica.

    Args:
        seed: the run's seed.
        num_replicas: replicas in sync.
    """

    def __init__(self, seed, num_replicas):
        self.seed = seed
        self.num_replicas = num_replicas

    def _seed(self, purpose, step, critic):
        seed = tf.constant([self.seed, purpose], tf.int32)
        fold = tf.random.experimental.stateless_fold_in
        return fold(fold(seed, tf.cast(step, tf.int32)), critic)

    def _mine(self, values):
        size = values.shape[0] // self.num_replicas
        context = tf.distribute.get_replica_context()
        start = context.replica_id_in_sync_group * size
        mine = values[start : start + size]
        return tf.ensure_shape(mine, (size, *values.shape[1:]))

    def normal(self, shape, purpose, step, critic=0):
        """N(0, 1) of global `shape`, this replica's slice of axis 0."""
        seed = self._seed(purpose, step, critic)
        return self._mine(tf.random.stateless_normal(shape, seed))

    def uniform(self, shape, purpose, step, critic=0):
        """U[0, 1) of global `shape`, this replica's slice of axis 0."""
        seed = self._seed(purpose, step, critic)
        return self._mine(tf.random.stateless_uniform(shape, seed))


class GANStep:
    """The two updates of a `GAN`, to be run in replica context.

    Losses are means over the global batch: each replica divides by the number
    of replicas, since the optimisers sum gradients.

    Args:
        gan: a `regan_tf.train.gan.GAN`.
        config: its `ExperimentConfig`.
        num_replicas: replicas in sync.
    """

    def __init__(self, gan, config, num_replicas):
        self.gan = gan
        self.training = config.training
        self.data = config.data
        self.loss = LOSSES[config.training.loss]
        self.random = Stream(config.training.seed, num_replicas)
        self.num_replicas = num_replicas

    def _mean(self, values):
        return tf.reduce_mean(values) / self.num_replicas

    def _latents(self, size, purpose, step, critic=0):
        shape = (size, self.gan.latent_dim)
        return self.random.normal(shape, purpose, step, critic)

    def prepare(self, images, step, critic):
        """uint8 (b, R, R, 3) to float32 in [-1, 1], flipped and dequantised
        as the recipe says (dequantised up to 1 + 1/128)."""
        images = tf.cast(images, tf.float32) / 127.5 - 1.0
        shape = (self.training.batch_size, 1, 1, 1)
        if self.data.flip:
            chance = self.random.uniform(shape, _FLIP, step, critic)
            images = tf.where(chance < 0.5, images[:, :, ::-1], images)
        if self.data.dequantize:
            shape = (self.training.batch_size, *images.shape[1:])
            noise = self.random.uniform(shape, _DEQUANTIZE, step, critic)
            images += noise / 128.0
        return images

    def discriminator_update(self, images, step, critic):
        """One critic update.

        Args:
            images: uint8 (b, R, R, 3), this replica's real images.
            step: int64 scalar, completed steps.
            critic: int32 scalar, which critic update of the step.

        Returns:
            Dict of float32 scalars that sum over replicas to global means.
        """
        gan, optimizer = self.gan, self.gan.discriminator_optimizer
        real = self.prepare(images, step, critic)
        z = self._latents(
            self.training.batch_size, _CRITIC_LATENTS, step, critic
        )
        fake = gan.generator(z, training=True)
        with tf.GradientTape() as tape:
            # Both halves in one pass, as the discriminator has no batch
            # statistics. PyTorch's two passes make two power iterations of
            # spectral normalisation, this makes one.
            logits = gan.discriminator(
                tf.concat([real, fake], 0), training=True
            )
            real_logits, fake_logits = tf.split(logits, 2)
            real_loss, fake_loss = self.loss.discriminator(
                real_logits, fake_logits
            )
            loss = self._mean(real_loss) + self._mean(fake_loss)
        variables = gan.discriminator.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return {
            "loss/discriminator": loss,
            "logits/real": self._mean(real_logits),
            "logits/fake": self._mean(fake_logits),
        }

    def generator_update(self, step):
        """One generator update; `step` and result as above."""
        gan, optimizer = self.gan, self.gan.generator_optimizer
        z = self._latents(
            self.training.generator_batch_size, _GENERATOR_LATENTS, step
        )
        variables = gan.generator.trainable_variables
        with tf.GradientTape() as tape:
            fake = gan.generator(z, training=True)
            logits = gan.discriminator(fake, training=True)
            loss = self._mean(self.loss.generator(logits))
        optimizer.apply(tape.gradient(loss, variables), variables)
        return {"loss/generator": loss}
