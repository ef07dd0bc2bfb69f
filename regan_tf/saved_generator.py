"""Generators read back from SavedModels, ours or anyone's."""

import json
import os

import tensorflow as tf

from regan_tf.errors import UserError
from regan_tf.export import Sampler

_EXPECTED = (
    'a "serving_default" signature from float32 latents (B, L), B open, to '
    "float32 images (B, R, R, 3) in [-1, 1]"
)


class SavedGenerator:
    """A generator in a SavedModel.

    Args:
        path: folder of the SavedModel.

    Attributes:
        path: as given.
        latent_dim: L.
        resolution: R, in pixels.
        about: its `about.json`, or {}.
        mapping, synthesis: functions of latents (B, L) to styles
            (B, layers, L), and of styles to images; None without styles.

    Raises:
        UserError: nothing loadable at `path`, or another signature.
    """

    def __init__(self, path):
        try:
            self._model = tf.saved_model.load(path)
        except Exception as error:  # TensorFlow raises many kinds here
            reason = " ".join(str(error).split())[:200]
            raise UserError(
                f"{path!r} must be a folder with a SavedModel "
                f"(saved_model.pb, variables/). Received: {reason}"
            ) from None
        signatures = dict(getattr(self._model, "signatures", {}))
        self._call = signatures.get("serving_default")
        found = _shapes(self._call) if self._call else sorted(signatures)
        if not self._call or not _fits(self._call):
            raise UserError(
                f"the SavedModel {path!r} must have {_EXPECTED}. "
                f"Received: {found}. Export it anew with such a signature"
            )
        self.mapping = _single(signatures.get("mapping"))
        self.synthesis = _single(signatures.get("synthesis"))
        self._device = tf.zeros(()).device
        self._input = _inputs(self._call)[0].name
        self._output = next(iter(self._call.structured_outputs))
        self.latent_dim = _inputs(self._call)[0].shape[1]
        self.resolution = self._measured_resolution(path)
        self.path, self.about = path, _about(path)

    def sampler(self, seed):
        """Its `Sampler`: images of latents fixed by `seed`."""
        with tf.device(self._device):
            return Sampler(self, self.latent_dim, seed)

    def __call__(self, latents, training=False):
        """Images (B, R, R, 3) of latents (B, L); never in training mode."""
        return self._call(**{self._input: latents})[self._output]

    def _measured_resolution(self, path):
        images = self(tf.zeros((2, self.latent_dim)))
        shape = tuple(images.shape)
        if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3:
            raise UserError(
                f"the SavedModel {path!r} must give square RGB images "
                f"(B, R, R, 3). Received: {shape}"
            )
        return shape[1]


def _single(signature):
    """A function of the one input of a signature to its one output."""
    if signature is None:
        return None
    name = _inputs(signature)[0].name
    return lambda values: next(iter(signature(**{name: values}).values()))


def _inputs(signature):
    return list(signature.structured_input_signature[1].values())


def _fits(signature):
    inputs, outputs = _inputs(signature), list(signature.outputs)
    if len(inputs) != 1 or len(outputs) != 1:
        return False
    shape = inputs[0].shape
    if shape.rank != 2 or shape[0] is not None or shape[1] is None:
        return False
    return inputs[0].dtype == outputs[0].dtype == tf.float32


def _shapes(signature):
    """A signature in words."""
    ends = (_inputs(signature), signature.structured_outputs.values())
    return " to ".join(
        ", ".join(f"{x.dtype.name} {x.shape}" for x in end) for end in ends
    )


def _about(path):
    try:
        with open(os.path.join(path, "about.json"), encoding="utf-8") as file:
            return dict(json.load(file))
    except (OSError, ValueError, TypeError):
        return {}
