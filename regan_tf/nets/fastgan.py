"""FastGAN (Liu et al. 2021, arXiv:2101.04775): for few images and one GPU.

Its halves are in `regan_tf.nets.fastgan_generator` and
`regan_tf.nets.fastgan_critic`.
"""

import keras

from regan_tf.nets.fastgan_critic import both_sizes, discriminator, targets
from regan_tf.nets.fastgan_generator import generator
from regan_tf.nets.views import Networks, View

__all__ = ["discriminator", "generator", "networks"]


def networks(
    *,
    resolution,
    latent_dim=256,
    widths=(64, 64),
    masked=(False, False),
    fused=True,
):
    """Both networks, with the discriminator's decoders.

    Args:
        resolution: 64, 128, 256, 512 or 1024 pixels.
        latent_dim: length of the latent vector z ~ N(0, I).
        widths: of generator and discriminator.
        masked: pair of bools: whether kernels carry masks.
        fused: whether upsampling is fused with convolutions.

    Returns:
        `Networks` of images at two sizes, logits (B, 50) and three
        reconstructions.

    Raises:
        ValueError: another resolution.
    """
    made = generator(
        resolution=resolution,
        latent_dim=latent_dim,
        width=widths[0],
        masked=masked[0],
        fused=fused,
    )
    critic = discriminator(
        resolution=resolution, width=widths[1], masked=masked[1], fused=fused
    )
    view = View(resolution)
    return Networks(
        generator=made,
        discriminator=critic.reconstructor,
        generators={view: made},
        discriminators={view: critic.discriminator},
        mixes_batch=True,  # batch normalisation
        full_size=keras.Model(made.input, made.outputs[0], name="generator"),
        reconstructor=critic.reconstructor,
        pyramid=both_sizes,
        targets=targets,
    )
