"""Stability of training (the paper's Figure 7): how far images move."""

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.checks import check_images

NUM_LATENTS = 64  # fixed latents in the paper's Figure 7
_SCALE = 127.5  # levels of uint8 for 1 on the scale [-1, 1]


def consecutive_mse(previous: np.ndarray, current: np.ndarray) -> float:
    """Mean squared error between images of the same latents, over time.

    Figure 7 of the Re-GAN paper: 64 fixed latents are drawn at each epoch,
    and the measure is the mean over images, pixels and channels of the
    squared difference from the evaluation before; small means stable. The
    pixel scale, which the paper leaves unstated, is [-1, 1] here (uint8 level
    v stands for v / 127.5 - 1); on [0, 1] the same images give a quarter of
    ours, on [0, 255] 127.5² times ours. Compare only equal intervals between
    evaluations. The sum is of integers, hence exact in any order.

    Args:
        previous: uint8 (N, R, R, 3), images of the earlier evaluation.
        current: uint8 (N, R, R, 3), of the same latents in the same order.

    Returns:
        A number in [0, 4]; 0 for equal images, 4 from all black to all white.

    Raises:
        UserError: not images, or unlike shapes.
    """
    check_images(previous, "images of the previous evaluation")
    check_images(current, "images of the current evaluation")
    if previous.shape != current.shape:
        raise UserError(
            "Images of both evaluations must have the same shape. Received: "
            f"{previous.shape} and {current.shape}. Draw the same latents."
        )
    total = sum(map(_squared_sum, previous, current))
    return total / previous.size / _SCALE**2


def _squared_sum(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.sum(np.square(a.astype(np.int64) - b)))
