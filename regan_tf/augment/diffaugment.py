"""Differentiable augmentation (Zhao et al. 2020, arXiv:2006.10738).

Real and generated images go through it before the discriminator, so gradients
reach the generator; each operation has derivatives of every order. Ranges are
the paper's (section 4), roundings and clamped borders its authors' code's.

An operation takes float32 images (B, H, W, 3) and uniforms u (B, n) in [0, 1),
n numbers for each image, and returns images of the same shape. Values are
never clipped.
"""

import tensorflow as tf


def augment(images, policy, source, name):
    """Images through the operations of a policy, drawn anew for each image.

    Args:
        images: (B, H, W, 3) of a floating-point type, all of the shape known.
        policy: operations in order, an answer of `augment.parse_policy`.
        source: a `regan_tf.nets.noise.Source`, of which only `uniform` is
            asked.
        name: of this use ("real", "fake"); the draws of an operation are
            named f"{name}/{operation}".

    Returns:
        The same shape and type; computed in float32 and rounded once.

    Raises:
        ValueError: a shape that is not known, or another operation.
    """
    if not set(policy) <= set(OPERATIONS):
        raise ValueError(
            f"`policy` must be a tuple of {', '.join(OPERATIONS)}, as "
            f"`parse_policy` returns. Received: policy={policy!r}"
        )
    images = tf.convert_to_tensor(images)
    if images.shape.rank != 4 or None in images.shape:
        raise ValueError(
            "`images` must be (B, H, W, 3), all of it known; set what is not "
            f"with tf.ensure_shape. Received: images.shape={images.shape}"
        )
    augmented = tf.cast(images, tf.float32)
    for operation in policy:
        function, draws = OPERATIONS[operation]
        shape = (images.shape[0], draws)
        u = source.uniform(f"{name}/{operation}", shape)
        augmented = function(augmented, u)
    return tf.cast(augmented, images.dtype)


def brightness(images, u):
    """x + b, b ~ U(−0.5, 0.5)."""
    return images + (u - 0.5)[:, None, None]


def saturation(images, u):
    """Each pixel's distance to its grey times s ~ U(0, 2)."""
    return _spread(images, 3, 2.0 * u)


def contrast(images, u):
    """Distance to the image's mean over all values times c ~ U(0.5, 1.5)."""
    return _spread(images, (1, 2, 3), 0.5 + u)


def _spread(images, axes, factor):
    mean = tf.reduce_mean(images, axes, keepdims=True)
    return mean + factor[:, None, None] * (images - mean)


def translation(images, u):
    """Moves by whole pixels, up to an eighth of each side, zeros coming in.

    Each offset from −s to s is equally likely, s = ⌊side/8 + 1/2⌋ (4 at 32,
    32 at 256). u (B, 2) are of rows and of columns.
    """
    height, width = images.shape[1:3]
    rows, columns = _offset(u[:, :1], height), _offset(u[:, 1:], width)
    return _shifted(images, rows, columns)


def _offset(u, side):
    reach = int(side / 8 + 0.5)
    return _whole(u, 2 * reach + 1) - reach


@tf.custom_gradient
def _shifted(images, rows, columns):
    """out[i, j] = image[i + row, j + column], 0 outside; int32 (B, 1) each."""

    # Back by as much. TensorFlow's own gradient of `gather` is the same but
    # adds pixel by pixel, in twice the time.
    def gradient(upstream):
        return _shifted(upstream, -rows, -columns), None, None

    moved = tf.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for axis, offset in ((1, rows), (2, columns)):
        side = images.shape[axis]
        taken = tf.clip_by_value(tf.range(1, side + 1) + offset, 0, side + 1)
        moved = tf.gather(moved, taken, axis=axis, batch_dims=1)
    return moved, gradient


def cutout(images, u):
    """Zeros in a square of c = ⌊side/2 + 1/2⌋ pixels, cut off at borders.

    Its middle, ⌊c/2⌋ pixels after its start, is each of 0..side − (c mod 2)
    with equal chance: up to 3/4 of it fall outside. (The authors' code clamps
    indices instead, which marks the same pixels.) u (B, 2) are of rows and of
    columns.
    """
    height, width = images.shape[1:3]
    rows, columns = _covered(u[:, :1], height), _covered(u[:, 1:], width)
    covered = rows[:, :, None, None] & columns[:, None, :, None]
    return images * tf.cast(~covered, images.dtype)


def _covered(u, side):
    """Which rows or columns the square covers, bool (B, side)."""
    size = int(side / 2 + 0.5)
    start = _whole(u, side + 1 - size % 2) - size // 2
    pixels = tf.range(side)
    return (start <= pixels) & (pixels < start + size)


def _whole(u, count):
    """u to int32 in 0..count − 1, each as likely (u·count stays below count
    when rounded, since u is at most 1 − 2⁻²⁴)."""
    return tf.cast(tf.floor(u * count), tf.int32)


# Function, and numbers that it draws for each image.
OPERATIONS = {
    "brightness": (brightness, 1),
    "saturation": (saturation, 1),
    "contrast": (contrast, 1),
    "translation": (translation, 2),
    "cutout": (cutout, 2),
}
