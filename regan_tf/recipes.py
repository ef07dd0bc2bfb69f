"""Training recipes: what each architecture's paper trains it with.

Plain data, importable without TensorFlow, so that the command line can check
its flags and print its help at once. The networks themselves are in
`regan_tf.nets`, one file a paper.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Defaults of one architecture; every field can be overridden by a flag
    of the same name unless marked (fixed).

    Attributes:
        source: where the figures come from. (fixed)
        module: module of the networks, with functions `generator` and
            `discriminator`. (fixed)
        resolutions: image sides in pixels that the networks exist for. (fixed)
        latent_dim: length of the latent vector. (fixed)
        generator_width: channels of the generator.
        discriminator_width: channels of the discriminator.
        loss: a name of `regan_tf.losses.LOSSES`. (fixed)
        steps: generator updates of a full run.
        critic_steps: discriminator updates per generator update.
        batch_size: real images (and as many fakes) per discriminator update,
            over all devices.
        generator_batch_size: fakes per generator update, over all devices.
        learning_rate: Adam's learning rate of both networks.
        beta1: Adam's decay of the first moment. (fixed)
        beta2: Adam's decay of the second moment. (fixed)
        lr_decay: "none", or "linear" to zero over all steps.
        ema_decay: per-step decay of the averaged generator, 0 for none.
        flip: mirror every other image at random.
        dequantize: add U[0, 1/128) to images in [-1, 1]. (fixed)
    """

    source: str
    module: str
    resolutions: tuple[int, ...]
    latent_dim: int
    generator_width: int
    discriminator_width: int
    loss: str
    steps: int
    critic_steps: int
    batch_size: int
    generator_batch_size: int
    learning_rate: float
    beta1: float
    beta2: float
    lr_decay: str
    ema_decay: float
    flip: bool
    dequantize: bool


RECIPES: dict[str, Recipe] = {
    "sngan": Recipe(
        source=(
            "Miyato et al. 2018 (arXiv:1802.05957), Table 4; training as in "
            "pytorch-gan-collections' ResNet configuration"
        ),
        module="regan_tf.nets.sngan",
        resolutions=(32, 48, 64),
        latent_dim=128,
        generator_width=256,
        discriminator_width=128,
        loss="hinge",
        steps=100_000,
        critic_steps=5,
        batch_size=64,
        generator_batch_size=128,
        learning_rate=2e-4,
        beta1=0.0,
        beta2=0.9,
        lr_decay="linear",
        ema_decay=0.0,
        flip=False,
        dequantize=True,
    ),
}
