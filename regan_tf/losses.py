"""GAN losses on logits, one pair of functions a loss.

Every function takes float32 logits (B, 1) and returns per-example losses of
the same shape; the training step averages them over the global batch.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops


def hinge_discriminator(real, fake):
    """max(0, 1 − D(x)) and max(0, 1 + D(G(z))) (Miyato et al. 2018, eq. 16).

    Returns:
        Two arrays, of the real and of the fake half; their sum is the loss.
    """
    return ops.relu(1.0 - real), ops.relu(1.0 + fake)


def hinge_generator(fake):
    """−D(G(z)) (Miyato et al. 2018, eq. 17)."""
    return -fake


def non_saturating_discriminator(real, fake):
    """softplus(−D(x)) and softplus(D(G(z))) (Goodfellow et al. 2014, eq. 1)."""
    return ops.softplus(-real), ops.softplus(fake)


def non_saturating_generator(fake):
    """softplus(−D(G(z))) (Goodfellow et al. 2014, section 3)."""
    return ops.softplus(-fake)


class Loss(NamedTuple):
    """A loss: `discriminator(real, fake)` and `generator(fake)`."""

    discriminator: Callable[[Any, Any], tuple[Any, Any]]
    generator: Callable[[Any], Any]


LOSSES = {
    "hinge": Loss(hinge_discriminator, hinge_generator),
    "non_saturating": Loss(
        non_saturating_discriminator, non_saturating_generator
    ),
}
