"""One discriminator update and one generator update, per replica.

Everything random is a function of seed, step and purpose, never of a hidden
state: a resumed run draws what the uninterrupted one would, and each replica
draws the global batch and takes its slice, so that several devices see what
one device sees.
"""

import tensorflow as tf

from regan_tf.losses import LOSSES, between, drift, gradient_penalty
from regan_tf.nets.spectral_norm import keeping_vectors
from regan_tf.train.accumulate import GradientSum

# Purposes of random draws, each a stream of its own.
_CRITIC_LATENTS, _GENERATOR_LATENTS, _FLIP, _DEQUANTIZE, _BETWEEN = range(5)


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


def figure_names(training):
    """Names of the figures of a critic update under a `TrainingConfig`."""
    names = ("loss/discriminator", "logits/real", "logits/fake")
    return names + ("loss/gradient_penalty",) * bool(training.gradient_penalty)


class GANStep:
    """The two updates of a `GAN`, to be run in replica context.

    To be made inside the strategy's scope, for each piece of training.

    Losses are means over the global batch: each replica divides by the number
    of replicas, since the optimisers sum gradients.

    An update may be made in `parts`: the gradients of microbatches, slices of
    the very batch and latents that it would have as a whole, are added up
    (`add_discriminator`, `add_generator`) and applied once (`apply_*`). That
    is the same within rounding, spectral norms included, but for statistics
    over a batch (batch normalisation, minibatch deviation): each part has its
    own, and running averages move once a part.

    Args:
        gan: a `regan_tf.train.gan.GAN`.
        config: its `ExperimentConfig`.
        num_replicas: replicas in sync.
        piece: the `regan_tf.stages.Piece` to train; None: the last of the
            run.
    """

    def __init__(self, gan, config, num_replicas, piece=None):
        self.gan = gan
        self.piece = piece or config.stages.pieces[-1]
        view = self.piece.view
        self.generator = gan.networks.generators[view]
        self.discriminator = gan.networks.discriminators[view]
        self.training = config.training
        self.data = config.data
        self.loss = LOSSES[config.training.loss]
        self.random = Stream(config.training.seed, num_replicas)
        self.num_replicas = num_replicas
        self.parts = config.training.grad_accumulation
        if self.parts > 1:
            self.generator_sum = GradientSum(self.generator.trainable_variables)
            self.discriminator_sum = GradientSum(
                self.discriminator.trainable_variables
            )
        if config.training.jit:
            # Not what is around them: random draws stay what they are, and
            # optimisers apply as anywhere.
            for name in ("_critic_gradients", "_generator_gradients"):
                compiled = tf.function(getattr(self, name), jit_compile=True)
                setattr(self, name, compiled)

    @property
    def critic_names(self):
        """Names of the figures that a critic update gives."""
        return figure_names(self.training)

    def begin(self, step):
        """Sets how far the newest layers have faded in, in cross-replica
        context: linear over the fade, as in Karras et al. 2018, section 2.

        Args:
            step: int64 scalar, completed steps.
        """
        if not self.piece.view.fading:
            return
        stage = self.piece.stage
        done = tf.cast(step - stage.start, tf.float32)
        for alpha in self.gan.networks.fades:
            alpha.assign(done / float(stage.fade_end - stage.start))

    def _mean(self, values):
        mean = tf.reduce_mean(values) / self.num_replicas
        return mean / self.parts if self.parts > 1 else mean

    def _slice(self, values, part):
        """Microbatch `part` of this replica's values; all if it is None."""
        if part is None:
            return values
        size = values.shape[0] // self.parts
        mine = values[part * size : (part + 1) * size]
        return tf.ensure_shape(mine, (size, *values.shape[1:]))

    def _is_last(self, part):
        return None if part is None else tf.equal(part, self.parts - 1)

    def _latents(self, size, purpose, step, critic=0):
        shape = (size, self.gan.latent_dim)
        return self.random.normal(shape, purpose, step, critic)

    def prepare(self, images, step, critic):
        """uint8 (b, R, R, 3) to float32 (b, r, r, 3) in [-1, 1], r the
        stage's resolution, flipped and dequantised as the recipe says
        (dequantised up to 1 + 1/128)."""
        images = tf.cast(images, tf.float32) / 127.5 - 1.0
        factor = images.shape[1] // self.piece.stage.resolution
        if factor > 1:
            images = tf.nn.avg_pool2d(images, factor, factor, "VALID")
        batch = self.piece.stage.batch_size
        shape = (batch, 1, 1, 1)
        if self.data.flip:
            chance = self.random.uniform(shape, _FLIP, step, critic)
            images = tf.where(chance < 0.5, images[:, :, ::-1], images)
        if self.data.dequantize:
            shape = (batch, *images.shape[1:])
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
        figures, gradients = self._critic(images, step, critic)
        self._apply_discriminator(gradients)
        return figures

    def generator_update(self, step):
        """One generator update; `step` and result as above."""
        figures, gradients = self._generator(step)
        self._apply_generator(gradients)
        return figures

    def add_discriminator(self, images, step, critic, part):
        """Adds microbatch `part` (int32 scalar) of a critic update.

        Others and result as of `discriminator_update`; the results of all
        parts sum to its own.
        """
        figures, gradients = self._critic(images, step, critic, part)
        self.discriminator_sum.add(gradients)
        return figures

    def add_generator(self, step, part):
        """Adds microbatch `part` of a generator update, as above."""
        figures, gradients = self._generator(step, part)
        self.generator_sum.add(gradients)
        return figures

    def apply_discriminator(self):
        """Ends a critic update whose parts were added."""
        self._apply_discriminator(self.discriminator_sum.take())

    def apply_generator(self):
        """Ends a generator update whose parts were added."""
        self._apply_generator(self.generator_sum.take())

    def _apply_discriminator(self, gradients):
        self.gan.discriminator_optimizer.apply(
            gradients, self.discriminator.trainable_variables
        )

    def _apply_generator(self, gradients):
        self.gan.generator_optimizer.apply(
            gradients, self.generator.trainable_variables
        )

    def _critic(self, images, step, critic, part=None):
        real = self._slice(self.prepare(images, step, critic), part)
        size = self.piece.stage.batch_size
        z = self._latents(size, _CRITIC_LATENTS, step, critic)
        share = None
        if self.training.gradient_penalty:
            shape = (size, 1, 1, 1)
            share = self.random.uniform(shape, _BETWEEN, step, critic)
            share = self._slice(share, part)
        return self._critic_gradients(
            real, self._slice(z, part), share, self._is_last(part)
        )

    def _critic_gradients(self, real, z, share, last):
        """(figures, gradients, times the loss scale) of images and latents.

        Args:
            real: float32 (b, r, r, 3).
            z: float32 (b, L).
            share: float32 (b, 1, 1, 1), where between real and fake images
                the gradient is penalised; None: nowhere.
            last: bool scalar, whether this is the last part of the update;
                None for an update as a whole.
        """
        training, figures = self.training, {}
        scale = self.gan.discriminator_optimizer.scale_loss
        fake = self.generator(z, training=True)
        with tf.GradientTape() as tape, keeping_vectors(last):
            real_logits, fake_logits = self._logits(real, fake)
            real_loss, fake_loss = self.loss.discriminator(
                real_logits, fake_logits
            )
            loss = self._mean(real_loss) + self._mean(fake_loss)
            if training.drift:
                loss += training.drift * self._mean(drift(real_logits))
            if share is not None:
                penalty = self._mean(self._penalty(between(real, fake, share)))
                shown = self._unless_left_out(penalty)
                figures["loss/gradient_penalty"] = shown
                figures["loss/discriminator"] = (
                    loss + training.gradient_penalty * shown
                )
                loss += training.gradient_penalty * penalty
            # In float16 only; else the loss itself.
            scaled = scale(loss)
        figures = {"loss/discriminator": loss} | figures
        figures |= {
            "logits/real": self._mean(real_logits),
            "logits/fake": self._mean(fake_logits),
        }
        variables = self.discriminator.trainable_variables
        return figures, tape.gradient(scaled, variables)

    def _unless_left_out(self, penalty):
        """What logs get of a penalty: 0 where float16 overflowed in it, since
        the loss scale leaves such an update out."""
        if self.training.precision != "float16":
            return penalty
        return tf.where(tf.math.is_finite(penalty), penalty, 0.0)

    def _logits(self, real, fake):
        """Logits of both halves, float32 (b, 1) each."""
        if self.gan.networks.mixes_batch:
            return [self.discriminator(x, training=True) for x in (real, fake)]
        # Both halves in one pass, as the discriminator has no batch
        # statistics. PyTorch's two passes make two power iterations of
        # spectral normalisation, this makes one.
        both = tf.concat([real, fake], 0)
        return tf.split(self.discriminator(both, training=True), 2)

    def _penalty(self, images):
        """The gradient penalty at float32 images (b, r, r, 3): (b, 1)."""
        scale = self.gan.discriminator_optimizer.scale_loss
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = self.discriminator(images, training=True)
            # Scaled in float16, where the gradients of single pixels vanish.
            total = scale(tf.reduce_sum(logits))
        gradients = tape.gradient(total, images) / scale(tf.constant(1.0))
        return gradient_penalty(gradients)

    def _generator(self, step, part=None):
        z = self._latents(
            self.piece.stage.generator_batch_size, _GENERATOR_LATENTS, step
        )
        return self._generator_gradients(
            self._slice(z, part), self._is_last(part)
        )

    def _generator_gradients(self, z, last):
        """As `_critic_gradients`, of the generator's loss."""
        scale = self.gan.generator_optimizer.scale_loss
        with tf.GradientTape() as tape, keeping_vectors(last):
            fake = self.generator(z, training=True)
            logits = self.discriminator(fake, training=True)
            loss = self._mean(self.loss.generator(logits))
            scaled = scale(loss)
        variables = self.generator.trainable_variables
        return {"loss/generator": loss}, tape.gradient(scaled, variables)
