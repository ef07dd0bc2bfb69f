"""Penalties on gradients, each a function of them.

Every function takes gradients of any floating-point type, computes in float32
and returns one value an image; the training step weighs and averages them.
"""

from keras import ops


def root(squares):
    """√, with a gradient of 0 at 0, where it has none."""
    # Not "> 0", which would hide a value that is not a number.
    positive = squares != 0
    roots = ops.sqrt(ops.where(positive, squares, 1.0))
    return ops.where(positive, roots, 0.0)


def r1(gradients):
    """‖∇D‖² of each image (Mescheder et al. 2018, eq. 9, there weighted by
    γ/2).

    Args:
        gradients: (B, R, R, 3), of each image's logit with respect to the
            image.

    Returns:
        float32 (B, 1).
    """
    gradients = ops.cast(gradients, "float32")
    return ops.sum(ops.square(gradients), axis=(1, 2, 3))[:, None]


def path_lengths(gradients):
    """‖Jᵀy‖₂ of each image (Karras et al. 2020, arXiv:1912.04958, eq. 4).

    The layers' squared norms are averaged, as in the authors' code, where
    each layer has a style of its own.

    Args:
        gradients: (B, layers, L), of Σ images·y with respect to the styles;
            y ~ N(0, 1)/√(H·W), of the images' shape.

    Returns:
        float32 (B,). Where the gradient vanishes, 0 with a gradient of 0.
    """
    gradients = ops.cast(gradients, "float32")
    squares = ops.sum(ops.square(gradients), axis=2)
    return root(ops.mean(squares, axis=1))


def path_penalty(lengths, mean, decay=0.01, over_devices=None):
    """(‖Jᵀy‖₂ − a)², a the running mean of lengths, which moves first (Karras
    et al. 2020, eq. 4 and appendix B).

    As in the authors' code, a gradient flows through a as well, which
    `lengths` have just moved: with one device

        ∂ mean(penalties)/∂ lengthsᵢ
            = 2/B·(lengthsᵢ − a) − 2/B·decay·mean(lengths − a).

    Args:
        lengths: float32 (B,), of `path_lengths`.
        mean: float32 scalar, the running mean; 0 at first.
        decay: share of the new lengths in it.
        over_devices: function of a scalar, the mean of this device's lengths,
            to its mean over all devices; differentiable, as `all_reduce` is.
            None: one device.

    Returns:
        (penalties float32 (B,), the new running mean without a gradient).
    """
    batch = ops.mean(lengths)
    if over_devices is not None:
        batch = over_devices(batch)
    moved = mean + decay * (batch - mean)
    return ops.square(lengths - moved), ops.stop_gradient(moved)
