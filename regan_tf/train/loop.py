"""The training loop: whole steps in one call, callbacks around the calls.

It knows networks, data and callbacks, and no method: without the Re-GAN
callback it is plain dense training.
"""

import functools
import time

import keras
import tensorflow as tf

# A call should be long enough to hide its own cost and short enough to answer
# to a signal at once.
_SECONDS_PER_CALL = 0.5
_MAX_STEPS_PER_CALL = 50


class Trainer:
    """Runs the steps of a `GAN` under a distribution strategy.

    Args:
        strategy: a `tf.distribute.Strategy`.
        stages: the run's `Stages`; each of their pieces is traced once.
        make_step: function of a `Piece` that gives its `GANStep`, whose
            updates run in replica context.
        statistics: a `Statistics` that every step is added to.
        make_batches: function (real images already shown, `Stage`); gives a
            dataset, distributed or not, of one critic update's real images
            an element, stamped with the time at which they were ready.
        critic_steps: critic updates per generator update.
        steps_per_call: most steps in a call; None: as many as fill half a
            second.
    """

    def __init__(
        self,
        strategy,
        stages,
        make_step,
        statistics,
        make_batches,
        critic_steps,
        steps_per_call=None,
    ):
        self.strategy = strategy
        self.stages = stages
        self.make_step = make_step
        self.statistics = statistics
        self.make_batches = make_batches
        self.critic_steps = critic_steps
        self.steps_per_call = steps_per_call
        self._functions = {}

    @property
    def num_traces(self):
        """How often calls were traced: 1 a piece in a healthy run."""
        return sum(
            function.experimental_get_tracing_count()
            for function in self._functions.values()
        )

    def _function(self, piece):
        """The call of a piece: (batches, first step, count) to nothing."""
        if piece.view not in self._functions:
            with self.strategy.scope():
                step = self.make_step(piece)
            steps = functools.partial(self._steps, step)
            self._functions[piece.view] = tf.function(steps)
        return self._functions[piece.view]

    def _sum(self, per_replica):
        return {
            name: self.strategy.reduce("SUM", value, axis=None)
            for name, value in per_replica.items()
        }

    def _steps(self, gan_step, batches, first, count):
        for i in tf.range(count):
            self._one_step(gan_step, batches, first + tf.cast(i, tf.int64))

    def _one_step(self, gan_step, batches, step):
        gan_step.begin(step)
        names = gan_step.critic.names
        sums = {name: tf.constant(0.0) for name in names}
        lazy = {n: tf.constant(0.0) for n in _names(gan_step.r1)}
        waited = tf.constant(0.0, tf.float64)
        # A loop in the graph, outside `run`: one trace of the update whatever
        # the number of critic steps, and optimisers may not be applied in a
        # loop inside a replica.
        for critic in tf.range(self.critic_steps):
            images, seconds = self._next(batches)
            waited += seconds
            args = (images, step, critic)
            figures = self._make(gan_step.critic, args, gan_step.parts)
            sums = {name: sums[name] + figures[name] for name in names}
            if gan_step.r1:
                now = tf.logical_and(gan_step.r1.due(step), critic == 0)
                lazy = self._if(now, gan_step.r1, args, gan_step.parts, lazy)
        figures = {k: v / float(self.critic_steps) for k, v in sums.items()}
        args = (step,)
        figures |= lazy | self._make(gan_step.generator, args, gan_step.parts)
        if gan_step.path:
            zeros = {n: tf.constant(0.0) for n in gan_step.path.names}
            now = gan_step.path.due(step)
            figures |= self._if(now, gan_step.path, args, gan_step.parts, zeros)
        gan_step.end(step, figures)
        self.statistics.add(figures, step, waited)

    def _next(self, batches):
        """(images, seconds that the step waited for them)."""
        asked = tf.timestamp()
        with tf.control_dependencies([asked]):
            images, ready = next(batches)
        # Not the time until they are here, in which the step computes.
        stamps = self.strategy.experimental_local_results(ready)
        return images, tf.maximum(tf.reduce_max(stamps) - asked, 0.0)

    def _make(self, update, args, parts):
        """Makes an `Update`; gives its figures, means over the batch."""
        if parts == 1:
            return self._sum(self.strategy.run(update.whole, args=args))
        sums = {name: tf.constant(0.0) for name in update.names}
        # In the graph and outside `run`, for the same reasons as above:
        # synchronised batch statistics cannot be had in a replica's loop.
        for part in tf.range(parts):
            run = self.strategy.run(update.add, args=(*args, part))
            figures = self._sum(run)
            sums = {name: sums[name] + figures[name] for name in update.names}
        self.strategy.run(update.apply)
        return sums

    def _if(self, now, update, args, parts, otherwise):
        """The figures of an update if it is made now, else `otherwise`."""
        return tf.cond(
            now,
            lambda: self._make(update, args, parts),
            lambda: otherwise,
        )

    def train(self, gan, start, stop, callbacks):
        """Trains from `start` to `stop` completed steps.

        A call never crosses a step that a callback's `next_stop(step)` names.
        Callbacks get `on_train_batch_begin(completed)` before a call and
        `on_train_batch_end(last step's index)` after it, as Keras does with
        several steps per execution; neither gets logs, which would make every
        call wait for the device.

        Args:
            gan: what callbacks know as `model`; its `stop_training` ends the
                loop.
            start: steps already done.
            stop: steps to have done at the end.
            callbacks: list of `keras.callbacks.Callback`s.

        Returns:
            Completed steps.
        """
        listed = keras.callbacks.CallbackList(callbacks, model=gan)
        pacer = _Pacer(self.steps_per_call)
        listed.on_train_begin()
        listed.on_epoch_begin(0)
        done, piece = start, None
        while done < stop and not gan.stop_training:
            if piece is None or done == piece.end:
                piece = self.stages.piece_at(done)
                gan.view, run = piece.view, self._function(piece)
                shown = self.stages.images_at(done)
                batches = iter(self.make_batches(shown, piece.stage))
            listed.on_train_batch_begin(done)
            last = _next_stop(callbacks, done, stop)
            if piece.end < self.stages.last.end:
                last = min(last, piece.end)
            count = min(last - done, pacer.steps)
            run(
                batches,
                tf.constant(done, tf.int64),
                tf.constant(count, tf.int32),
            )
            pacer.note(count)
            done += count
            listed.on_train_batch_end(done - 1)
        listed.on_train_end()
        return done


def _names(update):
    return update.names if update else ()


def _next_stop(callbacks, done, stop):
    asked = (
        callback.next_stop(done)
        for callback in callbacks
        if hasattr(callback, "next_stop")
    )
    return min([stop, *asked])


class _Pacer:
    """Chooses the steps of a call from the time that past steps took.

    On a GPU calls return before their work is done, which the time between
    calls still shows, once the device's queue is full.
    """

    def __init__(self, fixed=None):
        self.fixed = fixed
        self.steps = fixed or 1
        self._last = None  # end of the last call; None: it traced

    def note(self, count):
        now = time.monotonic()
        if self._last is not None and self.fixed is None:
            seconds = (now - self._last) / count
            wanted = int(_SECONDS_PER_CALL / max(seconds, 1e-9))
            # Grows slowly, so that one short call cannot mislead it.
            self.steps = max(
                1, min(wanted, 2 * self.steps, _MAX_STEPS_PER_CALL)
            )
        self._last = now
