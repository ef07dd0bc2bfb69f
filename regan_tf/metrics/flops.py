"""Multiply-accumulates (MACs) and parameters of a network, layer by layer.

Counted for one image and one forward pass, in layers with kernels only: no
elementwise work, normalisation, resizing or power iterations. Padded borders
count as if they were inside. 1 MAC is 2 FLOPs. Importable without TensorFlow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from regan_tf.errors import UserError

if TYPE_CHECKING:
    import keras

# Layers whose weights of two or more dimensions are not summed over.
_WITHOUT_KERNEL = ("Embedding", "LayerNormalization", "Noise", "PReLU")


@dataclass(frozen=True)
class LayerCost:
    """One layer with a kernel, for one image and one forward pass.

    Attributes:
        name, kind: the layer's name; "conv", "transposed", "depthwise",
            "dense" or, where the layer counts for itself, "own".
        kernel: entries of the kernel, at least 1.
        live: entries that the mask keeps; all of them without a mask.
        macs: multiply-accumulates under a mask of ones, over all calls of a
            layer that the network calls several times.
        masked: whether the kernel has a mask.
    """

    name: str
    kind: str
    kernel: int
    live: int
    macs: int
    masked: bool

    @property
    def kept(self) -> float:
        """Fraction of the kernel that the mask keeps, in [0, 1]."""
        return self.live / self.kernel


def layer_costs(model: "keras.Model") -> list[LayerCost]:
    """The layers of `model` that have kernels, in order of computation.

    Knows `Dense`, `Conv2D`, `Conv2DTranspose`, `DepthwiseConv2D` and their
    subclasses of equal shapes; enters nested models. Other layers with
    weights of two or more dimensions must count for themselves, by a method
    `macs_per_image(input_shape, output_shape)`, shapes with the batch axis.

    Args:
        model: functional or built sequential model.

    Raises:
        UserError: another model, an unknown layer, a size left open or
            nothing to count.
    """
    found: dict[int, LayerCost] = {}
    _walk(model, getattr(model, "inputs", None), found)
    if not found:
        raise UserError(f"{model.name!r} has no layer with a kernel to count")
    return list(found.values())


def total_macs(layers: Sequence[LayerCost], live: bool = False) -> int:
    """MACs of one image's forward pass; `live`: of kept entries only."""
    return sum(
        x.macs * (x.live if live else x.kernel) // x.kernel for x in layers
    )


def count_parameters(model: "keras.Model") -> tuple[int, int]:
    """(parameters, those not exactly 0), frozen ones too, masks applied.

    A fresh network has zeros of its own, such as its biases.
    """
    total = nonzero = 0
    for layer in model._flatten_layers():
        masks = {id(k): m for k, m in getattr(layer, "masked_weights", ())}
        for variable in layer._trainable_variables:
            mask = masks.get(id(variable))
            factor = 1 if mask is None else mask.numpy()
            total += prod(variable.shape)
            nonzero += int(np.count_nonzero(variable.numpy() * factor))
    return total, nonzero


def layer_table(layers: Sequence[LayerCost]) -> str:
    """A line a layer, then the sums; MACs as under masks of ones."""
    kernel, live = sum(x.kernel for x in layers), sum(x.live for x in layers)
    sums = LayerCost("total", "", kernel, live, total_macs(layers), False)
    width = max(len(x.name) for x in [*layers, sums])
    lines = [
        f"{x.name:<{width}} {x.kind:<10} {x.kernel:>12,} {x.kept:>7.4f} "
        f"{x.macs:>18,} {x.macs / sums.macs:>6.1%}"
        for x in [*layers, sums]
    ]
    head = f"{'kind':<10} {'kernel':>12} {'kept':>7} {'MACs an image':>18}"
    return "\n".join([f"{'layer':<{width}} {head}", *lines])


def _walk(model: Any, inputs: Any, found: dict[int, LayerCost]) -> Any:
    """Passes shapes through `model` and adds its layers to `found`."""
    graph = _graph(model)
    if graph is None or inputs is None:
        raise UserError(
            "Operations are counted in functional and built sequential models."
            f" Received: {type(model).__name__} {model.name!r}."
        )

    def visit(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if _graph(layer) is not None:
            return _walk(layer, args[0], found)
        outputs = layer.compute_output_spec(*args, **kwargs)
        _record(layer, (args, kwargs), outputs, found)
        return outputs

    # Keras' own way through a graph; calling the layers would add to it.
    return graph._run_through_graph(inputs, call_fn=visit)


def _graph(model: Any) -> Any:
    graph = getattr(model, "_functional", model)  # a Sequential holds one
    return graph if hasattr(graph, "_run_through_graph") else None


def _record(layer: Any, inputs: Any, outputs: Any, found: dict) -> None:
    import keras

    masked = list(getattr(layer, "masked_weights", ()))
    paired = {id(variable) for pair in masked for variable in pair}
    weights = [w for w in getattr(layer, "weights", ()) if id(w) not in paired]
    kernels = [k for k, _ in masked] + [w for w in weights if len(w.shape) > 1]
    if not kernels or type(layer).__name__ in _WITHOUT_KERNEL:
        return
    shapes = [keras.tree.flatten(x)[0].shape for x in (inputs, outputs)]
    kind, macs = _count(layer, tuple(kernels[0].shape), *shapes)
    if id(layer) in found:  # called before
        macs += found[id(layer)].macs
    size = sum(prod(kernel.shape) for kernel in kernels)
    zeros = sum(int(np.sum(mask.numpy() == 0)) for _, mask in masked)
    found[id(layer)] = LayerCost(
        layer.name, kind, size, size - zeros, macs, bool(masked)
    )


def _count(layer: Any, kernel: tuple, inputs: tuple, outputs: tuple) -> tuple:
    """(kind, MACs of a call): kernel entries times their positions."""
    from keras import layers as kl

    if hasattr(layer, "macs_per_image"):
        return "own", int(layer.macs_per_image(inputs, outputs))
    channels, shape = kernel[-1], outputs
    if isinstance(layer, kl.Dense):
        kind = "dense"
    elif isinstance(layer, kl.DepthwiseConv2D):
        kind, channels = "depthwise", kernel[-1] * kernel[-2]
    elif isinstance(layer, kl.Conv2DTranspose):
        # The true work: each input pixel meets the whole kernel.
        kind, shape = "transposed", inputs
    elif isinstance(layer, kl.Conv2D) and (
        # Not so in a subclass that resamples, too.
        kl.Conv2D.compute_output_shape(layer, inputs) == outputs
    ):
        kind = "conv"
    else:
        raise UserError(
            f"No count is known for layer {layer.name!r}, a "
            f"{type(layer).__name__} with a weight of shape {kernel}. Give it "
            "a method `macs_per_image(input_shape, output_shape)`."
        )
    if None in shape[1:]:
        raise UserError(
            f"Layer {layer.name!r} must have a shape of known size. Received: "
            f"{shape}. Give `keras.Input` all sizes."
        )
    return kind, prod(kernel) * prod(shape[1:]) // channels
