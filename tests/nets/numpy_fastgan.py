"""FastGAN's forward passes in NumPy, float64, from the table of its layers.

`weights` are dicts from variable path ("seed/kernel") to array.
"""

import numpy as np

from tests.nets.numpy_layers import leaky, norm, strided
from tests.nets.numpy_sngan import conv, down, normalised, up


class Passes:
    """Of networks with these weights; `training` is of batch statistics."""

    def __init__(self, weights, training):
        self.w, self.training = weights, training

    def kernel(self, name):
        w = self.w[f"{name}/kernel"] * self.w.get(f"{name}/kernel_mask", 1)
        return normalised(w, self.w[f"{name}/u"])[0]

    def conv(self, x, name):
        return conv(x, self.kernel(name), 0)

    def norm(self, x, name):
        return norm(self.w, x, f"{name}_norm", self.training)

    def halve(self, x, name):
        return strided(x, self.kernel(f"{name}_conv"), edge=1)

    def gate(self, x, name):
        x = self.norm(x, name)
        half = x.shape[-1] // 2
        return x[..., :half] * _sigmoid(x[..., half:])

    def noise(self, x, name):
        return x + self.w[f"{name}/weight"] * self.w[f"{name}/constant"]

    def seed(self, z):
        kernel = self.w["seed/kernel"] * self.w.get("seed/kernel_mask", 1)
        # One matrix row for each output channel, as in PyTorch.
        kernel, _ = normalised(kernel.transpose(0, 1, 3, 2), self.w["seed/u"])
        return self.gate(np.einsum("bl,ijlo->bijo", z, kernel), "seed")

    def excite(self, x, early, name):
        side = early.shape[1] // 4
        means = early.reshape(len(x), 4, side, 4, side, -1).mean((2, 4))
        scale = valid(means, self.kernel(f"{name}_conv1"))
        scale = self.conv(scale * _sigmoid(scale), f"{name}_conv2")
        return x * _sigmoid(scale)

    def one(self, x, name):
        return self.gate(self.conv(up(x), f"{name}_conv"), name)

    def two(self, x, name):
        for i, x_i in enumerate((up, lambda x: x), 1):
            x = self.conv(x_i(x), f"{name}_conv{i}")
            x = self.gate(self.noise(x, f"{name}_noise{i}"), f"{name}_{i}")
        return x

    def generator(self, z, resolution, small):
        """(B, L) to [(B, R, R, 3), (B, r, r, 3)]."""
        x4 = self.seed(z)
        x8 = self.two(x4, "block8")
        x16 = self.one(x8, "block16")
        x32 = self.two(x16, "block32")
        x64 = self.excite(self.one(x32, "block64"), x4, "skip64")
        found = {32: x32, 64: x64}
        if resolution > 64:
            found[128] = self.excite(self.two(x64, "block128"), x8, "skip128")
        if resolution > 128:
            x = self.one(found[128], "block256")
            found[256] = self.excite(x, x16, "skip256")
        if resolution > 256:
            x = self.two(found[256], "block512")
            found[512] = self.excite(x, x32, "skip512")
        if resolution > 512:
            found[1024] = self.one(found[512], "block1024")
        images = [
            self.conv(found[resolution], "to_rgb"),
            self.conv(found[small], "to_rgb_small"),
        ]
        return [np.tanh(x) for x in images] if resolution == 1024 else images

    def relu(self, x, name):
        return leaky(self.norm(x, name), 0.2)

    def down(self, x, name):
        main = self.relu(self.halve(x, f"{name}_1"), f"{name}_1")
        main = self.relu(self.conv(main, f"{name}_2_conv"), f"{name}_2")
        direct = self.conv(down(x), f"{name}_3_conv")
        return (main + self.relu(direct, f"{name}_3")) / 2

    def stem(self, x):
        if x.shape[1] <= 256:
            return leaky(self.conv(x, "stem_conv"), 0.2)
        x = leaky(self.halve(x, "stem"), 0.2)
        if x.shape[1] == 512:
            x = self.relu(self.halve(x, "stem2"), "stem2")
        return x

    def decode(self, x, resolution, name):
        for side in (16, 32, 64, 128):
            if side <= resolution:
                x = self.one(x, f"decoder_{name}{side}")
        return np.tanh(self.conv(x, f"decoder_{name}_to_rgb"))

    def discriminator(self, images, small, part):
        """Images of both sizes to [logits, three reconstructions]."""
        x = self.stem(images)
        found = {x.shape[1]: x}
        for side in (128, 64, 32, 16, 8):
            if side < images.shape[1]:
                x = self.down(x, f"block{side}")
                if side <= 32 and side * 8 in found:
                    x = self.excite(x, found[side * 8], f"skip{side}")
                found[side] = x
        y = leaky(self.halve(small, f"small{small.shape[1] // 2}"), 0.2)
        for side in (32, 16, 8):
            if side < y.shape[1]:
                y = self.relu(self.halve(y, f"small{side}"), f"small{side}")
        head = self.relu(self.conv(x, "logits_conv"), "logits")
        logits = [
            valid(head, self.kernel("logits_big")),
            valid(y, self.kernel("logits_small")),
        ]
        corners = [(8 * (p // 2), 8 * (p % 2)) for p in part]
        part = [
            f[i : i + 8, j : j + 8]
            for f, (i, j) in zip(found[16], corners, strict=True)
        ]
        seen = {"whole": x, "small": y, "part": np.stack(part)}
        return [
            np.concatenate([v.reshape(len(x), -1) for v in logits], axis=1),
            *(self.decode(v, small.shape[1], k) for k, v in seen.items()),
        ]


def valid(x, kernel):
    """4×4 convolution without padding."""
    height, width = x.shape[1] - 3, x.shape[2] - 3
    return sum(
        x[:, i : i + height, j : j + width] @ kernel[i, j]
        for i in range(4)
        for j in range(4)
    )


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))
