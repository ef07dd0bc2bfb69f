"""The input pipeline: shuffled batches that can be continued anywhere.

The order is a pure function of the seed and of how many images were shown
before, so a resumed run, or one on another number of replicas, sees exactly
the images that an unbroken run on one device would have seen.
"""

import numpy as np
import tensorflow as tf

from regan_tf.data.exit_gate import reads
from regan_tf.data.image_set import StreamedImages
from regan_tf.errors import UserError

# `tf.random.experimental.index_shuffle` puts this word before the seed; it
# fails for more than one seed at a time (TF 2.21), hence the raw op.
_SEED_PREFIX = 498247692
_BATCHES_AHEAD = 4


def image_batches(
    images: np.ndarray | StreamedImages,
    *,
    batch_size: int,
    seed: int,
    start: int = 0,
    num_replicas: int = 1,
    first_replica: int = 0,
    local_replicas: int = 1,
    stamped: bool = False,
) -> tf.data.Dataset:
    """An infinite dataset of shuffled batches, one element a replica in turn.

    Position p of the endless sequence of shown images is image
    `index_shuffle(p % N, seed=(seed, p // N))`: each epoch shows every image
    once, in an order of its own, and a batch may cross the end of an epoch.
    Element e is the slice of replica `first_replica + e % local_replicas` of
    the global batch `e // local_replicas`; the slices of all replicas, one
    after the other, are the batch that a single replica would get.

    Makes TensorFlow tensors: with several workers, create the strategy first.

    Args:
        images: uint8, shape `(N, R, R, 3)`, N at least 1, possibly less than
            a batch.
        batch_size: images in a global batch, over all replicas.
        seed: any 64-bit integer.
        start: number of images shown before, in all.
        num_replicas: replicas in all workers together.
        first_replica: global id of this worker's first replica.
        local_replicas: number of this worker's replicas.
        stamped: whether each batch comes with the time at which it was ready.

    Returns:
        Dataset of uint8 tensors `(batch_size // num_replicas, R, R, 3)`; if
        stamped, of pairs of such a tensor and a float64 scalar, in seconds as
        `tf.timestamp` gives them.

    Raises:
        UserError: sizes that do not fit together, or no images.
    """
    _check_images(images)
    _check_sizes(batch_size, start, num_replicas)
    if not 0 <= first_replica < first_replica + local_replicas <= num_replicas:
        raise UserError(
            f"this worker's replicas must lie in [0, {num_replicas}). "
            f"Received: first_replica={first_replica}, "
            f"local_replicas={local_replicas}"
        )
    per_replica = batch_size // num_replicas
    num_images, shape = len(images), (per_replica, *images.shape[1:])

    def indices_of(element: tf.Tensor) -> tf.Tensor:
        replica = first_replica + element % local_replicas
        batch = element // local_replicas
        first = start + batch * batch_size + replica * per_replica
        positions = first + tf.range(per_replica, dtype=tf.int64)
        return _shuffled(positions, num_images, seed)

    def read(indices: tf.Tensor) -> tf.Tensor:
        # Reads the array in place: as a tensor it would be copied, and land
        # on the GPU. Not stateful, so that calls may run side by side.
        batch = tf.numpy_function(
            reads.guard(images.__getitem__),
            [indices],
            tf.uint8,
            stateful=False,
        )
        batch = tf.ensure_shape(batch, shape)
        if not stamped:
            return batch
        with tf.control_dependencies([batch]):
            return batch, tf.timestamp()

    # The order is explicit, so tf.distribute must not shard it once more.
    options = tf.data.Options()
    options.deterministic = True
    # Nothing here is left to tuning, and its thread lets an iterator end only
    # when it next wakes up: up to a minute later.
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    dataset = tf.data.Dataset.counter().map(indices_of)
    dataset = dataset.map(read, num_parallel_calls=_BATCHES_AHEAD)
    return dataset.prefetch(_BATCHES_AHEAD).with_options(options)


def shown_indices(
    num_images: int, seed: int, start: int, count: int
) -> np.ndarray:
    """The images that `image_batches` shows at positions from `start` on.

    Returns:
        int64 array of shape `(count,)`, values in [0, `num_images`).

    Raises:
        UserError: no images, or `start` or `count` negative.
    """
    if num_images < 1 or start < 0 or count < 0:
        raise UserError(
            "expected at least 1 image, `start` and `count` at least 0. "
            f"Received: num_images={num_images}, start={start}, count={count}"
        )
    with tf.device("CPU:0"):
        positions = start + tf.range(count, dtype=tf.int64)
        return _shuffled(positions, num_images, seed).numpy()


def _shuffled(positions: tf.Tensor, num_images: int, seed: int) -> tf.Tensor:
    """int64 image indices of shape `(n,)` at positions of the same shape."""
    epochs = positions // num_images
    constant = tf.ones_like(epochs)
    return tf.raw_ops.RandomIndexShuffle(
        index=positions % num_images,
        seed=tf.stack([_SEED_PREFIX * constant, seed * constant, epochs], 1),
        max_index=tf.constant(num_images - 1, tf.int64),
        rounds=4,
    )


def _check_images(images: np.ndarray | StreamedImages) -> None:
    if len(images.shape) != 4 or images.dtype != np.uint8:
        raise UserError(
            "`images` must be uint8 of shape (N, R, R, 3). "
            f"Received: {images.dtype} of shape {images.shape}"
        )
    if len(images) < 1:
        raise UserError("`images` is empty. Expected at least one image")


def _check_sizes(batch_size: int, start: int, num_replicas: int) -> None:
    if num_replicas < 1 or batch_size < 1 or batch_size % num_replicas:
        raise UserError(
            "`batch_size` must be a positive multiple of the number of "
            f"replicas. Received: batch_size={batch_size}, "
            f"num_replicas={num_replicas}"
        )
    if start < 0:
        raise UserError(f"`start` must be at least 0. Received: {start}")
