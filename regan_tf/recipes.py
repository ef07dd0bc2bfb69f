"""Training recipes: what each architecture's paper trains it with.

Plain data, importable without TensorFlow, so that the command line can check
its flags and print its help at once. The networks themselves are in
`regan_tf.nets`, one file a paper.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Defaults of one architecture; every field can be overridden by a flag
    of the same name (`stage_length` by --stage_lengths) unless marked (fixed).

    Attributes:
        source: where the figures come from. (fixed)
        module: module of the networks, with functions `generator` and
            `discriminator`. (fixed)
        resolutions: image sides in pixels that the networks exist for. (fixed)
        latent_dim: length of the latent vector. (fixed)
        generator_width: channels of the generator.
        discriminator_width: channels of the discriminator.
        loss: a name of `regan_tf.losses.LOSSES`. (fixed)
        steps: length of a full run: generator updates, or as a flag gives
            it.
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
        network_options: (name, value) pairs, further arguments of the
            module's `generator`. (fixed)
        gradient_penalty, drift: weights of these terms of the critic's loss.
            (fixed)
        grows: whether training starts at 4 pixels and doubles them stage by
            stage; the module then has one function `networks`. (fixed)
        stage_length: of each stage before the last.
        stage_batch_sizes: batch sizes from 4 pixels on, of the stages before
            the last.
        fade_kimg: thousands of images in which the layers of a stage fade
            in.
        ema_kimg: half-life of the averaged generator in thousands of real
            images, instead of `ema_decay`; 0 for none.
        ema_rampup: share of the images shown so far that the half-life is at
            first; 0 for none.
        r1_gamma, r1_interval, r1_images, path_length, path_interval: see
            `regan_tf.config.PenaltyConfig`.
        diffaugment: policy, "" for none.
        mask_exclude: layers never pruned, parts of their names.
        styles: whether the generator has styles, whose path length can be
            regularised. (fixed)
        reconstructs: whether the discriminator reconstructs real images.
            (fixed)
        batch_group: a device's batches must be multiples of this, or
            smaller, as statistics are over so many images. (fixed)
    """

    source: str
    module: str
    resolutions: tuple[int, ...]
    latent_dim: int
    generator_width: int
    discriminator_width: int
    loss: str
    steps: int | str
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
    network_options: tuple[tuple[str, str], ...] = ()
    gradient_penalty: float = 0.0
    drift: float = 0.0
    grows: bool = False
    stage_length: str = "0"
    stage_batch_sizes: tuple[int, ...] = ()
    fade_kimg: float = 0.0
    batch_group: int = 1
    ema_kimg: float = 0.0
    ema_rampup: float = 0.0
    r1_gamma: float = 0.0
    r1_interval: int = 1
    r1_images: str = "plain"
    path_length: float = 0.0
    path_interval: int = 4
    diffaugment: str = ""
    mask_exclude: tuple[str, ...] = ()
    styles: bool = False
    reconstructs: bool = False


def _autogan(variant: str) -> Recipe:
    """The recipe of Top A, B or C: "a", "b" or "c"."""
    return Recipe(
        source=(
            f"Gong et al. 2019 (arXiv:1908.03835), Top {variant.upper()} of "
            "CIFAR-10; training as in the authors' scripts"
        ),
        module="regan_tf.nets.autogan",
        resolutions=(32,),
        latent_dim=128,
        generator_width=256,
        discriminator_width=128,
        loss="hinge",
        steps=50_000,
        critic_steps=5,
        batch_size=64,
        generator_batch_size=128,
        learning_rate=2e-4,
        beta1=0.0,
        beta2=0.9,
        lr_decay="none",
        ema_decay=0.999,
        flip=False,
        dequantize=False,
        network_options=(("variant", variant),),
    )


def _progan(variant: str, source: str, **changes) -> Recipe:
    """The recipe of a variant of the progressively grown network."""
    values = {
        "generator_width": 512,
        "discriminator_width": 512,
        # 19.5M real images to the best score in the paper's Table 1.
        "steps": "20000kimg",
        "batch_size": 64,
        "stage_length": "1200kimg",
        "stage_batch_sizes": (128, 128, 128, 64),
        "fade_kimg": 600.0,
        "ema_decay": 0.0,
        "flip": False,
    } | changes
    return Recipe(
        source=source,
        module="regan_tf.nets.progan",
        latent_dim=512,
        loss="wasserstein",
        critic_steps=1,
        generator_batch_size=values["batch_size"],
        learning_rate=1e-3,
        beta1=0.0,
        beta2=0.99,
        lr_decay="none",
        dequantize=False,
        network_options=(("variant", variant),),
        gradient_penalty=10.0,
        drift=1e-3,
        grows=True,
        **values,
    )


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
    "sngan_cnn": Recipe(
        source=(
            "Miyato et al. 2018 (arXiv:1802.05957), Table 3; sizes and "
            "training as in pytorch-gan-collections' CNN configuration"
        ),
        module="regan_tf.nets.sngan_cnn",
        resolutions=(32, 48, 64),
        latent_dim=100,
        generator_width=64,
        discriminator_width=64,
        loss="hinge",
        steps=100_000,
        critic_steps=1,
        batch_size=128,
        generator_batch_size=256,
        learning_rate=2e-4,
        beta1=0.0,
        beta2=0.9,
        lr_decay="linear",
        ema_decay=0.0,
        flip=False,
        dequantize=True,
    ),
    "dcgan": Recipe(
        source=(
            "Radford et al. 2016 (arXiv:1511.06434); networks and training "
            "as in pytorch-gan-collections' DCGAN configuration"
        ),
        module="regan_tf.nets.dcgan",
        resolutions=(32, 48, 64),
        latent_dim=100,
        generator_width=128,
        discriminator_width=64,
        loss="non_saturating",
        steps=100_000,
        critic_steps=1,
        batch_size=128,
        generator_batch_size=256,
        learning_rate=2e-4,
        beta1=0.5,
        beta2=0.9,
        lr_decay="linear",
        ema_decay=0.0,
        flip=True,
        dequantize=False,
    ),
    "progan": _progan(
        "regan",
        "Saxena et al. 2023, sections 4.1 and 4.2, and the authors' code",
        resolutions=(4, 8, 16, 32, 64),
    ),
    "progan_karras": _progan(
        "karras",
        "Karras et al. 2018 (arXiv:1710.10196), appendix A.1",
        resolutions=(4, 8, 16, 32, 64, 128, 256),
        batch_group=4,
        steps="12000kimg",
        batch_size=16,
        stage_batch_sizes=(16, 16, 16, 16, 16, 16),
        ema_decay=0.999,
        flip=True,
    ),
    "autogan_a": _autogan("a"),
    "autogan_b": _autogan("b"),
    "autogan_c": _autogan("c"),
    "stylegan2": Recipe(
        source=(
            "Karras et al. 2020 (arXiv:1912.04958); the small network and "
            "its training as in DiffAugment's script for CIFAR-10, which the "
            "paper takes over"
        ),
        module="regan_tf.nets.stylegan2",
        resolutions=(8, 16, 32, 64, 128, 256, 512, 1024),
        latent_dim=512,
        generator_width=128,
        discriminator_width=128,
        loss="non_saturating",
        steps="25000kimg",
        critic_steps=1,
        batch_size=32,
        generator_batch_size=32,
        learning_rate=2e-3,
        beta1=0.0,
        beta2=0.99,
        lr_decay="none",
        ema_decay=0.0,
        ema_kimg=1000.0,
        ema_rampup=0.05,
        flip=True,
        dequantize=False,
        batch_group=4,
        r1_gamma=0.1,
        r1_images="augmented",
        mask_exclude=("to_rgb",),
        styles=True,
    ),
    "fastgan": Recipe(
        source=(
            "Liu et al. 2021 (arXiv:2101.04775); sizes and training as in "
            "the authors' code"
        ),
        module="regan_tf.nets.fastgan",
        resolutions=(64, 128, 256, 512, 1024),
        latent_dim=256,
        generator_width=64,
        discriminator_width=64,
        loss="soft_hinge",
        steps=50_000,
        critic_steps=1,
        batch_size=8,
        generator_batch_size=8,
        learning_rate=2e-4,
        beta1=0.5,
        beta2=0.999,
        lr_decay="none",
        ema_decay=0.999,
        flip=True,
        dequantize=False,
        diffaugment="color,translation",
        reconstructs=True,
    ),
}
