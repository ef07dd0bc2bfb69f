"""GAN losses on logits, one pair of functions a loss.

Every function takes float32 logits (B, n) and returns per-example losses of
the same shape; the training step averages them over the global batch.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from regan_tf.penalties import root


def hinge_discriminator(real, fake, real_margin=1.0, fake_margin=1.0):
    """max(0, 1 − D(x)) and max(0, 1 + D(G(z))) (Miyato et al. 2018, eq. 16).

    Args:
        real, fake: logits.
        real_margin, fake_margin: instead of the ones.

    Returns:
        Two arrays, of the real and of the fake half; their sum is the loss.
    """
    return ops.relu(real_margin - real), ops.relu(fake_margin + fake)


def hinge_generator(fake):
    """−D(G(z)) (Miyato et al. 2018, eq. 17)."""
    return -fake


def non_saturating_discriminator(real, fake):
    """softplus(−D(x)) and softplus(D(G(z))) (Goodfellow et al. 2014, eq. 1)."""
    return ops.softplus(-real), ops.softplus(fake)


def non_saturating_generator(fake):
    """softplus(−D(G(z))) (Goodfellow et al. 2014, section 3)."""
    return ops.softplus(-fake)


def wasserstein_discriminator(real, fake):
    """−D(x) and D(G(z)) (Arjovsky et al. 2017, eq. 3, as a minimum)."""
    return -real, fake


def wasserstein_generator(fake):
    """−D(G(z)) (Arjovsky et al. 2017, Algorithm 1)."""
    return -fake


def drift(real):
    """D(x)², which keeps Wasserstein logits near zero (Karras et al. 2018,
    appendix A.1, there weighted by 0.001)."""
    return ops.square(real)


def between(real, fake, share):
    """share·x + (1 − share)·G(z) (Gulrajani et al. 2017, Algorithm 1).

    Args:
        real, fake: images (B, R, R, 3).
        share: (B, 1, 1, 1) in [0, 1], one for each pair.
    """
    return share * real + (1.0 - share) * fake


def gradient_penalty(gradients):
    """(‖∇D‖₂ − 1)² of each image (Gulrajani et al. 2017, eq. 3).

    Args:
        gradients: float32 (B, R, R, 3), of each image's logit with respect
            to the image.

    Returns:
        float32 (B, 1). Where the gradient vanishes, 1 with a gradient of 0
        (the norm has none there).
    """
    squares = ops.sum(ops.square(gradients), axis=(1, 2, 3))
    return ops.square(root(squares) - 1.0)[:, None]


def soft_margin(chance):
    """U[0.8, 1), a margin of the hinge loss for each logit (FastGAN's code).

    Args:
        chance: U[0, 1), of the logits' shape.
    """
    return 0.8 + 0.2 * chance


class Loss(NamedTuple):
    """A loss: `discriminator(real, fake)` and `generator(fake)`.

    Attributes:
        margin: None, or a function of U[0, 1) draws of the logits' shape that
            gives margins, which `discriminator` takes after real and fake.
    """

    discriminator: Callable[..., tuple[Any, Any]]
    generator: Callable[[Any], Any]
    margin: Callable[[Any], Any] | None = None


LOSSES = {
    "hinge": Loss(hinge_discriminator, hinge_generator),
    "soft_hinge": Loss(hinge_discriminator, hinge_generator, soft_margin),
    "non_saturating": Loss(
        non_saturating_discriminator, non_saturating_generator
    ),
    "wasserstein": Loss(wasserstein_discriminator, wasserstein_generator),
}
