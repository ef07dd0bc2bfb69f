"""Small data sets and a stand-in network shared by the metrics' tests."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest

from regan_tf.metrics import Classifier, train_classifier


def load_digits_32() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's 1,797 digits, 8×8 upscaled to 32×32 RGB (bicubic)."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    grey = np.round(digits.images * (255 / 16)).astype(np.uint8)
    size = (32, 32)
    images = [Image.fromarray(g).resize(size, Image.BICUBIC) for g in grey]
    return np.stack([i.convert("RGB") for i in images]), digits.target


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, ...]:
    """Train images and labels, test images and labels, stratified 80/20."""
    from sklearn.model_selection import train_test_split

    images, labels = load_digits_32()
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, labels, test_size=0.2, stratify=labels, random_state=0
    )
    return train_images, train_labels, test_images, test_labels


@pytest.fixture(scope="session")
def digits_classifier(digits, tmp_path_factory) -> Classifier:
    """The real classifier, fully trained (about 15 seconds)."""
    return train_classifier(
        "digits",
        *digits,
        num_classes=10,
        fingerprint="sklearn-digits-32",
        cache_dir=str(tmp_path_factory.mktemp("classifiers")),
    )
