"""AutoGAN's generators against NumPy, each written out."""

import numpy as np
import pytest

from tests.nets.conftest import scramble
from tests.nets.numpy_layers import bilinear, norm
from tests.nets.numpy_sngan import conv, relu, up, weights_of
from tests.nets.small import check_uniform, latents, small


def _top_a(w, x, training):
    x1, skip1 = _first(w, x, lambda x, name: x)
    h = _conv(w, bilinear(relu(x1)), "cell2_conv1")
    skip2 = h + _conv(w, bilinear(skip1), "cell2_skip1")
    h = _conv(w, relu(skip2), "cell2_conv2")
    x2 = h + _conv(w, bilinear(x1), "cell2_shortcut")
    return _third(w, x2, skip1, skip2)


def _top_b(w, x, training):
    x1, skip1 = _first(w, x, lambda x, name: x)
    h = _conv(w, up(relu(x1)), "cell2_conv1")
    skip2 = h + _conv(w, up(skip1), "cell2_skip1")
    h = _conv(w, relu(skip2), "cell2_conv2")
    x2 = h + _conv(w, up(x1), "cell2_shortcut")
    x3 = _third(w, x2, skip1, skip2)
    return x3 + _conv(w, up(x2), "cell3_shortcut")


def _top_c(w, x, training):
    x1, skip1 = _first(w, x, lambda x, name: norm(w, x, name, training))
    h = _conv(w, bilinear(relu(x1)), "cell2_conv1")
    skip2 = h + _conv(w, bilinear(skip1), "cell2_skip1")
    h = _conv(w, relu(skip2), "cell2_conv2")
    x2 = h + _conv(w, bilinear(x1), "cell2_shortcut")
    return _third(w, x2, skip1, skip2)


def _conv(w, x, name):
    return conv(x, w[f"{name}/kernel"], w[f"{name}/bias"])


def _first(w, x, normalise):
    h = relu(normalise(x, "cell1_norm1"))
    skip = _conv(w, up(h), "cell1_conv1")
    h = relu(normalise(skip, "cell1_norm2"))
    h = _conv(w, h, "cell1_conv2")
    return h + _conv(w, up(x), "cell1_shortcut"), skip


def _third(w, x, skip1, skip2):
    h = _conv(w, up(relu(x)), "cell3_conv1")
    h = h + _conv(w, up(up(skip1)), "cell3_skip1")
    h = h + _conv(w, up(skip2), "cell3_skip2")
    return _conv(w, relu(h), "cell3_conv2")


WIRINGS = {"a": _top_a, "b": _top_b, "c": _top_c}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("variant", WIRINGS)
def test_wiring(variant, fused, training):
    model, _ = small(f"autogan_{variant}", fused=fused)
    scramble(model)
    w = weights_of(model)
    x = latents() @ w["dense/kernel"] + w["dense/bias"]
    x = WIRINGS[variant](w, x.reshape(3, 4, 4, 4), training)
    x = _conv(w, relu(norm(w, x, "norm", training)), "to_rgb")
    images = model(latents(), training=training)
    np.testing.assert_allclose(images, np.tanh(x), atol=1e-4)
    # That is all that the model has.
    assert {p.split("/")[0] for p in w if p.endswith("kernel")} == {
        layer.name for layer in model.layers if hasattr(layer, "kernel")
    }


def test_weights_start_as_the_authors_do():
    for model in small("autogan_c", latent_dim=50, widths=(48, 48)):
        for v in model.trainable_variables:
            layer = model.get_layer(v.path.split("/")[0])
            if v.name == "gamma":
                assert abs(v.numpy().mean() - 1) < 0.02, v.path
                assert 0.01 < v.numpy().std() < 0.03, v.path
            elif v.name == "beta":
                assert not v.numpy().any()
            else:
                *area, fan_in, fan_out = layer.kernel.shape
                area = int(np.prod(area))
                xavier = v.name == "kernel" and layer.name != "dense"
                share = area * (fan_in + fan_out) / 6 if xavier else 0
                check_uniform(v, 1 / np.sqrt(share or area * fan_in))
