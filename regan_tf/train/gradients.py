"""Gradients of a step that is not made, for whoever asks between steps."""

import contextlib
import functools

import numpy as np
import tensorflow as tf


class StepGradients:
    """The gradients that an update would have, with all masks open.

    Of the generator's loss, or of the discriminator's in the first critic
    update, on the very images, latents, draws and fade-in of that step; lazy
    penalties are updates of their own and do not count. Pruned entries are
    zero in the kernel, so open masks change no output, and no gradient but
    that of pruned entries. Nothing moves: batch statistics and power
    iterations are put back.

    Args:
        strategy: a `tf.distribute.Strategy`.
        stages: the run's `Stages`; each of their pieces is traced once.
        make_step: function of a `Piece` that gives its `GANStep`.
        make_batches: as of `Trainer`.
    """

    def __init__(self, strategy, stages, make_step, make_batches):
        self.strategy = strategy
        self.stages = stages
        self.make_step = make_step
        self.make_batches = make_batches
        self._functions = {}

    def __call__(self, gan, network, step, pairs):
        """Gradients of kernels, times the loss scale.

        Args:
            gan: the `GAN`.
            network: "generator" or "discriminator".
            step: completed steps.
            pairs: (kernel, mask) variables of masked layers.

        Returns:
            float32 arrays of the kernels' shapes; zeros where the stage being
            trained does not use the layer.
        """
        piece = self.stages.piece_at(step)
        begin, function, update = self._function(piece, network)
        now = tf.constant(step, tf.int64)
        args = [now]
        if network == "discriminator":
            shown = self.stages.images_at(step)
            images, _ = next(iter(self.make_batches(shown, piece.stage)))
            args = [images, *args, tf.constant(0)]
        with _as_it_was(gan):
            begin(now)
            for _, mask in pairs:
                mask.assign(np.ones(mask.shape, np.float32))
            found = function(*args)
        by_path = {
            variable.path: gradient.numpy()
            for variable, gradient in zip(update.variables, found, strict=True)
        }
        return [
            by_path.get(kernel.path, np.zeros(kernel.shape, np.float32))
            for kernel, _ in pairs
        ]

    def _function(self, piece, network):
        """(`GANStep.begin`, function of an update's arguments, `Update`) of
        a piece."""
        key = piece.view, network
        if key not in self._functions:
            with self.strategy.scope():
                step = self.make_step(piece)
            update = step.critic if network == "discriminator" else None
            update = update or step.generator
            function = functools.partial(self._gradients, update, step.parts)
            self._functions[key] = step.begin, tf.function(function), update
        return self._functions[key]

    def _gradients(self, update, parts, *args):
        """Sums over replicas and microbatches: means over the batch."""
        if parts == 1:
            return self._run(update, args, None)
        total = [tf.zeros(v.shape) for v in update.variables]
        for part in tf.range(parts):
            more = self._run(update, args, part)
            total = [a + b for a, b in zip(total, more, strict=True)]
        return total

    def _run(self, update, args, part):
        def gradients(*args):
            return update.gradients(*update.inputs(*args))[1]

        found = self.strategy.run(gradients, args=(*args, part))
        return [self.strategy.reduce("SUM", x, axis=None) for x in found]


@contextlib.contextmanager
def _as_it_was(gan):
    """Puts back what passes move, and masks: all that no optimiser does."""
    owners = gan.generator, gan.discriminator, gan.networks.reconstructor
    held = [
        (variable, variable.numpy())
        for owner in owners
        if owner is not None
        for variable in owner.non_trainable_variables
    ]
    try:
        yield
    finally:
        for variable, value in held:
            variable.assign(value)
