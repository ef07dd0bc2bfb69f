"""Which networks."""

from dataclasses import dataclass

from regan_tf.config.checks import check


@dataclass(frozen=True)
class NetworkConfig:
    """Which networks; widths in channels.

    `fuse_resampling` computes the same with fewer multiplications.
    """

    arch: str
    latent_dim: int
    generator_width: int
    discriminator_width: int
    fuse_resampling: bool

    def __post_init__(self) -> None:
        for name in ("generator_width", "discriminator_width"):
            value = getattr(self, name)
            check(1 <= value <= 4096, name, "in [1, 4096]", value)
