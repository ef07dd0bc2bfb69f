"""Layers in NumPy, float64, from their definitions."""

import numpy as np


def strided(x, kernel, edge):
    """Convolution of stride 2 after zero padding by `edge` on each side."""
    side = kernel.shape[0]
    x = np.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    reach = 2 * ((x.shape[1] - side) // 2) + 1
    return sum(
        x[:, i : i + reach : 2, j : j + reach : 2] @ kernel[i, j]
        for i in range(side)
        for j in range(side)
    )


def transposed(x, kernel):
    """4×4 transposed convolution of stride 2, an edge of 1 cut off: each
    pixel adds itself times the kernel (4, 4, out, in) to 4×4 pixels."""
    batch, height, width, _ = x.shape
    y = np.zeros((batch, 2 * height + 2, 2 * width + 2, kernel.shape[2]))
    for i in range(4):
        for j in range(4):
            y[:, i : i + 2 * height : 2, j : j + 2 * width : 2] += (
                x @ kernel[i, j].T
            )
    return y[:, 1:-1, 1:-1]


def bilinear(x):
    """Twice the side; values between the centres of pixels, and those of the
    outermost centres beyond them."""
    for axis in (1, 2):
        last = x.shape[axis] - 1
        place = (np.arange(2 * last + 2) + 0.5) / 2 - 0.5
        place = np.clip(place, 0, last)
        low = np.floor(place).astype(int)
        share = (place - low).reshape(-1, *[1] * (3 - axis))
        below = x.take(low, axis)
        above = x.take(np.minimum(low + 1, last), axis)
        x = below * (1 - share) + above * share
    return x


def leaky(x, slope):
    return np.where(x > 0, x, slope * x)


def norm(weights, x, name, training):
    """Batch normalisation by layer `name` of `weights`, ε 1e-5."""
    mean = weights[f"{name}/moving_mean"]
    variance = weights[f"{name}/moving_variance"]
    if training:
        mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    x = (x - mean) / np.sqrt(variance + 1e-5)
    return x * weights[f"{name}/gamma"] + weights[f"{name}/beta"]
