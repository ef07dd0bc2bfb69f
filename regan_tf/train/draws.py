"""Everything random in training, as a function of seed, step and purpose.

Nothing is drawn from a hidden state: a resumed run draws what the
uninterrupted one would, and each replica draws the global batch and takes its
slice, so that several devices see what one device sees.
"""

import zlib

import tensorflow as tf

# Named, so that every device has the same. What XLA compiles (--jit, where
# networks draw inside) makes other numbers of the same bits all the same.
_ALG = "philox"


class Stream:
    """Random numbers of the global batch, sliced for this replica.

    Args:
        seed: the run's seed.
        num_replicas: replicas in sync.
    """

    def __init__(self, seed, num_replicas):
        self.seed = seed
        self.num_replicas = num_replicas

    def _seed(self, purpose, step, critic):
        seed = tf.constant([self.seed, purpose], tf.int32)
        fold = tf.random.experimental.stateless_fold_in
        return fold(fold(seed, tf.cast(step, tf.int32)), critic)

    def _mine(self, values):
        size = values.shape[0] // self.num_replicas
        context = tf.distribute.get_replica_context()
        start = context.replica_id_in_sync_group * size
        mine = values[start : start + size]
        return tf.ensure_shape(mine, (size, *values.shape[1:]))

    def normal(self, shape, purpose, step, critic=0):
        """N(0, 1) of global `shape`, this replica's slice of axis 0."""
        seed = self._seed(purpose, step, critic)
        return self._mine(tf.random.stateless_normal(shape, seed, alg=_ALG))

    def uniform(self, shape, purpose, step, critic=0):
        """U[0, 1) of global `shape`, this replica's slice of axis 0."""
        seed = self._seed(purpose, step, critic)
        return self._mine(tf.random.stateless_uniform(shape, seed, alg=_ALG))


def take_part(values, part, parts):
    """Microbatch `part` (int32 scalar) of `parts` of this replica's values;
    all of them if it is None."""
    if part is None:
        return values
    size = values.shape[0] // parts
    mine = values[part * size : (part + 1) * size]
    return tf.ensure_shape(mine, (size, *values.shape[1:]))


class Draws:
    """What the networks and the augmentation of one update draw.

    A `regan_tf.nets.noise.Source`: every name has a stream of its own.

    Args:
        stream: the run's `Stream`.
        update: name of the update.
        step: int64 scalar, completed steps.
        critic: int32 scalar, which critic update of the step.
        part, parts: as of `take_part`.
        prefix: before every name.
    """

    def __init__(self, stream, update, step, critic, part, parts, prefix=""):
        self._all = (stream, update, step, critic, part, parts)
        self.prefix = prefix

    def within(self, prefix):
        """The same with names of their own."""
        return Draws(*self._all, f"{self.prefix}{prefix}/")

    def normal(self, name, shape):
        """N(0, 1) of `shape`, whose axis 0 counts the call's images."""
        return self._draw("normal", name, shape)

    def uniform(self, name, shape):
        """U[0, 1) of `shape`, likewise."""
        return self._draw("uniform", name, shape)

    def _draw(self, kind, name, shape):
        stream, update, step, critic, part, parts = self._all
        split = stream.num_replicas * (1 if part is None else parts)
        whole = (shape[0] * split, *shape[1:])
        text = f"{update}/{self.prefix}{name}".encode()
        purpose = zlib.crc32(text) & 0x7FFFFFFF
        values = getattr(stream, kind)(whole, purpose, step, critic)
        return take_part(values, part, parts)
