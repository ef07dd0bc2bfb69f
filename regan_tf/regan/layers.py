"""Keras' layers with a mask on the kernel.

A masked layer is the stock layer plus one non-trainable weight, `kernel_mask`,
of the kernel's shape: ones at birth, multiplied into the kernel in every
forward pass. A dense phase is a mask of ones, so phases never retrace. A
masked entry contributes nothing and gets no gradient.
"""

import keras
from keras import ops


class KernelMask:
    """Mixin that puts a mask on the kernel of a Keras layer.

    Place it before the stock layer: `class MaskedDense(KernelMask, Dense)`.
    Equal to the stock layer while the mask is all ones.
    """

    # The stock layers store the product `kernel` and would lose both the
    # masked values and the mask; Layer's own methods store each variable.
    save_own_variables = keras.layers.Layer.save_own_variables
    load_own_variables = keras.layers.Layer.load_own_variables

    def build(self, input_shape):
        super().build(input_shape)
        self.kernel_mask = self.add_weight(
            name="kernel_mask",
            shape=self._kernel.shape,
            initializer="ones",
            trainable=False,
            # Masks change between steps and equally on every device.
            aggregation="only_first_replica",
        )

    @property
    def kernel(self):
        """Masked kernel (a tensor): what the layer computes with."""
        kernel = super().kernel
        mask = getattr(self, "kernel_mask", None)  # None while building
        return kernel if mask is None else kernel * ops.cast(mask, kernel.dtype)

    @property
    def masked_weights(self):
        """List of (kernel variable, mask variable) pairs, here of one.

        Raises:
            ValueError: the layer is not built.
        """
        if not self.built:
            raise ValueError(
                f"layer {self.name!r} has no kernel yet: build its model "
                "first, for example with a `keras.Input`"
            )
        return [(self._kernel, self.kernel_mask)]


@keras.saving.register_keras_serializable("regan_tf")
class MaskedDense(KernelMask, keras.layers.Dense):
    """`keras.layers.Dense` with a mask on its kernel.

    Args, inputs and outputs as in `keras.layers.Dense`: (..., features) to
    (..., units).

    Example:

    >>> layer = MaskedDense(2)
    >>> layer.build((None, 3))
    >>> layer.kernel_mask.assign([[0, 1], [1, 1], [1, 1]])
    """

    stock = keras.layers.Dense


@keras.saving.register_keras_serializable("regan_tf")
class MaskedConv2D(KernelMask, keras.layers.Conv2D):
    """`keras.layers.Conv2D` with a mask on its kernel.

    Args, inputs and outputs as in `keras.layers.Conv2D`: (batch, height,
    width, channels) to (batch, new height, new width, filters).
    """

    stock = keras.layers.Conv2D


@keras.saving.register_keras_serializable("regan_tf")
class MaskedConv2DTranspose(KernelMask, keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` with a mask on its kernel.

    Args, inputs and outputs as in `keras.layers.Conv2DTranspose`.
    """

    stock = keras.layers.Conv2DTranspose

    # Unlike its siblings, the stock layer keeps its variable under the plain
    # attribute `kernel`; this gives it the same `_kernel` behind a property.
    @property
    def kernel(self):
        mask = getattr(self, "kernel_mask", None)
        kernel = self._kernel
        return kernel if mask is None else kernel * ops.cast(mask, kernel.dtype)

    @kernel.setter
    def kernel(self, value):
        self._kernel = value


def masked_layers(model):
    """The layers of `model`, nested ones too, that hand out masked weights.

    Args:
        model: a built `keras.Model` or `keras.Layer`.

    Returns:
        List of layers in order of their creation.
    """
    # Keras' own flattening; `Model.layers` stops at the first level.
    return [
        layer
        for layer in model._flatten_layers()
        if hasattr(type(layer), "masked_weights")
    ]


def strip_masks(model, values=None, into=None):
    """Copies a functional model into stock layers, masks multiplied in.

    The copy computes in the dtype of the variables, float32, whatever
    precision the model is trained in; where that is the same, it gives the
    same outputs, bit for bit. It stores an exact zero for each masked entry.
    Masked Keras layers become Keras' own; spectrally normalised ones keep
    their normalisation.

    Args:
        model: functional `keras.Model` with masked layers.
        values: arrays in order of `model.variables` to take instead of the
            model's own weights.
        into: an earlier copy of `model`, to fill anew.

    Returns:
        A `keras.Model` without masks.

    Raises:
        ValueError: a model in the model, or two variables of one path.
    """
    paths = {v.path for v in model.variables}
    nested = [x.name for x in model.layers if isinstance(x, keras.Model)]
    if nested or len(paths) < len(model.variables):
        raise ValueError(
            "`model` must have no models in it and a path of its own for "
            f"each variable. Received: models {nested}, {len(paths)} paths "
            f"of {len(model.variables)} variables"
        )

    def stripped(layer):
        stock = getattr(layer, "stock", type(layer))
        config = layer.get_config()
        kept = getattr(layer, "variable_dtype", None)  # operations have none
        if kept and layer.compute_dtype != kept:
            config["dtype"] = kept
        return stock.from_config(config)

    copy = into or keras.models.clone_model(model, clone_function=stripped)
    if values is None:
        values = [v.numpy() for v in model.variables]
    by_path = dict(zip([v.path for v in model.variables], values, strict=True))
    for layer in masked_layers(model):
        for kernel, mask in layer.masked_weights:
            by_path[kernel.path] = by_path[kernel.path] * by_path[mask.path]
    for variable in copy.variables:
        variable.assign(by_path[variable.path])
    return copy
