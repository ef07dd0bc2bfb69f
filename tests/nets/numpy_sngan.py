"""SNGAN's forward passes in NumPy, float64, written from Table 4 alone.

`weights` are dicts from variable path ("up1_conv1/kernel") to array.
"""

import numpy as np


def weights_of(model):
    """Variables of a model by path, in float64."""
    return {v.path: v.numpy().astype("float64") for v in model.variables}


def conv(x, kernel, bias):
    """Convolution with zero padding: (B, H, W, C) to (B, H, W, filters)."""
    side, (height, width) = kernel.shape[0], x.shape[1:3]
    edge = side // 2
    x = np.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    return bias + sum(
        x[:, i : i + height, j : j + width] @ kernel[i, j]
        for i in range(side)
        for j in range(side)
    )


def up(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def down(x):
    a, b = x[:, ::2, ::2], x[:, ::2, 1::2]
    c, d = x[:, 1::2, ::2], x[:, 1::2, 1::2]
    return (a + b + c + d) / 4


def relu(x):
    return np.maximum(x, 0)


def generator(weights, z, side=4, training=False):
    """(B, latent) to images (B, R, R, 3) in [-1, 1]."""
    w = weights

    def norm(x, name):
        mean, var = w[f"{name}/moving_mean"], w[f"{name}/moving_variance"]
        if training:
            mean, var = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
        x = (x - mean) / np.sqrt(var + 1e-5)
        return relu(x * w[f"{name}/gamma"] + w[f"{name}/beta"])

    def layer(x, name):
        return conv(x, w[f"{name}/kernel"], w[f"{name}/bias"])

    x = z @ w["dense/kernel"] + w["dense/bias"]
    x = x.reshape(len(z), side, side, -1)
    for name in sorted({n[:3] for n in w if n.startswith("up")}):
        h = layer(up(norm(x, f"{name}_norm1")), f"{name}_conv1")
        h = layer(norm(h, f"{name}_norm2"), f"{name}_conv2")
        x = h + layer(up(x), f"{name}_shortcut")
    return np.tanh(layer(norm(x, "norm"), "to_rgb"))


def normalised(kernel, u):
    """A kernel over its spectral norm, estimated with one iteration from u,
    and the new u."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    v = matrix @ u
    v /= np.linalg.norm(v)
    u = matrix.T @ v
    sigma = np.linalg.norm(u)
    return kernel / sigma, u / sigma


def discriminator(weights, x):
    """Images (B, R, R, 3) to logits (B, 1)."""
    w = weights

    def layer(x, name):
        kernel, _ = normalised(w[f"{name}/kernel"], w[f"{name}/u"])
        return conv(x, kernel, w[f"{name}/bias"])

    h = relu(layer(x, "down1_conv1"))
    h = down(layer(h, "down1_conv2"))
    x = h + layer(down(x), "down1_shortcut")
    downs = sorted({n[:5] for n in w if n.startswith("down")})[1:]
    for name in [*downs, "flat1", "flat2"]:
        h = layer(relu(x), f"{name}_conv1")
        h = layer(relu(h), f"{name}_conv2")
        if name in downs:
            h, x = down(h), down(layer(x, f"{name}_shortcut"))
        x = h + x
    kernel, _ = normalised(w["dense/kernel"], w["dense/u"])
    return relu(x).sum(axis=(1, 2)) @ kernel
