"""The pair that a run ends with: a sparse and a dense generator (Figure 3)."""

import numpy as np
import tensorflow as tf


class GeneratorPair:
    """Keeps the sparse and the dense generator while training goes on.

    During a sparse phase the live generator is the sparse one, and the end of
    the last dense phase (or of the warm-up) is kept beside it; in a dense
    phase the other way round. A kept generator holds every variable of its
    own: weights, masks and batch-norm statistics.

    Args:
        generator: the live `keras.Model` that a run delivers (the moving
            average, where the recipe has one).
    """

    KINDS = ("sparse", "dense")

    def __init__(self, generator):
        self.generator = generator
        with tf.device("CPU:0"):
            # Step at which each was kept; -1: not yet.
            self.kept_at = {
                kind: tf.Variable(-1, dtype=tf.int64) for kind in self.KINDS
            }
            self._kept = {
                kind: [
                    tf.Variable(np.zeros(v.shape, v.dtype))
                    for v in generator.variables
                ]
                for kind in self.KINDS
            }

    @property
    def state(self):
        """Variables, by name, that a checkpoint must hold."""
        named = {f"{kind}_kept_at": v for kind, v in self.kept_at.items()}
        for kind, variables in self._kept.items():
            named |= {f"{kind}_{i}": v for i, v in enumerate(variables)}
        return named

    def keep(self, kind, step):
        """Copies the live generator as the `kind` one.

        Args:
            kind: "sparse" or "dense".
            step: completed steps.
        """
        for kept, live in zip(
            self._kept[kind], self.generator.variables, strict=True
        ):
            kept.assign(live.numpy())
        self.kept_at[kind].assign(step)

    def has(self, kind):
        """Whether a `kind` generator was kept."""
        return int(self.kept_at[kind].numpy()) >= 0

    def values(self, kind):
        """The kept `kind` generator: arrays in order of its variables.

        Raises:
            ValueError: none was kept.
        """
        if not self.has(kind):
            raise ValueError(f"no {kind} generator has been kept yet")
        return [v.numpy() for v in self._kept[kind]]
