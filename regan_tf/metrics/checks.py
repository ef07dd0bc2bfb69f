"""Checks of arrays shared by the measures; each raises a one-line error."""

import numpy as np

from regan_tf.errors import UserError


def check_images(images: np.ndarray, what: str = "images") -> None:
    """Raises `UserError` unless `images` are uint8 of shape (N, R, R, 3).

    Args:
        images: the array to check; values in [0, 255], N at least 1.
        what: how the message calls the array.
    """
    shape = np.shape(images)
    good = len(shape) == 4 and shape[0] > 0 and shape[3] == 3
    if not good or shape[1] != shape[2]:
        raise UserError(
            f"{what} must have the shape (N, R, R, 3) with N > 0. "
            f"Received: shape {shape}. Crop to squares and convert to RGB."
        )
    if images.dtype != np.uint8:
        raise UserError(
            f"{what} must be uint8 in [0, 255]. Received: {images.dtype}. "
            "Round and clip them first, as an image file would."
        )


def check_matrix(values: np.ndarray, what: str, min_rows: int) -> np.ndarray:
    """Returns `values` as float64 after checking shape and finiteness.

    Args:
        values: (N, D) array of any real type.
        what: how the messages call the array.
        min_rows: least N with which the measure is defined.

    Raises:
        UserError: not two-dimensional, fewer than `min_rows` rows, or some
            values not finite (the message gives how many).
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise UserError(
            f"{what} must have the shape (N, D). Received: {values.shape}."
        )
    if len(values) < min_rows:
        raise UserError(
            f"{what} must have at least {min_rows} rows. "
            f"Received: {len(values)}. Score more images."
        )
    bad = np.count_nonzero(~np.isfinite(values))
    if bad:
        raise UserError(
            f"{what} must be finite. Received: {bad} of {values.size} values "
            "NaN or infinite. Check the feature network and its input."
        )
    return values


def check_pair(
    real: np.ndarray, fake: np.ndarray, min_rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns two sets of features as float64 after checking them.

    Args:
        real: (N, D) features of the reference images.
        fake: (M, D) features of the generated images.
        min_rows: least N and M with which the measure is defined.

    Raises:
        UserError: as in `check_matrix`, or unlike widths.
    """
    real = check_matrix(real, "features of the reference images", min_rows)
    fake = check_matrix(fake, "features of the generated images", min_rows)
    if real.shape[1] != fake.shape[1]:
        raise UserError(
            "Both sets of features must have the same width. Received: "
            f"{real.shape[1]} and {fake.shape[1]}. Use one feature network."
        )
    return real, fake
