"""Regularisers beside the loss."""

import math
from dataclasses import dataclass

from regan_tf.config.checks import check, check_choice

R1_IMAGES = ("plain", "augmented", "through")


@dataclass(frozen=True)
class PenaltyConfig:
    """R1 of the discriminator, path length of the generator.

    An interval of 1 adds a penalty to the loss of each update. A longer one
    is lazy (Karras et al. 2020, appendix B): every so many steps there is an
    update of the penalty alone, times the interval, and the network's Adam
    learns at the rate and decays to the power interval/(interval + 1).

    Attributes:
        r1_gamma: γ in γ/2·E‖∇D(x)‖² (Mescheder et al. 2018); 0 for none.
        r1_interval: steps from one R1 to the next.
        r1_images: where under augmentation: at the "plain" images, without
            augmentation; at the "augmented" ones; or at the plain ones
            "through" their augmentation.
        path_length: weight of the path length regularisation; 0 for none.
        path_interval: steps from one to the next, at least 2.
        perceptual_path: feature network that compares images with their
            reconstructions, where the discriminator makes some; None: the
            mean absolute difference of pixels does.
    """

    r1_gamma: float = 0.0
    r1_interval: int = 1
    r1_images: str = "plain"
    path_length: float = 0.0
    path_interval: int = 4
    perceptual_path: str | None = None

    def __post_init__(self) -> None:
        for name in ("r1_gamma", "path_length"):
            value = getattr(self, name)
            check(0 <= value < math.inf, name, "at least 0", value)
        check(
            1 <= self.r1_interval <= 1000,
            "r1_interval",
            "in [1, 1000]",
            self.r1_interval,
        )
        check(
            2 <= self.path_interval <= 1000,
            "path_interval",
            "in [2, 1000]",
            self.path_interval,
        )
        check_choice("r1_images", self.r1_images, R1_IMAGES)

    @property
    def lazy_r1(self) -> bool:
        """Whether R1 has updates of its own."""
        return self.r1_gamma > 0 and self.r1_interval > 1

    @property
    def intervals(self) -> dict[str, int | None]:
        """Steps between the lazy updates of each network; None: no such."""
        return {
            "generator": self.path_interval if self.path_length else None,
            "discriminator": self.r1_interval if self.lazy_r1 else None,
        }
