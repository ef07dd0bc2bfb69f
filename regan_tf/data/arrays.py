"""The sets that come as arrays: scikit-learn's digits, Keras' CIFAR-10."""

import numpy as np
from PIL import Image

from regan_tf.data.decode import fit_square
from regan_tf.data.image_set import ImageSet, StreamedImages, fingerprint_of
from regan_tf.data.subset import subset_indices
from regan_tf.errors import UserError

DIGITS_TRAIN = 1438  # 80% of 1,797, rounded
CIFAR10_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


def load_digits(split: str, resolution: int, memory_limit: int) -> ImageSet:
    """The 1,797 handwritten digits (8×8, 0..16) that scikit-learn ships.

    Scaled to 0..255, to RGB and to `resolution`. They have no split of their
    own: 80% of each class, always the same images, are "train".
    """
    from sklearn import datasets

    digits = datasets.load_digits()
    grey = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    labels = digits.target.astype(np.int32)
    chosen = subset_indices(labels, len(labels), DIGITS_TRAIN)
    if split == "test":
        chosen = np.setdiff1d(np.arange(len(labels)), chosen)
    images = _scaled_set(
        np.repeat(grey[chosen, :, :, None], 3, axis=3),
        resolution,
        memory_limit,
    )
    fingerprint = fingerprint_of(
        "array", resolution, grey[chosen], labels[chosen]
    )
    names = tuple(str(digit) for digit in range(10))
    return ImageSet("digits", split, images, labels[chosen], names, fingerprint)


def load_cifar10(split: str, resolution: int, memory_limit: int) -> ImageSet:
    """CIFAR-10 as Keras downloads it: 50,000 and 10,000 images of 32×32.

    Raises:
        UserError: the download failed.
    """
    try:
        import keras

        train, test = keras.datasets.cifar10.load_data()
    except Exception as error:  # of any kind: no network, full disk, ...
        raise UserError(
            f"CIFAR-10 could not be downloaded ({type(error).__name__}). Give "
            "it by --data_path: a folder or zip with train/<class>/ and "
            "test/<class>/"
        ) from error
    source, labels = train if split == "train" else test
    labels = labels.ravel().astype(np.int32)
    images = _scaled_set(source, resolution, memory_limit)
    fingerprint = fingerprint_of("array", resolution, source, labels)
    return ImageSet(
        "cifar10", split, images, labels, CIFAR10_CLASSES, fingerprint
    )


def _scaled_set(
    source: np.ndarray, resolution: int, memory_limit: int
) -> np.ndarray | StreamedImages:
    """uint8 images `(N, r, r, 3)` scaled to `resolution`, now or on demand."""

    def scaled(i: int) -> np.ndarray:
        return fit_square(Image.fromarray(source[i]), resolution)

    images = StreamedImages(scaled, np.arange(len(source)), resolution)
    return images[:] if images.nbytes <= memory_limit else images
