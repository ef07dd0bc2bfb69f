"""Callbacks around the training loop. They know no network and no method.

`next_stop(step)` names the first step after `step` at whose end a callback
must run; the loop never crosses it within a call.
"""

import signal
import sys
import time

import keras
import tensorflow as tf

from regan_tf.errors import Diverged


class Every(keras.callbacks.Callback):
    """Base of callbacks that act every so many steps, and at the end.

    Args:
        every: steps between two actions; 0: only at the end.
        last: step after which training ends.
    """

    def __init__(self, every, last):
        super().__init__()
        self.every = every
        self.last = last

    def next_stop(self, step):
        """First multiple of `every` after `step`, at most `last`."""
        if not self.every:
            return self.last
        return min(self.last, (step // self.every + 1) * self.every)

    def due(self, step):
        """Whether to act after `step` completed steps."""
        return step == self.last or bool(self.every and step % self.every == 0)

    def on_train_batch_end(self, batch, logs=None):
        if self.due(batch + 1):
            self.act(batch + 1)

    def act(self, step):
        """What to do after `step` completed steps."""
        raise NotImplementedError


class Log(Every):
    """Writes losses, learning rates, phase and speed, and stops on NaN.

    Args:
        every, last: as in `Every`.
        statistics: the `Statistics` of the steps.
        sources: functions of the step that give dicts of further figures.
        write: function (step, figures) that writes them down.
        images_at: function of completed steps: real images shown until then.
        last_good: function that names the last good checkpoint.
    """

    def __init__(
        self,
        every,
        last,
        *,
        statistics,
        sources,
        write,
        images_at,
        last_good,
    ):
        super().__init__(every, last)
        self.statistics = statistics
        self.sources = sources
        self.write = write
        self.images_at = images_at
        self.last_good = last_good
        with tf.device("CPU:0"):
            self._seconds = tf.Variable(0.0, dtype=tf.float64)
        self._since_log = 0.0
        self._shown_since_log = 0
        self._started = 0.0
        self._first_step = 0

    @property
    def state(self):
        """Variables, by name, that a checkpoint must hold."""
        return {"train_seconds": self._seconds}

    def on_train_batch_begin(self, batch, logs=None):
        self._first_step = batch
        self._started = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        self._shown_since_log += self.images_at(batch + 1) - self.images_at(
            self._first_step
        )
        self._count(time.monotonic() - self._started)
        if self.due(batch + 1):
            self.check(batch + 1)
        super().on_train_batch_end(batch, logs)

    @property
    def seconds(self):
        """Seconds of training so far: no scores, checkpoints or starts."""
        return float(self._seconds.numpy())

    def _count(self, seconds):
        # At once, so that any checkpoint holds them.
        self._seconds.assign_add(seconds)
        self._since_log += seconds

    def check(self, step):
        """Raises `Diverged` if a loss has not been finite.

        Waits for the device, and counts the wait as training: what waits
        here are steps that calls have left to it.
        """
        started = time.monotonic()
        bad = self.statistics.first_bad_step()
        self._count(time.monotonic() - started)
        if bad is not None:
            raise Diverged(
                f"losses were not finite in step {bad + 1} (noticed after "
                f"step {step}); {self.last_good()}"
            )

    def act(self, step):
        figures = {"images_shown": self.images_at(step)}
        figures |= self.statistics.read()
        for source in self.sources:
            figures |= source(step)
        figures["train_seconds"] = round(float(self._seconds.numpy()), 3)
        if self._since_log > 0:
            rate = self._shown_since_log / self._since_log
            figures["images_per_second"] = round(rate, 2)
        self.write(step, figures)
        self.statistics.reset()
        self._since_log, self._shown_since_log = 0.0, 0


class Call(Every):
    """Calls a function of the step, such as one that saves or scores.

    Args:
        every, last: as in `Every`.
        function: what to call.
        first: a check to call before it, such as `Log.check`, or None.
    """

    def __init__(self, every, last, function, first=None):
        super().__init__(every, last)
        self.function = function
        self.first = first

    def act(self, step):
        if self.first is not None:
            self.first(step)
        self.function(step)


class BeforeStep(keras.callbacks.Callback):
    """Calls a function once so many steps are done, before the next begins.

    Args:
        step: completed steps.
        function: what to call with them.
    """

    def __init__(self, step, function):
        super().__init__()
        self.step = step
        self.function = function

    def next_stop(self, step):
        """That step, as long as it is to come."""
        return self.step if step < self.step else sys.maxsize

    def on_train_batch_begin(self, batch, logs=None):
        if batch == self.step:
            self.function(batch)


class StopOnSignal(keras.callbacks.Callback):
    """Ends training after the current call on SIGTERM or SIGINT.

    A second SIGINT (Ctrl-C) interrupts at once. Handlers are in place from
    `arm` to `disarm`, which the caller wraps around the whole run.

    Args:
        agree: function of this process's "signalled?" that tells whether any
            worker was; all of them have to stop after the same call.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self, agree=bool):
        super().__init__()
        self.received = None
        self.agree = agree
        self._before = {}

    def arm(self):
        """Installs the handlers."""
        for number in self.SIGNALS:
            self._before[number] = signal.signal(number, self._handle)

    def disarm(self):
        """Puts the old handlers back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number, frame):
        if self.received is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = signal.Signals(number).name

    def on_train_batch_end(self, batch, logs=None):
        if self.agree(self.received is not None):
            self.received = self.received or "a signal to another worker"
            self.model.stop_training = True


class Progress(keras.callbacks.Callback):
    """A bar with rate and time left; plain lines where there is no terminal.

    Args:
        start: steps already done.
        last: step after which training ends.
        describe: function of the step that names the phase.
    """

    def __init__(self, start, last, describe):
        super().__init__()
        from tqdm import tqdm

        on_terminal = sys.stderr.isatty()
        self.bar = tqdm(
            initial=start,
            total=last,
            unit="step",
            dynamic_ncols=on_terminal,
            mininterval=0.1 if on_terminal else 30.0,
            smoothing=0.05,
        )
        self.describe = describe

    def on_train_batch_end(self, batch, logs=None):
        self.bar.set_description_str(self.describe(batch), refresh=False)
        self.bar.update(batch + 1 - self.bar.n)

    def close(self):
        """Ends the bar's line."""
        self.bar.close()
