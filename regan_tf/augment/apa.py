"""Adaptive pseudo augmentation (Jiang et al. 2021, arXiv:2111.06849)."""

import tensorflow as tf


class AdaptivePseudoAugmentation:
    """Passes generated images off as real ones, the more D overfits.

    Overfitting is λ, the mean of sign(D(x)) over what D was shown as real (the
    paper's λ_r). Every `interval` steps p moves by sign(λ − target), at such
    a pace that `kimg` thousand images move it by 1.

    p has no upper bound, as in the authors' code: a chance above 1 draws what
    1 draws. It hardly gets there, since with p = 1 both halves of D's batch
    are generated, λ is near 0 and p falls.

    To be made in the strategy's scope.

    Args:
        batch_size: real images of a step, all devices together.
        target: λ at which p stays, in (−1, 1) (paper: 0.6).
        interval: steps between changes of p.
        kimg: thousands of images that move p by 1 (authors' code: 500).

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(self, batch_size, target=0.6, interval=4, kimg=500):
        if batch_size < 1 or interval < 1 or kimg <= 0:
            raise ValueError(
                "`batch_size` and `interval` must be at least 1 and `kimg` "
                f"positive. Received: batch_size={batch_size}, "
                f"interval={interval}, kimg={kimg}"
            )
        if not -1 < target < 1:
            raise ValueError(
                "`target` must be in (-1, 1), as a mean of signs is. "
                f"Received: target={target}"
            )
        self.target = target
        self.interval = interval
        self.batch_size = batch_size
        self.kimg = kimg
        self.p = tf.Variable(0.0, trainable=False)
        # Of the last change of p, for logs.
        self.overfitting = tf.Variable(0.0, trainable=False)
        # Of the updates since.
        self.sum = tf.Variable(0.0, trainable=False)
        self.count = tf.Variable(0, dtype=tf.int64, trainable=False)

    @property
    def state(self):
        """Variables, by name, that a checkpoint must hold."""
        return {
            "p": self.p,
            "lambda": self.overfitting,
            "sum": self.sum,
            "count": self.count,
        }

    @property
    def figures(self):
        """Floats for logs: p, and the λ of its last change (0 before the
        first)."""
        return {
            "apa/p": float(self.p.numpy()),
            "apa/lambda": float(self.overfitting.numpy()),
        }

    def mix(self, real, pseudo, uniform):
        """Real images, each replaced with chance p by its pseudo image.

        Args:
            real, pseudo: (b, R, R, 3), the latter generated; no gradient
                flows into it.
            uniform: float32 (b, 1, 1, 1), U[0, 1); of its own for each pass
                of D.
        """
        return tf.where(uniform < self.p, tf.stop_gradient(pseudo), real)

    def observe(self, sign_mean):
        """Notes a pass of D, in cross-replica context. Traceable.

        Args:
            sign_mean: float32 scalar, the mean of sign(D(x)) over the global
                batch that D was shown as real, pseudo images included.
        """
        self.sum.assign_add(sign_mean)
        self.count.assign_add(1)

    def update(self, step, batch_size=None):
        """Ends a step, in cross-replica context. Traceable.

        p ← max(0, p + sign(λ − target)·batch_size·interval / (1000·kimg)) if
        `step` is a multiple of the interval; it stays if λ equals the target
        or nothing was observed.

        Args:
            step: int64 scalar, completed steps, this one included.
            batch_size: real images of the step, where it is not that of the
                constructor.
        """
        due = tf.logical_and(step % self.interval == 0, self.count > 0)
        seen = self.sum / tf.cast(tf.maximum(self.count, 1), tf.float32)
        images = self.interval * (batch_size or self.batch_size)
        move = images / (1000 * self.kimg) * tf.sign(seen - self.target)
        moved = tf.maximum(self.p + move, 0.0)
        self.p.assign(tf.where(due, moved, self.p))
        self.overfitting.assign(tf.where(due, seen, self.overfitting))
        self.sum.assign(tf.where(due, 0.0, self.sum))
        self.count.assign(tf.where(due, tf.zeros_like(self.count), self.count))
