"""The callback that makes a training run Re-GAN."""

import keras

from regan_tf.regan.learning_rate import set_factor
from regan_tf.regan.pruner import Pruner
from regan_tf.regan.schedule import AlternatingSchedule, as_schedule


class ReGAN(keras.callbacks.Callback):
    """Prunes and regrows networks while they train (Re-GAN, section 3).

    Asks the schedule before each call of the training loop and tells the
    pruners: masks of a sparse phase come from the magnitudes at its start and
    stay for the phase; in a dense phase every mask is ones and the pruned
    networks learn at a fraction of their rate. Works in `regan_tf.train` and
    in `Model.fit`; without it the same loop trains densely.

    Args:
        schedule: an `AlternatingSchedule`, or any object that, called with a
            step (completed steps), returns (prune now?, sparsity), such as
            tensorflow-model-optimization's schedules.
        pruners: one `Pruner` for each pruned network, with its optimiser.
            None prunes the model that is being fitted.
        pair: a `GeneratorPair` that keeps the generator at the end of each
            phase, or None.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), regan_tf.MaskedDense(8)])
    >>> model.compile("adam", "mse")
    >>> schedule = regan_tf.AlternatingSchedule(0.1, warmup=50, interval=10)
    >>> model.fit(x, y, callbacks=[regan_tf.ReGAN(schedule)])

    Raises:
        ValueError: an optimiser's learning rate cannot be scaled.
    """

    def __init__(self, schedule=None, pruners=None, pair=None):
        super().__init__()
        self.schedule = as_schedule(
            schedule or AlternatingSchedule(0.1, warmup=1000, interval=100)
        )
        self.pruners = pruners
        self.pair = pair
        self.completed = 0  # steps done
        self._epoch_start = None  # steps done before batch 0 of this epoch
        self._asked = -1  # last step that the schedule was asked for
        self._bases = {}

    def next_stop(self, step):
        """First step after `step` before which masks may change."""
        return self.schedule.next_change(step)

    @property
    def sparse(self):
        """Whether masks are on."""
        return any(float(p.asked.numpy()) > 0 for p in self.pruners)

    def on_train_begin(self, logs=None):
        if self.pruners is None:
            self.pruners = [Pruner(self.model, self.model.optimizer)]
        self._asked = self.completed - 1
        # A plain float rate carries the factor of the phase it was saved in.
        factor = 1.0
        if self.completed:
            factor = self.schedule.lr_factor(self.completed - 1)
        for i, pruner in enumerate(self.pruners):
            rate = pruner.optimizer.learning_rate
            rate = rate.numpy() if hasattr(rate, "numpy") else rate
            self._bases[i] = float(rate) / factor

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_start = None

    def on_train_batch_begin(self, batch, logs=None):
        # `Model.fit` counts batches from 0 in each epoch, our loop from the
        # start of training; the difference is fixed within an epoch.
        if self._epoch_start is None:
            self._epoch_start = self.completed - batch
        step = self._epoch_start + batch
        # `Model.fit` with several steps per execution jumps over turns; the
        # last of those holds now.
        turn, candidate = None, self.schedule.next_change(self._asked)
        while candidate <= step:
            turn = candidate if self.schedule(candidate)[0] else turn
            candidate = self.schedule.next_change(candidate)
        self._asked = step
        if turn is not None:
            self._change(turn, self.schedule(turn)[1])

    def on_train_batch_end(self, batch, logs=None):
        self.completed = self._epoch_start + batch + 1

    def _change(self, step, sparsity):
        was_sparse = self.sparse
        if self.pair is not None and was_sparse != (sparsity > 0) and step:
            self.pair.keep("sparse" if was_sparse else "dense", step)
        for i, pruner in enumerate(self.pruners):
            if sparsity > 0:
                pruner.prune(sparsity, step)
            elif was_sparse:
                pruner.regrow(step)
            set_factor(
                pruner.optimizer, self.schedule.lr_factor(step), self._bases[i]
            )

    def phase(self, step):
        """Kind of the phase that `step` falls into."""
        if hasattr(self.schedule, "kind"):
            return self.schedule.kind(step)
        if self.sparse:
            return "sparse"
        begun = any(pruner.has_pruned for pruner in self.pruners)
        return "dense" if begun else "warm-up"

    def report(self, step):
        """Phase and measured masks after `step` completed steps, for logs.

        Returns:
            Dict with `phase` and, for each pruned network, sparsity asked
            and measured, the share of mask entries that changed from one
            sparse phase to the next, and of connections ever pruned.
        """
        figures = {"phase": self.phase(step - 1)}
        for pruner in self.pruners:
            for name, value in pruner.report().items():
                figures[f"masks/{pruner.model.name}/{name}"] = value
        return figures

    def finish_pair(self):
        """Keeps the live generator as the half of the pair that it is.

        To be called when training ends: the live generator is the dense one
        in warm-up or a dense phase; in a sparse phase it is the sparse one,
        if the phase is complete.
        """
        if not self.sparse:
            self.pair.keep("dense", self.completed)
        elif self.schedule.ends_phase(self.completed):
            self.pair.keep("sparse", self.completed)
