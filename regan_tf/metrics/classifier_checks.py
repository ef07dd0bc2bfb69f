"""Checks of what `train_classifier` is given."""

import re

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.checks import check_images

_MIN_RESOLUTION = 8  # pixels; the network halves three times


def check_name(name: str) -> None:
    """Raises `UserError` unless `name` can stand in a file name."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise UserError(
            'A data set name must consist of letters, digits, "_" and "-". '
            f"Received: {name!r}. Rename it."
        )


def check_labels(
    name: str,
    images: np.ndarray,
    labels: np.ndarray | None,
    num_classes: int,
    what: str,
) -> None:
    """Raises `UserError` unless images and labels can train a classifier.

    Args:
        name: of the data set, for the messages.
        images: expected uint8 (N, R, R, 3), R at least 8.
        labels: expected (N,) integers in [0, `num_classes`).
        num_classes: expected at least 2.
        what: how the messages call the images.
    """
    if labels is None or num_classes is None:
        raise UserError(
            f"A classifier needs labels; the {what} of {name!r} have none. "
            "Pass --inception_path=<directory> to score with Inception."
        )
    check_images(images, what)
    if images.shape[1] < _MIN_RESOLUTION:
        raise UserError(
            f"{what} must be at least {_MIN_RESOLUTION} pixels wide. "
            f"Received: {images.shape[1]}. Use a higher resolution."
        )
    labels = np.asarray(labels)
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise UserError(
            f"Labels of {what} must be {len(images)} integers, one an image. "
            f"Received: shape {labels.shape}, {labels.dtype}."
        )
    low, high = int(labels.min()), int(labels.max())
    if num_classes < 2 or low < 0 or high >= num_classes:
        raise UserError(
            "Labels must be in [0, num_classes) with num_classes > 1. "
            f"Received: labels from {low} to {high}, num_classes={num_classes}."
        )


def check_same_size(images: np.ndarray, test_images: np.ndarray) -> None:
    """Raises `UserError` unless both have one resolution."""
    if images.shape[1] != test_images.shape[1]:
        raise UserError(
            "images and test_images must have one resolution. Received: "
            f"{images.shape[1]} and {test_images.shape[1]}. Resize one."
        )
