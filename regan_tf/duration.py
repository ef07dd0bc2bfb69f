"""Lengths of training: steps, epochs or thousands of images."""

import math
import re
from dataclasses import dataclass

from regan_tf.errors import UserError

_PATTERN = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(ep|kimg|)\s*$")


@dataclass(frozen=True)
class Duration:
    """A length of training.

    Attributes:
        amount: how many units, at least 0.
        unit: "" for steps (one generator update with its critic updates),
            "ep" for passes of the discriminator over the training images,
            "kimg" for thousands of real images shown to the discriminator.
    """

    amount: float
    unit: str = ""

    @classmethod
    def parse(cls, text: str, flag: str) -> "Duration":
        """Reads `"500"`, `"20ep"` or `"500kimg"`.

        Raises:
            UserError: if `text` is none of these; names `flag`.
        """
        match = _PATTERN.match(str(text))
        if not match or (not match[2] and not float(match[1]).is_integer()):
            raise UserError(
                f"--{flag} must be a number of steps, epochs or thousands of "
                f"images, such as 500, 20ep or 500kimg. Received: {text!r}"
            )
        return cls(float(match[1]), match[2])

    def steps(self, images_per_step: int, num_images: int) -> int:
        """This length in steps, rounded to the nearest, at least 1 unless 0.

        Args:
            images_per_step: real images the discriminator sees in a step.
            num_images: images of the training set.
        """
        if not self.unit:
            return int(self.amount)
        images = self.images(num_images)
        nearest = math.floor(images / images_per_step + 0.5)
        return max(1, nearest) if images else 0

    def images(self, num_images: int) -> float:
        """Real images shown in this length, which is not in steps."""
        return self.amount * (num_images if self.unit == "ep" else 1000)

    def __str__(self) -> str:
        return f"{self.amount:g}{self.unit}"
