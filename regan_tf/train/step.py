"""The updates of a training step, per replica, and what surrounds them."""

import tensorflow as tf

from regan_tf.train.accumulate import GradientSum
from regan_tf.train.discriminator_loss import (
    DiscriminatorLoss,
    critic_figures,
)
from regan_tf.train.draws import Draws, Stream, take_part
from regan_tf.train.generator_loss import GeneratorLoss
from regan_tf.train.update import Update

# Purposes of random draws, each a stream of its own; `Draws` has others.
_CRITIC_LATENTS, _GENERATOR_LATENTS, _FLIP, _DEQUANTIZE, _BETWEEN = range(5)


def figure_names(config):
    """Names of all figures of a training step under an `ExperimentConfig`."""
    lazy = {
        "loss/r1": config.penalty.lazy_r1,
        "loss/path_length": config.penalty.path_length,
    }
    return (
        *critic_figures(config),
        *(name for name, wanted in lazy.items() if wanted),
        "loss/generator",
    )


class GANStep:
    """The updates of a `GAN`, to be run in replica context.

    To be made inside the strategy's scope, for each piece of training.

    Args:
        gan: a `regan_tf.train.gan.GAN`.
        config: its `ExperimentConfig`.
        num_replicas: replicas in sync.
        piece: the `regan_tf.stages.Piece` to train; None: the last of the
            run.

    Attributes:
        critic: `Update` of the discriminator, of (images, step, critic):
            uint8 (b, R, R, 3), this replica's real images; int64 scalar,
            completed steps; int32 scalar, which critic update of the step.
        r1: `Update` of lazy R1, of the same; or None.
        generator: `Update` of the generator, of (step,).
        path: `Update` of lazy path length regularisation, likewise; or None.
        parts: microbatches of an update.
    """

    def __init__(self, gan, config, num_replicas, piece=None):
        self.gan = gan
        self.piece = piece or config.stages.pieces[-1]
        self.training = config.training
        self.data = config.data
        self.augment = config.augment
        self.random = Stream(config.training.seed, num_replicas)
        self.num_replicas = num_replicas
        self.parts = config.training.grad_accumulation
        shares = num_replicas * self.parts
        losses = DiscriminatorLoss, GeneratorLoss
        view = self.piece.view
        d, g = (kind(gan, config, view, shares) for kind in losses)
        make = self._updates(d, gan.discriminator_optimizer)
        self.critic = make(
            critic_figures(config), self._critic_inputs, d.gradients
        )
        penalty = config.penalty
        self.r1 = self.path = None
        if penalty.lazy_r1:
            self.r1 = make(
                ("loss/r1",),
                self._r1_inputs,
                d.r1_gradients,
                penalty.r1_interval,
            )
        make = self._updates(g, gan.generator_optimizer)
        self.generator = make(
            ("loss/generator",), self._generator_inputs, g.gradients
        )
        if penalty.path_length:
            self.path = make(
                ("loss/path_length",),
                self._path_inputs,
                g.path_gradients,
                penalty.path_interval,
            )

    def _updates(self, loss, optimizer):
        """A maker of `Update`s of one network."""
        variables = loss.variables
        total = GradientSum(variables) if self.parts > 1 else None

        def make(names, inputs, gradients, every=1):
            if self.training.jit:
                # Not what is around them: optimisers apply as anywhere.
                gradients = tf.function(gradients, jit_compile=True)
            return Update(
                names, inputs, gradients, optimizer, variables, total, every
            )

        return make

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

    def end(self, step, figures):
        """What follows the updates, in cross-replica context: the averaged
        generator moves, and so does the strength of pseudo augmentation.

        Args:
            step: as of `begin`.
            figures: dict of the step's figures, means over the global batch.
        """
        stage = self.piece.stage
        if self.gan.average:
            shown = stage.images_before + stage.images_per_step * (
                step - stage.start + 1
            )
            self.gan.average.update(shown, stage.images_per_step)
        if self.gan.apa:
            self.gan.apa.observe(figures["logits/real_sign"])
            self.gan.apa.update(step + 1, stage.images_per_step)

    def _is_last(self, part):
        return None if part is None else tf.equal(part, self.parts - 1)

    def _draws(self, update, step, critic, part):
        return Draws(self.random, update, step, critic, part, self.parts)

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

    def _part(self, values, part):
        return take_part(values, part, self.parts)

    def _critic_inputs(self, images, step, critic, part):
        real = self._part(self.prepare(images, step, critic), part)
        size = self.piece.stage.batch_size
        z = self._latents(size, _CRITIC_LATENTS, step, critic)
        share = None
        if self.training.gradient_penalty:
            shape = (size, 1, 1, 1)
            share = self.random.uniform(shape, _BETWEEN, step, critic)
            share = self._part(share, part)
        draws = self._draws("critic", step, critic, part)
        return real, self._part(z, part), share, draws, self._is_last(part)

    def _r1_inputs(self, images, step, critic, part):
        real = self._part(self.prepare(images, step, critic), part)
        draws = self._draws("r1", step, critic, part)
        return real, draws, self._is_last(part)

    def _generator_inputs(self, step, part):
        size = self.piece.stage.generator_batch_size
        z = self._latents(size, _GENERATOR_LATENTS, step)
        draws = self._draws("generator", step, 0, part)
        return self._part(z, part), draws, self._is_last(part)

    def _path_inputs(self, step, part):
        # Half a batch, as in Karras et al. 2020, appendix B.
        slices = self.num_replicas * self.parts
        size = self.piece.stage.generator_batch_size // 2
        size = max(1, size // slices)
        draws = self._draws("path_length", step, 0, part)
        z = draws.normal("latents", (size, self.gan.latent_dim))
        return z, draws, self._is_last(part)
