"""TF-GAN's Inception network, whose distances alone are called FID."""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from regan_tf.errors import UserError
from regan_tf.metrics.image_network import ImageNetwork
from regan_tf.metrics.resize import check_mode
from regan_tf.metrics.saved_model import (
    endpoint,
    load_from_directory,
    load_from_hub,
    one_line,
    sha256_of,
)
from regan_tf.metrics.user_network import traced

INCEPTION_SIZE = 299  # pixels
INCEPTION_FEATURES = 2048  # width of "pool_3"
INCEPTION_CLASSES = 1008  # width of "logits"


class Inception(ImageNetwork):
    """TF-GAN's Inception network (tensorflow/tfgan/eval/inception/1).

    Images of any resolution are resized to 299×299 and scaled to [-1, 1] (0
    to -1, 255 to 1). TF-GAN's own examples resize by "tf2-bilinear", the
    first FID code by "tf1-bilinear", which gives other figures.

    Args:
        model: maps float32 images (N, 299, 299, 3) to a dict with "pool_3"
            (N, 2048) and "logits" (N, 1008). Use `load_inception`.
        sha256: hash of the weights.
        batch_size: images per call of `model`; only memory depends on it.
        resize: mode, see `regan_tf.metrics.resize`.

    Call arguments:
        images: uint8 (N, R, R, 3), N at least 1.

    Returns of a call:
        `Features` with (N, 2048) features and (N, 1008) logits.
    """

    is_tfgan_inception = True  # for `score_name`; a name can be anyone's

    def __init__(
        self,
        model: Callable[[Any], Mapping[str, Any]],
        sha256: str,
        batch_size: int = 50,
        *,
        resize: str = "tf2-bilinear",
    ):
        super().__init__(
            model,
            name="inception",
            sha256=sha256,
            size=INCEPTION_SIZE,
            resize=resize,
            batch_size=batch_size,
        )


def load_inception(
    path: str | None = None,
    *,
    resize: str = "tf2-bilinear",
    sha256: str | None = None,
) -> Inception:
    """Loads TF-GAN's Inception network, to the current device.

    Args:
        path: directory of its SavedModel: callable, or with a
            "serving_default" signature, returning a dict with "pool_3"
            (N, 2048) and "logits" (N, 1008). A local copy is taken at its
            word to be TF-GAN's; `sha256` records which weights it held. None
            takes the network from TensorFlow Hub or from Hub's cache
            (environment variable `TFHUB_CACHE_DIR`).
        resize: mode, see `regan_tf.metrics.resize`.
        sha256: the hash that the weights must have, 64 hex digits of either
            case, as recorded with a score ("feature_sha256"); None: any.

    Raises:
        UserError: nothing loadable there, another hash, wrong outputs, or Hub
            cannot be reached (told within seconds).
    """
    check_mode(resize)
    _check_digits(sha256)
    if not path:  # an empty flag means none
        model, path = load_from_hub()
        what = "The SavedModel from TensorFlow Hub"
    else:
        path = os.path.expanduser(path)
        what = f"--inception_path={path!r}"
        model = load_from_directory(path, what)
    found = sha256_of(path)
    if sha256 is not None and found != sha256.lower():
        raise UserError(
            f"{what} must have the --inception_sha256 {sha256.lower()}. "
            f"Received: {found}. Pass the weights that you expect, or the "
            "hash of these."
        )
    function, _ = endpoint(model, what)
    try:
        network = Inception(
            traced(function, INCEPTION_SIZE), found, resize=resize
        )
        widths = network.try_out()
    except Exception as error:  # of TensorFlow and the network
        widths = one_line(error)
    if widths != (INCEPTION_FEATURES, INCEPTION_CLASSES):
        raise UserError(
            f"{what} must map images (N, 299, 299, 3) to a dict of "
            '"pool_3" (N, 2048) and "logits" (N, 1008). '
            f"Received: {widths}. Pass --inception_path=<directory> with "
            "tensorflow/tfgan/eval/inception/1."
        )
    return network


def _check_digits(sha256: str | None) -> None:
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise UserError(
            "--inception_sha256 must be 64 hex digits. "
            f"Received: {sha256!r}. Take it from the record of a score."
        )
