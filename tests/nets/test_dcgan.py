"""DCGAN against NumPy, from the table of its layers."""

import numpy as np
import pytest

from regan_tf.nets import build_networks
from tests.nets.conftest import scramble
from tests.nets.numpy_layers import leaky, norm, strided, transposed
from tests.nets.numpy_sngan import weights_of
from tests.nets.small import check_uniform, latents, pictures, small


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("resolution", [32, 64])
def test_generator(resolution, training):
    model, _ = small("dcgan", resolution)
    scramble(model)
    w, side = weights_of(model), resolution // 16
    x = (latents() @ w["dense/kernel"]).reshape(3, side, side, 32)
    for name, up in zip(
        ("norm1", "norm2", "norm3", "norm"),
        ("up1", "up2", "up3", "to_rgb"),
        strict=True,
    ):
        x = np.maximum(norm(w, x, name, training), 0)
        x = transposed(x, w[f"{up}/kernel"])
    images = model(latents(), training=training)
    np.testing.assert_allclose(images, np.tanh(x), atol=1e-4)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("resolution", [32, 64])
def test_discriminator(resolution, training):
    _, model = small("dcgan", resolution)
    scramble(model)
    w = weights_of(model)
    x = pictures(resolution=resolution)
    for i in (1, 2, 3, 4):
        x = leaky(strided(x, w[f"down{i}/kernel"], edge=2), 0.2)
        if i > 1:
            x = norm(w, x, f"norm{i}", training)
    logits = x.reshape(3, -1) @ w["dense/kernel"] + w["dense/bias"]
    outputs = model(pictures(resolution=resolution), training=training)
    np.testing.assert_allclose(outputs, logits, rtol=1e-4, atol=1e-4)


def test_weights_start_in_the_limits_of_pytorch():
    """1/√fan in; of a transposed convolution that is channels out · k · k,
    also of the first, which is a dense layer here."""
    generator, discriminator = small("dcgan", latent_dim=50, widths=(16, 16))
    for v in (*generator.trainable_variables, *discriminator.variables):
        if v.path.endswith("kernel"):
            shape = v.shape
            of_generator = any(v is g for g in generator.variables)
            if v.path == "dense/kernel":
                fan = shape[1] if of_generator else shape[0]
            else:
                fan = shape[0] * shape[1] * shape[2]
            check_uniform(v, 1 / np.sqrt(fan))
    assert 0 < abs(discriminator.get_layer("dense").bias.numpy()[0]) < 1 / 22


def test_logits_depend_on_the_batch():
    """So real and fake images must not share one."""
    networks = build_networks(
        "dcgan",
        resolution=32,
        latent_dim=5,
        widths=(4, 4),
        masked=(False, False),
    )
    assert networks.mixes_batch
    model, x = networks.discriminator, pictures()
    whole, part = model(x, training=True)[:2], model(x[:2], training=True)
    assert np.abs(whole - part).max() > 1e-3
