"""The discriminator's updates: its loss with penalties, and lazy R1."""

import tensorflow as tf

from regan_tf.losses import between, drift, gradient_penalty
from regan_tf.nets.spectral_norm import keeping_vectors
from regan_tf.penalties import r1
from regan_tf.train.network_loss import NetworkLoss

# FastGAN's code sums the distances of a batch, which has 8 images, beside the
# mean of the hinge.
RECONSTRUCTION_WEIGHT = 8.0


def critic_figures(config):
    """Names of the figures of a critic update under an `ExperimentConfig`."""
    penalty = config.penalty
    more = {
        "loss/gradient_penalty": config.training.gradient_penalty,
        "loss/r1": penalty.r1_gamma and not penalty.lazy_r1,
        "loss/reconstruction": config.recipe.reconstructs,
        "logits/real_sign": config.augment.apa,
    }
    return (
        *("loss/discriminator", "logits/real", "logits/fake"),
        *(name for name, wanted in more.items() if wanted),
    )


class DiscriminatorLoss(NetworkLoss):
    """What the discriminator's updates compute."""

    def gradients(self, real, z, share, draws, last):
        """(figures, gradients, times the loss scale) of its loss.

        Args:
            real: float32 (b, r, r, 3) real images.
            z: float32 (b, L) latents.
            share: float32 (b, 1, 1, 1), where between real and fake images
                the gradient is penalised; None: nowhere.
            draws: `Draws` of this update.
            last: bool scalar, whether this is the last part of the update;
                None for an update as a whole.
        """
        scale = self.gan.discriminator_optimizer.scale_loss
        with keeping_vectors(last):
            fake = self.fakes(z, draws.within("fake"))
            real = self._mixed(real, draws)
        with tf.GradientTape() as tape, keeping_vectors(last):
            logits, shown, penalties = self._both(real, fake, draws)
            loss = self._loss(logits, draws)
            if share is not None:
                weight = self.training.gradient_penalty
                value = self._slope(between(*shown, share))
                penalties["gradient_penalty"] = weight, self.mean(value)
            total = loss + sum(w * v for w, v in penalties.values())
            scaled = scale(total)  # in float16 only; else the loss itself
        figures = self._figures(loss, logits, penalties)
        return figures, self.of_variables(tape, scaled)

    def r1_gradients(self, real, draws, last):
        """The same of the lazy R1 alone, times the updates that it stands
        for: those of the steps of its interval."""
        every = self.penalty.r1_interval
        updates = every * self.training.critic_steps
        scale = self.gan.discriminator_optimizer.scale_loss
        with keeping_vectors(last):
            real = self._mixed(real, draws)
        with tf.GradientTape() as tape, keeping_vectors(last):
            if self.penalty.r1_images == "plain":
                value = self.mean(self._r1(real))
            else:
                _, penalties = self._real_logits(real, draws, with_r1=True)
                value = penalties["r1"][1]
            scaled = scale(0.5 * self.penalty.r1_gamma * updates * value)
        # Times the interval, so that the mean over steps is the penalty's.
        figures = {"loss/r1": every * self.finite(value)}
        return figures, self.of_variables(tape, scaled)

    @property
    def variables(self):
        """What the updates move."""
        whole = self.networks.reconstructor or self.discriminator
        return whole.trainable_variables

    def _loss(self, logits, draws):
        margins = [
            self.loss.margin(draws.uniform(f"margin_{half}", x.shape))
            for half, x in zip(("real", "fake"), logits, strict=True)
            if self.loss.margin
        ]
        real, fake = self.loss.discriminator(*logits, *margins)
        loss = self.mean(real) + self.mean(fake)
        if self.training.drift:
            loss += self.training.drift * self.mean(drift(logits[0]))
        return loss

    def _figures(self, loss, logits, penalties):
        values = {k: self.finite(v) for k, (_, v) in penalties.items()}
        weighted = [w * values[k] for k, (w, _) in penalties.items()]
        figures = {
            "loss/discriminator": loss + sum(weighted),
            "logits/real": self.mean(logits[0]),
            "logits/fake": self.mean(logits[1]),
        }
        if self.augment.apa:
            figures["logits/real_sign"] = self.mean(tf.sign(logits[0]))
        return figures | {f"loss/{k}": v for k, v in values.items()}

    def _mixed(self, real, draws):
        """Real images, some replaced by generated ones under APA."""
        if not self.augment.apa:
            return real
        draws = draws.within("pseudo")
        z = draws.normal("latents", (real.shape[0], self.gan.latent_dim))
        pseudo = tf.nest.flatten(self.fakes(z, draws))[0]
        chance = draws.uniform("chance", (real.shape[0], 1, 1, 1))
        return self.gan.apa.mix(real, tf.stop_gradient(pseudo), chance)

    def _sized(self, real):
        """Real images as the discriminator takes them."""
        pyramid = self.networks.pyramid
        return real if pyramid is None else pyramid(real)

    def _both(self, real, fake, draws):
        """((real logits, fake logits), (real, fake) as shown, penalties)."""
        with_r1 = self.penalty.r1_gamma > 0 and not self.penalty.lazy_r1
        fake = self.shown(fake, draws.within("fake"))
        if not (with_r1 or self.networks.mixes_batch):
            # Both halves in one pass, as the discriminator has no batch
            # statistics. PyTorch's two passes make two power iterations of
            # spectral normalisation, this makes one.
            real = self.shown(real, draws.within("real"))
            both = tf.concat([real, fake], 0)
            logits = tf.split(self.discriminator(both, training=True), 2)
            return logits, (real, fake), {}
        draws = draws.within("real")
        (logits, real), penalties = self._real_logits(real, draws, with_r1)
        fake_logits = self.discriminator(fake, training=True)
        return (logits, fake_logits), (real, fake), penalties

    def _real_logits(self, real, draws, with_r1):
        """((logits, real images as shown), penalties) of real ones alone.

        Where the discriminator takes several sizes, `real` is the full one,
        which is augmented before the others are made of it.
        """
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(real)
            shown = self.shown(real, draws)
            tape.watch(shown)
            logits, penalties = self._scored(shown, draws)
            total = self.gan.discriminator_optimizer.scale_loss(
                tf.reduce_sum(logits)
            )
        if with_r1:
            value = self._r1_of(tape, total, real, shown)
            penalties["r1"] = 0.5 * self.penalty.r1_gamma, self.mean(value)
        return (logits, shown), penalties

    def _r1_of(self, tape, total, real, shown):
        where = self.penalty.r1_images
        if where == "plain" and self.augment.policy:
            return self._r1(real)
        at = real if where == "through" else shown
        return self._squares(tape.gradient(total, at))

    def _squares(self, gradients):
        """R1 of gradients (b, r, r, 3), times the loss scale: (b, 1)."""
        scale = self.gan.discriminator_optimizer.scale_loss(tf.constant(1.0))
        return r1(gradients / scale)

    def _scored(self, shown, draws):
        """Logits of real images, and the penalty of reconstructing them."""
        networks, sized = self.networks, self._sized(shown)
        if networks.reconstructor is None:
            return self.discriminator(sized, training=True), {}
        size = shown.shape[0]
        quarter = tf.cast(4.0 * draws.uniform("quarter", (size,)), tf.int32)
        inputs = [*sized, quarter]
        logits, *made = networks.reconstructor(inputs, training=True)
        targets = networks.targets(shown, quarter)
        value = sum(
            self.mean(self.gan.perceptual(a, b))
            for a, b in zip(made, targets, strict=True)
        )
        return logits, {"reconstruction": (RECONSTRUCTION_WEIGHT, value)}

    def _input_gradients(self, images):
        """Of each image's logits with respect to it, times the loss scale."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            logits = self.discriminator(self._sized(images), training=True)
            # Scaled in float16, where the gradients of single pixels vanish.
            total = self.gan.discriminator_optimizer.scale_loss(
                tf.reduce_sum(logits)
            )
        return tape.gradient(total, images)

    def _r1(self, images):
        """R1 at images, in a pass of its own: (b, 1)."""
        return self._squares(self._input_gradients(images))

    def _slope(self, images):
        """The gradient penalty at float32 images (b, r, r, 3): (b, 1)."""
        scale = self.gan.discriminator_optimizer.scale_loss(tf.constant(1.0))
        return gradient_penalty(self._input_gradients(images) / scale)
