"""Spectral normalisation as a reparametrisation (Miyato et al. 2018).

The stored kernel W stays as the optimiser leaves it; the layer computes with
W / σ(W), and the gradient passes through σ = uᵀWv (u and v are constants, as
in the paper's Algorithm 1). Keras' own wrapper is another algorithm: it
overwrites the kernel in each training call and stops the gradient at σ.
"""

import contextlib
import threading

import keras
from keras import ops

from regan_tf.regan.layers import (
    MaskedConv2D,
    MaskedConv2DTranspose,
    MaskedDense,
)

EPSILON = 1e-12


_KEPT = threading.local()  # devices trace in threads of their own


@contextlib.contextmanager
def keeping_vectors(when):
    """Calls inside keep their power iteration only `when` it is true.

    The calls of one update on parts of a batch then start from the same
    vector, and make one iteration together, as the whole batch does.

    Args:
        when: bool scalar, or None for always.
    """
    before = getattr(_KEPT, "when", None)
    _KEPT.when = when
    try:
        yield
    finally:
        _KEPT.when = before


def _unit(vector):
    return vector / ops.maximum(ops.norm(vector), EPSILON)


def estimate_sigma(matrix, u):
    """One power iteration, and the singular value it estimates.

    Args:
        matrix: float32 (rows, outputs): a kernel with all but its output
            axis flattened.
        u: float32 (outputs,): the left vector so far.

    Returns:
        (sigma, new u): scalar uᵀWᵀv with gradient to `matrix` only, and the
        vector to start from next time.
    """
    fixed = ops.stop_gradient(matrix)
    v = _unit(ops.matmul(fixed, u))
    u = _unit(ops.matmul(v, fixed))
    sigma = ops.sum(ops.matmul(v, matrix) * u)
    return sigma, u


class SpectralNorm:
    """Mixin: the layer computes with its kernel over its spectral norm.

    Place it before a Keras layer with a `kernel`, masked or not; of a masked
    kernel the norm is that of the masked one. Each call makes one power
    iteration, which only `training=True` keeps (see `keeping_vectors`). σ is
    computed in float32 whatever the layer's precision. A kernel of zeros
    stays zeros.
    """

    kernel_axis = -1  # axis of the kernel that counts outputs

    def build(self, input_shape):
        super().build(input_shape)
        self.u = self.add_weight(
            name="u",
            shape=(self._kernel.shape[self.kernel_axis],),
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )
        self._in_call = None

    @property
    def kernel(self):
        """Normalised kernel inside `call`, plain (masked) kernel outside."""
        inside = getattr(self, "_in_call", None)
        return super().kernel if inside is None else inside

    @kernel.setter
    def kernel(self, value):  # for stock Conv2DTranspose's build
        self._kernel = value

    def call(self, inputs, training=None):
        self._in_call = self._normalised(training)
        try:
            return super().call(inputs)
        finally:
            self._in_call = None

    def _normalised(self, training):
        with keras.src.backend.AutocastScope(None):  # float32, see above
            kernel = ops.cast(super().kernel, self.variable_dtype)
        order = [i for i in range(len(kernel.shape))]
        order.append(order.pop(self.kernel_axis))
        matrix = ops.reshape(
            ops.transpose(kernel, order), (-1, self.u.shape[0])
        )
        u = ops.convert_to_tensor(self.u)
        sigma, new_u = estimate_sigma(matrix, _unit(u))
        if training:
            # A kernel of zeros has no direction; start again from the last.
            keep, when = sigma > 0, getattr(_KEPT, "when", None)
            if when is not None:
                keep = ops.logical_and(keep, when)
            self.u.assign(ops.where(keep, new_u, u))
        kernel = kernel / ops.maximum(sigma, EPSILON)
        return ops.cast(kernel, self.compute_dtype)


@keras.saving.register_keras_serializable("regan_tf")
class SpectralDense(SpectralNorm, keras.layers.Dense):
    """Spectrally normalised `keras.layers.Dense`."""

    save_own_variables = keras.layers.Layer.save_own_variables
    load_own_variables = keras.layers.Layer.load_own_variables


@keras.saving.register_keras_serializable("regan_tf")
class SpectralConv2D(SpectralNorm, keras.layers.Conv2D):
    """Spectrally normalised `keras.layers.Conv2D`."""

    save_own_variables = keras.layers.Layer.save_own_variables
    load_own_variables = keras.layers.Layer.load_own_variables


@keras.saving.register_keras_serializable("regan_tf")
class MaskedSpectralDense(SpectralNorm, MaskedDense):
    """`SpectralDense` with a mask on its kernel."""

    stock = SpectralDense


@keras.saving.register_keras_serializable("regan_tf")
class MaskedSpectralConv2D(SpectralNorm, MaskedConv2D):
    """`SpectralConv2D` with a mask on its kernel."""

    stock = SpectralConv2D


class _PlainKernel:
    """Mixin: the property `kernel` that the stock Conv2DTranspose lacks."""

    @property
    def kernel(self):
        return self._kernel


@keras.saving.register_keras_serializable("regan_tf")
class SpectralConv2DTranspose(
    SpectralNorm, _PlainKernel, keras.layers.Conv2DTranspose
):
    """Spectrally normalised `keras.layers.Conv2DTranspose`.

    The norm is of the kernel (k, k, out, in) as a matrix of out rows and
    k·k·in columns, as PyTorch takes it.
    """

    kernel_axis = -2


@keras.saving.register_keras_serializable("regan_tf")
class MaskedSpectralConv2DTranspose(SpectralNorm, MaskedConv2DTranspose):
    """`SpectralConv2DTranspose` with a mask on its kernel."""

    stock = SpectralConv2DTranspose
    kernel_axis = -2
