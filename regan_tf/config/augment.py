"""Augmentation of what the discriminator sees."""

import math
from dataclasses import dataclass

from regan_tf.augment import parse_policy
from regan_tf.config.checks import check


@dataclass(frozen=True)
class AugmentConfig:
    """DiffAugment and adaptive pseudo augmentation (APA).

    Attributes:
        diffaugment: its policy, such as "color,translation,cutout"; "" for
            none (Zhao et al. 2020, arXiv:2006.10738).
        apa: whether generated images stand in for some of the real ones
            (Jiang et al. 2021, arXiv:2111.06849).
        apa_target: mean sign of the real logits above which their share
            rises, in (-1, 1).
        apa_kimg: thousands of images in which it moves by 1.
    """

    diffaugment: str = ""
    apa: bool = False
    apa_target: float = 0.6
    apa_kimg: float = 500.0

    def __post_init__(self) -> None:
        parse_policy(self.diffaugment)
        target = self.apa_target
        check(-1 < target < 1, "apa_target", "in (-1, 1)", target)
        kimg = self.apa_kimg
        check(0 < kimg < math.inf, "apa_kimg", "a positive number", kimg)

    @property
    def policy(self) -> tuple[str, ...]:
        """The parts of the DiffAugment policy, in order."""
        return parse_policy(self.diffaugment)
