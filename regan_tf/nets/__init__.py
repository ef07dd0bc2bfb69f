"""Networks, one file a paper, and the way from a recipe to them."""

import importlib

from regan_tf.nets.views import Networks
from regan_tf.recipes import RECIPES


def build_networks(arch, *, resolution, latent_dim, widths, masked, fused=True):
    """Builds both networks of an architecture.

    Args:
        arch: a name of `regan_tf.recipes.RECIPES`.
        resolution: image side in pixels.
        latent_dim: length of the latent vector.
        widths: channels of generator and discriminator.
        masked: pair of bools: whether generator and discriminator get masked
            layers. A mask costs nothing measurable, but memory.
        fused: whether resampling is fused with convolutions: the same
            results within rounding, faster.

    Returns:
        `regan_tf.nets.views.Networks`: latents (B, L) to images
        (B, R, R, 3) in [-1, 1] (or where the architecture's file says), and
        images to logits (B, 1), both float32; FastGAN's of two sizes.
    """
    recipe = RECIPES[arch]
    module = importlib.import_module(recipe.module)
    options = dict(recipe.network_options)
    if hasattr(module, "networks"):
        return module.networks(
            resolution=resolution,
            latent_dim=latent_dim,
            widths=widths,
            masked=masked,
            fused=fused,
            **options,
        )
    generator = module.generator(
        resolution=resolution,
        latent_dim=latent_dim,
        width=widths[0],
        masked=masked[0],
        fused=fused,
        **options,
    )
    discriminator = module.discriminator(
        resolution=resolution, width=widths[1], masked=masked[1], fused=fused
    )
    return Networks.single(generator, discriminator, resolution)
