"""SNGAN's CNN against NumPy, from the table of its layers."""

import numpy as np
import pytest

from tests.nets.conftest import scramble
from tests.nets.numpy_layers import leaky, norm, strided, transposed
from tests.nets.numpy_sngan import conv, normalised, weights_of
from tests.nets.small import latents, pictures, small


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("resolution", [32, 48])
def test_generator(resolution, training):
    model, _ = small("sngan_cnn", resolution)
    scramble(model)
    w, side = weights_of(model), resolution // 8
    x = latents() @ w["dense/kernel"] + w["dense/bias"]
    x = x.reshape(3, side, side, 32)
    for i in (1, 2, 3):
        x = np.maximum(norm(w, x, f"norm{i}", training), 0)
        x = transposed(x, w[f"up{i}/kernel"]) + w[f"up{i}/bias"]
    x = np.maximum(norm(w, x, "norm", training), 0)
    x = conv(x, w["to_rgb/kernel"], w["to_rgb/bias"])
    images = model(latents(), training=training)
    np.testing.assert_allclose(images, np.tanh(x), atol=1e-4)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("resolution", [32, 48])
def test_discriminator(resolution, training):
    _, model = small("sngan_cnn", resolution)
    scramble(model)
    w = weights_of(model)

    def kernel(name):
        return normalised(w[f"{name}/kernel"], w[f"{name}/u"])[0]

    x = pictures(resolution=resolution)
    for name in "conv0 down1 conv1 down2 conv2 down3 conv3".split():
        if name.startswith("down"):
            x = strided(x, kernel(name), edge=1) + w[f"{name}/bias"]
        else:
            x = conv(x, kernel(name), w[f"{name}/bias"])
        x = leaky(x, 0.1)
    logits = x.reshape(3, -1) @ kernel("dense") + w["dense/bias"]
    outputs = model(pictures(resolution=resolution), training=training)
    np.testing.assert_allclose(outputs, logits, rtol=1e-4, atol=1e-4)


def test_weights_start_normal_and_biases_at_zero():
    for model in small("sngan_cnn", latent_dim=50, widths=(16, 16)):
        for variable in model.trainable_variables:
            values = variable.numpy()
            if variable.name == "bias":
                assert not values.any()
            if variable.name == "kernel":
                near = 4 / np.sqrt(values.size)
                assert abs(values.std() / 0.02 - 1) < near, variable.path
                assert abs(values.mean()) < 0.02 * near, variable.path
                beyond = np.mean(np.abs(values) > 0.04)  # a normal's 4.6%
                assert abs(beyond - 0.0455) < near, variable.path
