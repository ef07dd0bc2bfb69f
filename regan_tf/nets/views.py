"""Networks that grow: what is trained, and what a step computes with.

A network of several stages is one set of layers. Each stage computes with
some of them, a "view": a model of its own on the shared layers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from regan_tf.nets.normalization import MinibatchDeviation
from regan_tf.stages import View

__all__ = ["Fade", "Networks", "View", "split_at_styles"]

# Layers that let the images of a batch see each other.
_MIXING = (keras.layers.BatchNormalization, MinibatchDeviation)


def split_at_styles(generator):
    """(latents to styles, styles to images) of a generator with styles.

    Args:
        generator: a `keras.Model`; its styles are the output of the layer
            named "styles".

    Returns:
        Two models on its layers, or (None, None) where it has no styles.
    """
    named = {layer.name: layer for layer in generator.layers}
    if "styles" not in named:
        return None, None
    styles = named["styles"].output
    return (
        keras.Model(generator.input, styles, name="mapping"),
        keras.Model(styles, generator.output, name="synthesis"),
    )


@keras.saving.register_keras_serializable("regan_tf")
class Fade(keras.layers.Layer):
    """old·(1 − α) + new·α (Karras et al. 2018, Fig. 2).

    [old, new], tensors of one shape, to a tensor of that shape. Computed in
    float32 and cast to the layer's precision. α is a weight that the training
    step sets, in [0, 1], and that no optimiser moves; it starts at 1, where
    only `new` counts. One layer serves all resolutions.

    Raises:
        ValueError: the inputs are not two of one shape.
    """

    def build(self, input_shape):
        self.alpha = self.add_weight(
            name="alpha",
            shape=(),
            initializer="ones",
            trainable=False,
            autocast=False,
            # Set from the host, and equally on every device.
            aggregation="only_first_replica",
        )

    def call(self, inputs):
        old, new = (ops.cast(x, self.variable_dtype) for x in inputs)
        alpha = ops.convert_to_tensor(self.alpha)
        blended = old * (1 - alpha) + new * alpha
        return ops.cast(blended, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        if len(input_shape) != 2 or input_shape[0] != input_shape[1]:
            raise ValueError(
                "`Fade` blends [old, new] of one shape; resize the old one "
                f"first. Received: shapes {input_shape}"
            )
        return input_shape[1]


@dataclass(frozen=True)
class Networks:
    """Both networks of an architecture, whole and by view.

    Attributes:
        generator, discriminator: models with all layers of all stages: what
            is pruned, counted, optimised, averaged and checkpointed. What they
            compute is of no use where there are stages: only views are.
        generators: by `View`, latents (B, L) to float32 images (B, r, r, 3);
            r is the view's resolution.
        discriminators: by `View`, images (B, r, r, 3) to float32 logits
            (B, 1).
        fades: α of the generator's and of the discriminator's fading views;
            empty without stages.
        mixes_batch: whether the logit of an image depends on the other images
            of its batch. Real and fake ones then need calls of their own.
        group: how many images such a statistic is over: a batch must be a
            multiple of it, or smaller. None: over all of a batch (of one
            device), or there is no such statistic.
        full_size: the generator without its images of smaller sizes, where it
            makes several (as a list, the full size first, which the
            discriminator then takes).
        mapping, synthesis: latents to styles (B, layers, L), and styles to
            images, where there are styles.
        reconstructor: [*images, quarter (B,) int32] to [logits,
            *reconstructions], where the discriminator makes some.
        pyramid: function of real images that gives the list of sizes.
        targets: function (real images, quarter) of what reconstructions are
            compared with.

    A view has fewer variables than the whole. The generator that is exported
    and scored is `generators[View(resolution)]` of the last resolution.
    """

    generator: keras.Model
    discriminator: keras.Model
    generators: dict[View, keras.Model]
    discriminators: dict[View, keras.Model]
    fades: tuple = ()
    mixes_batch: bool = False
    group: int | None = None
    full_size: keras.Model | None = None
    mapping: keras.Model | None = None
    synthesis: keras.Model | None = None
    reconstructor: keras.Model | None = None
    pyramid: Callable[[Any], list] | None = None
    targets: Callable[[Any, Any], list] | None = None

    def delivered(self, view):
        """The generator of a view as it is scored and exported."""
        return self.full_size or self.generators[view]

    @classmethod
    def single(cls, generator, discriminator, resolution):
        """Networks without stages: the only view is the whole.

        Args:
            generator, discriminator: models of shapes as above.
            resolution: image side R in pixels.

        Raises:
            ValueError: the images of a model have another side.
        """
        shapes = generator.output_shape, discriminator.input_shape
        expected = (resolution, resolution, 3)
        if any(tuple(shape[1:]) != expected for shape in shapes):
            raise ValueError(
                f"Images must be of shape {expected}, as `resolution` says. "
                f"Received: a generator of {shapes[0]}, a discriminator of "
                f"{shapes[1]}"
            )
        view = View(resolution)
        mapping, synthesis = split_at_styles(generator)
        return cls(
            generator,
            discriminator,
            {view: generator},
            {view: discriminator},
            mapping=mapping,
            synthesis=synthesis,
            mixes_batch=any(
                isinstance(layer, _MIXING) for layer in discriminator.layers
            ),
        )
