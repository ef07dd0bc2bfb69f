"""Augmentation, split and settings of the classifier's training."""

import numpy as np
import pytest

from regan_tf.errors import UserError
from regan_tf.metrics.classifier_fit import (
    FitSettings,
    augment,
    split_stratified,
)
from regan_tf.metrics.classifier_network import build_network, whiten


def _columns(count: int) -> np.ndarray:
    """Images whose pixel value is its column number."""
    return np.tile(np.arange(16, dtype=np.uint8)[:, None], (count, 16, 1, 3))


def test_shifts_are_small_and_repeat_the_edge():
    images = _columns(50)
    shifted = augment(images, np.random.default_rng(0), FitSettings(epochs=1))
    assert shifted.shape == images.shape
    rows = shifted[:, 0, :, 0].astype(int)
    offsets = rows[:, 8] - 8
    assert set(offsets) == {-1, 0, 1}
    expected = np.clip(np.arange(16) + offsets[:, None], 0, 15)
    np.testing.assert_array_equal(rows, expected)


def test_flip_mirrors_about_half_and_only_if_asked():
    rng = np.random.default_rng(0)
    settings = FitSettings(epochs=1, flip=True)
    rows = augment(_columns(400), rng, settings)[:, 0, :, 0].astype(int)
    mirrored = np.mean(rows[:, 0] > rows[:, -1])
    assert 0.4 < mirrored < 0.6
    rows = augment(_columns(400), rng, FitSettings(epochs=1))[:, 0, :, 0]
    assert np.all(rows[:, 0] < rows[:, -1])


def test_rows_shift_apart_from_columns():
    images = np.swapaxes(_columns(50), 1, 2)  # value is the row number
    shifted = augment(images, np.random.default_rng(0), FitSettings(epochs=1))
    assert set(shifted[:, 8, 0, 0]) == {7, 8, 9}


def test_split_keeps_the_classes_in_proportion():
    labels = np.repeat([0, 1, 2], [50, 10, 2])
    kept, held = split_stratified(labels, 0.2, seed=0)
    assert sorted([*kept, *held]) == list(range(62))
    np.testing.assert_array_equal(np.bincount(labels[held]), [10, 2, 1])
    again = split_stratified(labels, 0.2, seed=0)[1]
    np.testing.assert_array_equal(held, again)
    assert not np.array_equal(held, split_stratified(labels, 0.2, seed=1)[1])


def test_split_of_single_images_is_refused():
    with pytest.raises(UserError, match="at least 2"):
        split_stratified(np.arange(5), 0.2, seed=0)


@pytest.mark.parametrize(
    ("num_images", "epochs"), [(1437, 16), (100, 160), (50_000, 16), (10**6, 1)]
)
def test_epochs_follow_the_size(num_images, epochs):
    assert FitSettings.for_size(num_images, flip=False).epochs == epochs


@pytest.mark.parametrize("resolution", [8, 32, 64, 256])
def test_network_shapes_at_every_resolution(resolution):
    model = build_network(resolution, num_classes=7, seed=0)
    shapes = [tuple(output.shape) for output in model.outputs]
    assert shapes == [(None, 192), (None, 7)]


def test_the_first_layer_whitens_patches():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 200, (300, 8, 8, 3))
    images[..., 1] = (images[..., 0] + images[..., 1]) // 2  # correlated
    images = images.astype(np.uint8)
    model = build_network(8, 2, seed=0)
    whiten(model, images)
    pixels = images.astype(np.float32) / 127.5 - 1
    found = model.get_layer("whitening")(pixels).numpy()[..., :12]
    covariance = np.cov(found.reshape(-1, 12).T)
    np.testing.assert_allclose(covariance, np.eye(12), atol=0.1)


def test_convolutions_start_as_the_identity():
    model = build_network(8, 2, seed=0)
    kernel = model.get_layer("conv1").kernel.numpy()
    expected = np.zeros((3, 3, 48, 48))
    expected[1, 1] = np.eye(48)
    np.testing.assert_array_equal(kernel, expected)
    assert model.get_layer("conv2").kernel.numpy()[..., 48:].std() > 0


def test_directions_without_variance_are_not_amplified():
    grey = np.random.default_rng(0).integers(0, 256, (300, 8, 8, 1))
    model = build_network(8, 2, seed=0)
    whiten(model, np.repeat(grey, 3, axis=3).astype(np.uint8))
    kernel = model.get_layer("whitening").kernel.numpy()[..., :12]
    norms = np.sqrt((kernel**2).sum(axis=(0, 1, 2)))
    assert np.isfinite(norms).all()
    assert (norms[4:] < 1).all()  # 4 grey pixels in a patch; 8 of colour
    assert (norms[:4] > 0.9).all()
