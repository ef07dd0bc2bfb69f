"""StyleGAN2's forward passes in NumPy, float64: kernels modulated and
demodulated for each image, zeros inserted, filters applied everywhere.

`weights` are dicts from variable path ("block8_conv1/kernel") to array.
"""

import numpy as np

from tests.nets.numpy_layers import leaky, strided
from tests.nets.numpy_sngan import conv


def fir(x, before, after, up=1, down=1, gain=1.0):
    """[1, 3, 3, 1] of both axes: zeros inserted, zeros around, filter, every
    `down`-th pixel."""
    batch, height, width, channels = x.shape
    spread = np.zeros((batch, up * height, up * width, channels))
    spread[:, ::up, ::up] = x
    edge = (before, after)
    x = np.pad(spread, ((0, 0), edge, edge, (0, 0)))
    height, width = x.shape[1] - 3, x.shape[2] - 3
    taps = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64 * gain
    y = sum(
        taps[i, j] * x[:, i : i + height, j : j + width]
        for i in range(4)
        for j in range(4)
    )
    return y[:, ::down, ::down]


def transposed(x, kernel):
    """Each pixel adds itself times the kernel to 3×3 of 2H + 1 pixels."""
    batch, height, width, _ = x.shape
    y = np.zeros((batch, 2 * height + 1, 2 * width + 1, kernel.shape[-1]))
    for i in range(3):
        for j in range(3):
            last = i + 2 * height - 1, j + 2 * width - 1
            y[:, i : last[0] : 2, j : last[1] : 2] += x @ kernel[i, j]
    return y


def modulated(x, styles, kernel, demodulate=True, up=False):
    """One image after the other, each with a kernel of its own."""
    images = []
    for image, style in zip(x, styles, strict=True):
        own = kernel * style[:, None]
        if demodulate:
            own = own / np.sqrt(np.sum(own**2, axis=(0, 1, 2)) + 1e-8)
        if up:
            images.append(fir(transposed(image[None], own), 1, 1, gain=4))
        else:
            images.append(conv(image[None], own, 0.0))
    return np.concatenate(images)


def _act(x):
    return np.sqrt(2) * leaky(x, 0.2)


def _equalized(weights, name, gain=1.0):
    kernel = weights[f"{name}/kernel"]
    return kernel * gain / np.sqrt(np.prod(kernel.shape[:-1]))


def mapping(weights, z):
    """Latents (B, L) to w (B, L)."""
    w = z / np.sqrt(np.mean(z**2, axis=1, keepdims=True) + 1e-8)
    for i in range(1, 9):
        name = f"mapping{i}"
        x = w @ (0.01 * _equalized(weights, name))
        w = _act(x + 0.01 * weights[f"{name}/bias"])
    return w


def synthesis(weights, styles):
    """Styles (B, layers, L) to images."""
    w = weights

    def modulate(x, style, name, **options):
        style = style @ _equalized(w, f"{name}_style")
        style += w[f"{name}_style/bias"]
        y = modulated(x, style, _equalized(w, name), **options)
        return y, w[f"{name}_bias/bias"]

    def styled(x, style, name, **options):
        x, bias = modulate(x, style, name, **options)
        noise = w[f"{name}_noise/constant"].reshape(1, *x.shape[1:3], 1)
        return _act(x + w[f"{name}_noise/weight"] * noise + bias)

    def to_rgb(x, style, side):
        rgb, bias = modulate(x, style, f"to_rgb{side}", demodulate=False)
        return rgb + bias

    x = w["constant/constant"].reshape(1, 4, 4, -1).repeat(len(styles), 0)
    x = styled(x, styles[:, 0], "block4_conv")
    rgb = to_rgb(x, styles[:, 1], 4)
    for i in range(1, styles.shape[1] - 2, 2):
        side = 2 * x.shape[1]
        x = styled(x, styles[:, i], f"block{side}_conv1", up=True)
        x = styled(x, styles[:, i + 1], f"block{side}_conv2")
        rgb = fir(rgb, 2, 1, up=2, gain=4)
        rgb = rgb + to_rgb(x, styles[:, i + 2], side)
    return rgb


def discriminator(weights, x):
    """Images to logits (B, 1); B a multiple of 4, or smaller."""
    w = weights

    def layer(x, name, bias=True):
        return conv(x, _equalized(w, name), w[f"{name}/bias"] if bias else 0.0)

    x = _act(layer(x, "from_rgb"))
    while (side := x.shape[1]) > 4:
        name = f"block{side}"
        y = fir(_act(layer(x, f"{name}_conv1")), 2, 2)
        y = strided(y, _equalized(w, f"{name}_conv2"), 0)
        y = _act(y + w[f"{name}_conv2/bias"])
        skip = layer(fir(x, 1, 1, down=2), f"{name}_skip", bias=False)
        x = (y + skip) / np.sqrt(2)
    groups = x.reshape(-1, min(4, len(x)), *x.shape[1:])
    deviation = np.sqrt(groups.var(axis=1) + 1e-8).mean(axis=(1, 2, 3))
    deviation = deviation.repeat(groups.shape[1]).reshape(-1, 1, 1, 1)
    x = np.concatenate([x, np.ones((len(x), 4, 4, 1)) * deviation], axis=3)
    x = _act(layer(x, "block4_conv")).reshape(len(x), -1)
    x = _act(x @ _equalized(w, "dense") + w["dense/bias"])
    return x @ _equalized(w, "logits") + w["logits/bias"]
