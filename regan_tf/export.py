"""SavedModels of trained generators, usable with TensorFlow alone."""

import json
import os

import numpy as np
import tensorflow as tf

from regan_tf.errors import UserError
from regan_tf.nets.views import split_at_styles
from regan_tf.train.run_dir import folder_atomically, writing


def to_uint8(images):
    """float images in [-1, 1] to uint8, rounded and clipped. Any shape."""
    return tf.saturate_cast(tf.round((images + 1.0) * 127.5), tf.uint8)


class Sampler:
    """Images of a generator from fixed latents.

    Raises `UserError` where the generator gives pixels that are not finite.
    Computes on the device that was current when it was made; may be called
    by several threads at once.

    Args:
        generator: `keras.Model`, latents (B, latent_dim) to images.
        latent_dim: length of the latent vector.
        seed: fixes the latents: image number i of a seed has the same latent
            whatever the calls it is asked in.
    """

    BATCH = 100
    PIXELS = BATCH * 64**2  # of a call, so that large images fit in memory

    def __init__(self, generator, latent_dim, seed=0):
        self.latent_dim = latent_dim
        self.seed = seed

        def images(z):
            made = generator(z, training=False)
            # Rounding to uint8 would turn NaN into some pixel.
            return to_uint8(made), tf.reduce_all(tf.math.is_finite(made))

        self._images = tf.function(
            images,
            input_signature=[tf.TensorSpec((None, latent_dim), tf.float32)],
        )
        side = getattr(generator, "resolution", None)
        if side is None:
            side = getattr(generator, "output_shape", (None, 1))[1]
        self._at_once = max(1, min(self.BATCH, self.PIXELS // side**2))
        # A function runs where it is called, not where its variables are.
        self._device = tf.zeros(()).device

    def __call__(self, count, start=0):
        """uint8 images (count, R, R, 3), numbers `start` and on."""
        first = start // self.BATCH
        last = (start + count - 1) // self.BATCH
        images = np.concatenate(
            [self._batch(i) for i in range(first, last + 1)]
        )
        offset = start - first * self.BATCH
        return images[offset : offset + count]

    def _batch(self, index):
        with tf.device(self._device):
            z = tf.random.stateless_normal(
                (self.BATCH, self.latent_dim), seed=(self.seed, index)
            )
            parts = [
                self._images(z[i : i + self._at_once])
                for i in range(0, self.BATCH, self._at_once)
            ]
        if not all(finite for _, finite in parts):
            raise UserError(
                "the generator's images must be finite. Received: NaN or "
                "infinite pixels; it has diverged, take an earlier one"
            )
        return np.concatenate([images.numpy() for images, _ in parts])


def export_generator(generator, latent_dim, path, about):
    """Writes a SavedModel that needs no code of this package.

    Signatures: `serving_default` takes `latents` (B, latent_dim) and gives
    `images` (B, R, R, 3) float32 in [-1, 1] (not clipped by generators with
    linear images, such as ProGAN's); `sample` takes int32 scalars
    `seed` and `count` and gives `images` as uint8. Generators with styles have
    two more: `mapping` takes `latents` and gives `styles` (B, layers, L), and
    `synthesis` takes `styles` and gives `images`. Written under a temporary
    name, then renamed. Beside it, `about.json` tells what it is.

    Args:
        generator: `keras.Model` of stock layers (see `strip_masks`).
        latent_dim: length of the latent vector.
        path: folder of the SavedModel.
        about: JSON-ready facts; the measured sparsity is added.
    """
    module = tf.Module()
    # Raw variables: attaching the Keras model itself would make a TFLite
    # conversion of the folder drop every weight without a word.
    module.weights = [v.value for v in generator.variables]

    def images(latents):
        return {"images": generator(latents, training=False)}

    def sample(seed, count):
        z = tf.random.stateless_normal(
            tf.stack([count, latent_dim]), seed=tf.stack([seed, 0])
        )
        return {"images": to_uint8(generator(z, training=False))}

    scalar = tf.TensorSpec((), tf.int32)
    module.images = tf.function(
        images,
        input_signature=[
            tf.TensorSpec((None, latent_dim), tf.float32, name="latents")
        ],
    )
    module.sample = tf.function(sample, input_signature=[scalar, scalar])
    module.styled = _styled(generator)
    signatures = {
        "serving_default": module.images,
        "sample": module.sample,
        **module.styled,
    }
    with writing(path), folder_atomically(path) as folder:
        tf.saved_model.save(module, folder, signatures=signatures)
        facts = {**about, "latent_dim": latent_dim, **_sparsity(generator)}
        with open(os.path.join(folder, "about.json"), "w") as file:
            json.dump(facts, file, indent=1)


def _styled(generator):
    """The signatures of a generator with styles; of others none."""
    mapping, synthesis = split_at_styles(generator)
    if mapping is None:
        return {}
    specs = [
        tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name=name)
        for model, name in ((mapping, "latents"), (synthesis, "styles"))
    ]
    return {
        "mapping": tf.function(
            lambda latents: {"styles": mapping(latents, training=False)},
            input_signature=specs[:1],
        ),
        "synthesis": tf.function(
            lambda styles: {"images": synthesis(styles, training=False)},
            input_signature=specs[1:],
        ),
    }


def parameters(generator):
    """Trainable parameters of a generator, and those not exactly 0."""
    values = [v.numpy() for v in generator.trainable_variables]
    return {
        "parameters": sum(v.size for v in values),
        "nonzero_parameters": sum(int(np.count_nonzero(v)) for v in values),
    }


def _sparsity(generator):
    """Parameters and zeros, as counted in the variables to be saved."""
    kernels = {
        v.path: v.numpy()
        for v in generator.trainable_variables
        if len(v.shape) > 1
    }
    zeros = {p: int(np.count_nonzero(k == 0)) for p, k in kernels.items()}
    total = sum(k.size for k in kernels.values())
    return {
        **parameters(generator),
        "kernel_entries": total,
        "kernel_zeros": sum(zeros.values()),
        "sparsity": sum(zeros.values()) / total,
        "zeros_by_kernel": zeros,
    }
