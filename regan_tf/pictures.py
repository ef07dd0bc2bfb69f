"""Pictures of a trained generator: samples, walks, mixed styles."""

import itertools

import numpy as np
import tensorflow as tf

from regan_tf.errors import UserError
from regan_tf.export import to_uint8

_BATCH = 16
_FOR_MEAN = 10_000  # latents that the mean style is taken of


class Painter:
    """Makes pictures with a generator.

    Args:
        generator: a `regan_tf.saved_generator.SavedGenerator`.
        truncation: ψ in [0, 1]: a style w becomes mean + ψ·(w − mean)
            (Karras et al. 2019, arXiv:1812.04948, appendix B).

    Raises:
        UserError: truncation of a generator without styles.
    """

    def __init__(self, generator, truncation=1.0):
        self.generator = generator
        self.truncation = truncation
        if truncation < 1 and not generator.mapping:
            raise UserError(
                "--truncation moves styles, and this generator has none. "
                f"Received: --truncation={truncation:g}; leave it out"
            )
        self._mean = None

    def latents(self, count, seed):
        """N(0, 1), (count, L), fixed by `seed`; more have the same first."""
        rng = np.random.default_rng(seed)
        shape = (count, self.generator.latent_dim)
        return rng.standard_normal(shape).astype("float32")

    def codes(self, latents):
        """What walks and mixtures are made of: truncated styles
        (N, layers, L), or the latents where there are no styles."""
        if not self.generator.mapping:
            return latents
        if self.truncation == 1:
            return self._styles(latents)
        if self._mean is None:
            many = self._styles(self.latents(_FOR_MEAN, seed=0))
            self._mean = many.mean(axis=0)
        far = self._styles(latents) - self._mean
        return self._mean + self.truncation * far

    def _styles(self, latents):
        return _in_batches(self.generator.mapping, latents, 1000)

    def draw(self, codes):
        """uint8 images (N, R, R, 3) of codes."""
        images = _in_batches(
            self.generator.synthesis or self.generator, codes, _BATCH
        )
        if not np.all(np.isfinite(images)):
            raise UserError(
                "the generator's images must be finite. Received: NaN or "
                "infinite pixels; it has diverged, take an earlier one"
            )
        return to_uint8(images).numpy()

    def images(self, count, seed):
        """uint8 (count, R, R, 3) of latents fixed by `seed`."""
        return self.draw(self.codes(self.latents(count, seed)))

    def walks(self, count, steps, seed):
        """Walks in equal steps from each of `count` images to the next.

        On a line between styles; between latents of others on the arc that
        keeps their length, as N(0, 1) lies near a sphere.

        Returns:
            uint8 (count·steps, R, R, 3), ends included.
        """
        codes = self.codes(self.latents(count + 1, seed))
        along = line if self.generator.mapping else arc
        shares = np.linspace(0, 1, steps, dtype="float32")
        walks = [
            along(a, b, s) for a, b in itertools.pairwise(codes) for s in shares
        ]
        return self.draw(np.stack(walks))

    def check_mixing(self, layers):
        """Raises `UserError` if styles of `layers` layers cannot be mixed."""
        if not self.generator.mapping:
            raise UserError(
                "--mix mixes styles, and this generator has none; leave it out"
            )
        count = self._styles(self.latents(1, seed=0)).shape[1]
        if layers >= count:
            raise UserError(
                f"--mix_layers must be below {count}, the layers with "
                f"styles. Received: {layers}"
            )

    def mixed(self, side, layers, seed):
        """A sheet of `side` × `side` mixtures with its sources.

        Args:
            side: sources at the left, and at the top.
            layers: styles, from the coarsest on, that come from the left.
            seed: of the latents.

        Returns:
            uint8 ((side + 1)², R, R, 3): a black image, the sources at the
            top; then, row by row, a source at the left and its mixtures.

        Raises:
            UserError: a generator without styles, or with too few.
        """
        self.check_mixing(layers)
        codes = self.codes(self.latents(2 * side, seed))
        left, top = codes[:side], codes[side:]
        mixtures = np.repeat(top[None], side, axis=0)
        mixtures[:, :, :layers] = left[:, None, :layers]
        drawn = self.draw(mixtures.reshape(-1, *codes.shape[1:]))
        drawn = drawn.reshape(side, side, *drawn.shape[1:])
        lefts, tops = self.draw(left), self.draw(top)
        rows = np.concatenate([lefts[:, None], drawn], axis=1)
        head = np.concatenate([np.zeros_like(tops[:1]), tops])
        return np.concatenate([head, rows.reshape(-1, *tops.shape[1:])])


def line(a, b, share):
    """a + share·(b − a)."""
    return a + share * (b - a)


def arc(a, b, share):
    """The point at `share` of the arc from vector a to b (Shoemake 1985),
    their lengths blended."""
    size_a, size_b = np.linalg.norm(a), np.linalg.norm(b)
    cosine = np.clip(a @ b / (size_a * size_b), -1, 1)
    angle = np.arccos(cosine)
    if np.sin(angle) < 1e-6:
        return line(a, b, share)
    near, far = np.sin((1 - share) * angle), np.sin(share * angle)
    direction = (near * a / size_a + far * b / size_b) / np.sin(angle)
    return (line(size_a, size_b, share) * direction).astype(a.dtype)


def sheet(images, columns=None):
    """One picture of many: (rows·R, columns·R, 3), black where none is left.

    Args:
        images: uint8 (N, R, R, 3).
        columns: images in a row; None: as many as rows, or one more.
    """
    columns = columns or int(np.ceil(np.sqrt(len(images))))
    missing = -len(images) % columns
    blank = np.zeros((missing, *images.shape[1:]), np.uint8)
    filled = np.concatenate([images, blank])
    rows = filled.reshape(-1, columns, *images.shape[1:])
    return np.concatenate(np.concatenate(rows, axis=1), axis=1)


def _in_batches(call, values, size):
    made = [
        call(tf.constant(values[i : i + size])).numpy()
        for i in range(0, len(values), size)
    ]
    return np.concatenate(made)
