"""Initialisation and layers shared by the networks."""

import math

import numpy as np
import pytest

from regan_tf.nets import blocks


def _limit(kernel, gain):
    area = int(np.prod(kernel.shape[:-2]))
    fans = area * (kernel.shape[-2] + kernel.shape[-1])
    return gain * math.sqrt(6 / fans)


@pytest.mark.parametrize("gain", [1.0, math.sqrt(2)])
@pytest.mark.parametrize("shape", [(300, 200), (3, 3, 60, 90)])
def test_xavier_by_its_formula(shape, gain):
    values = np.array(blocks.xavier(gain)(shape))
    limit = _limit(values, gain)
    assert 0.99 * limit < np.abs(values).max() <= limit * (1 + 1e-6)
    assert values.std() == pytest.approx(limit / math.sqrt(3), rel=0.02)
    assert abs(values.mean()) < 0.02 * limit


@pytest.mark.parametrize("index", [0, 1])
def test_gain_is_sqrt2_in_residuals_and_1_elsewhere(full, index):
    for variable in full[index].trainable_variables:
        if variable.name != "kernel":
            continue
        values = variable.numpy()
        residual = "_conv" in variable.path
        limit = _limit(values, math.sqrt(2) if residual else 1.0)
        rel = 4 / math.sqrt(values.size)
        assert np.abs(values).max() <= limit * (1 + 1e-6), variable.path
        assert values.std() == pytest.approx(limit / math.sqrt(3), rel=rel), (
            variable.path
        )


@pytest.mark.parametrize("index", [0, 1])
def test_biases_start_at_zero_and_norms_at_identity(full, index):
    start = {
        "bias": 0.0,
        "beta": 0.0,
        "gamma": 1.0,
        "moving_mean": 0.0,
        "moving_variance": 1.0,
    }
    for variable in full[index].variables:
        if variable.name in start:
            assert np.all(variable.numpy() == start[variable.name])


def test_kernels_of_one_shape_start_unlike(full):
    values = [
        v.numpy()
        for v in full[0].trainable_variables
        if v.shape == (3, 3, 256, 256)
    ]
    assert len(values) == 6
    for i, one in enumerate(values):
        assert not any(np.array_equal(one, two) for two in values[:i])


def test_upsample_repeats_and_downsample_averages():
    x = np.arange(4, dtype="float32").reshape(1, 2, 2, 1)
    doubled = np.array(blocks.upsample(x, "up"))
    np.testing.assert_array_equal(
        doubled[0, :, :, 0],
        [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]],
    )
    halved = np.array(blocks.downsample(x, "down"))
    np.testing.assert_array_equal(halved, [[[[1.5]]]])


@pytest.mark.parametrize("masked", [False, True])
def test_layers_are_masked_if_asked(masked):
    for layers in (blocks.Layers.plain(masked), blocks.Layers.spectral(masked)):
        for kind in (layers.conv, layers.dense):
            assert kind.__name__.startswith("Masked") == masked
