"""SNGAN's networks against the data sheet, NumPy and each other."""

import numpy as np
import pytest

from tests.nets import numpy_sngan
from tests.nets.conftest import networks, scramble

RNG = np.random.default_rng(7)
Z = RNG.normal(size=(3, 5)).astype("float32")


def _images(resolution=32, count=3):
    shape = (count, resolution, resolution, 3)
    return RNG.uniform(-1, 1, shape).astype("float32")


def _count(variables):
    return sum(int(np.prod(v.shape)) for v in variables)


def _kernels(model):
    return [v for v in model.trainable_variables if v.name == "kernel"]


def test_counts_of_the_data_sheet(full):
    generator, discriminator = full
    assert _count(generator.trainable_variables) == 4_276_739
    assert _count(_kernels(generator)) == 4_266_752
    assert len(generator.trainable_variables) == 36
    assert _count(discriminator.trainable_variables) == 1_053_824
    assert _count(_kernels(discriminator)) == 1_052_544


def test_masks_add_no_trainable_variable(full):
    masked = networks(latent_dim=128, widths=(256, 128), masked=(True, True))
    for ours, plain in zip(masked, full, strict=True):
        assert [(v.path, v.shape) for v in ours.trainable_variables] == [
            (v.path, v.shape) for v in plain.trainable_variables
        ]
        masks = [v for v in ours.variables if v.name == "kernel_mask"]
        assert _count(masks) == _count(_kernels(plain))


@pytest.mark.parametrize("masked", [(True, False), (False, True)])
def test_masks_are_chosen_for_each_network(masked):
    for model, wanted in zip(networks(masked=masked), masked, strict=True):
        paths = [v.path for v in model.variables]
        assert any("kernel_mask" in p for p in paths) == wanted


@pytest.mark.parametrize(
    ("resolution", "seed", "blocks", "last"),
    [(32, 4, 3, 8), (48, 6, 3, 12), (64, 4, 4, 8)],
)
def test_sizes_at_every_resolution(resolution, seed, blocks, last):
    generator, discriminator = networks(resolution)
    assert generator.get_layer("seed").output.shape == (None, seed, seed, 6)
    assert len(generator.trainable_variables) == 6 + 10 * blocks
    flat = discriminator.get_layer("flat2_sum").output
    assert flat.shape == (None, last, last, 7)
    assert discriminator.output.shape == (None, 1)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("resolution", [32, 48, 64])
def test_generator_equals_numpy(resolution, training, policy):
    policy("float64")  # but for the last cast; batch statistics lose digits
    generator, _ = networks(resolution)
    scramble(generator)
    side = {32: 4, 48: 6, 64: 4}[resolution]
    weights = numpy_sngan.weights_of(generator)
    np.testing.assert_allclose(
        generator(Z, training=training),
        numpy_sngan.generator(weights, Z, side, training),
        atol=1e-6,
    )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("resolution", [32, 48, 64])
def test_discriminator_equals_numpy(resolution, training, policy):
    policy("float64")
    _, discriminator = networks(resolution)
    scramble(discriminator)
    images = _images(resolution)
    weights = numpy_sngan.weights_of(discriminator)
    np.testing.assert_allclose(
        discriminator(images, training=training),
        numpy_sngan.discriminator(weights, images),
        rtol=1e-6,
        atol=1e-6,
    )


def test_logits_do_not_depend_on_the_batch():
    _, discriminator = networks()
    images = _images(count=4)
    apart = [discriminator(images[i : i + 1]) for i in range(4)]
    np.testing.assert_allclose(
        np.concatenate(apart), discriminator(images), rtol=1e-5
    )


def test_single_precision_is_near_numpy():
    generator, discriminator = networks()
    scramble(generator)
    scramble(discriminator)
    images = generator(Z).numpy()
    weights = numpy_sngan.weights_of(generator)
    wanted = numpy_sngan.generator(weights, Z)
    np.testing.assert_allclose(images, wanted, atol=1e-5)
    weights = numpy_sngan.weights_of(discriminator)
    wanted = numpy_sngan.discriminator(weights, images)
    np.testing.assert_allclose(
        discriminator(images), wanted, rtol=1e-5, atol=1e-5
    )


def test_statistics_move_as_in_pytorch():
    generator, _ = networks()
    scramble(generator)
    norm = generator.get_layer("up1_norm1")
    mean, var = norm.moving_mean.numpy(), norm.moving_variance.numpy()
    weights = numpy_sngan.weights_of(generator)
    x = (Z @ weights["dense/kernel"] + weights["dense/bias"]).reshape(-1, 6)
    generator(Z, training=True)
    np.testing.assert_allclose(
        norm.moving_mean, 0.9 * mean + 0.1 * x.mean(0), atol=1e-6
    )
    np.testing.assert_allclose(
        norm.moving_variance, 0.9 * var + 0.1 * x.var(0), atol=1e-6
    )
