"""Prunes and regrows the masked layers of any model."""

import numpy as np
import tensorflow as tf

from regan_tf.errors import UserError
from regan_tf.regan.layers import masked_layers
from regan_tf.regan.learning_rate import unwrapped
from regan_tf.regan.updaters import MagnitudeUpdater

# Optimisers, and options of any, whose updates do not come from gradient and
# first moment alone.
_REVIVING = ("Ftrl", "Muon")
_REVIVING_OPTIONS = ("use_ema", "gradient_accumulation_steps")


class Pruner:
    """The masks of one network, and what has to follow when they change.

    Pruned entries are written to zero in the kernel, in averaged copies of
    it, and in the optimiser's first moment: with beta1 > 0 that moment would
    go on moving them although their gradient is exactly zero. Second moments
    and the step count stay: reset, they would make the first regrown step 9
    to 14 times larger. Biases, normalisation and other vectors are never
    masked ("connections", paper section 3). Where regrown weights are to
    have their values back ("kept"), masks only hide them meanwhile: kernel
    and averages hold them still, and no update moves them.

    Args:
        model: built `keras.Model` with masked layers.
        optimizer: the built optimiser of its weights, or None.
        averages: models with the same layers whose weights follow this
            one's, such as a moving average.
        exclude: parts of layer names that are never pruned.
        regrow: "zero": pruned weights restart from zero (the paper);
            "random": from their layer's initialiser (Re-SNGAN-RI); "kept":
            from the values that they had.
        updater: which masks come next, see `regan_tf.regan.updaters`; None:
            Re-GAN's, by magnitude within each kernel.
        forget: whether a regrowth zeroes all first moments of the optimiser,
            not only those of pruned weights (AC/DC's authors do).
        seed: of the random regrowth, a function of seed and step.
        in_use: function that gives the names of the layers to prune now, for
            networks that grow; None: all.

    Raises:
        UserError: there is nothing to prune, or an entry of `exclude`
            matches no layer.
        ValueError: the optimiser would revive pruned weights.
    """

    def __init__(
        self,
        model,
        optimizer=None,
        *,
        averages=(),
        exclude=(),
        regrow="zero",
        updater=None,
        forget=False,
        seed=0,
        in_use=None,
    ):
        if regrow not in ("zero", "random", "kept"):
            raise ValueError(
                '`regrow` must be "zero", "random" or "kept". Received: '
                f"regrow={regrow!r}"
            )
        layers = masked_layers(model)
        excluded_layers([model], exclude)
        _check_revives_none(unwrapped(optimizer))
        self.layers = [
            layer
            for layer in layers
            if not any(part in layer.name for part in exclude)
        ]
        if not self.layers:
            raise UserError(
                f"nothing to prune: no layer of {model.name!r} has a mask "
                f"(masked layers: {len(layers)}, excluded: {list(exclude)})"
            )
        self.model = model
        self.optimizer = optimizer
        self.regrow_from = regrow
        self.updater = updater or MagnitudeUpdater()
        self.forget = forget
        self.seed = seed
        self.in_use = in_use
        self.pairs = [p for layer in self.layers for p in layer.masked_weights]
        self._copies = [_pairs_like(copy, self.layers) for copy in averages]
        self._make_state()

    def _make_state(self):
        # Plain variables on the host: only reports read them, but a resumed
        # run must report as if it had never stopped.
        with tf.device("CPU:0"):
            self.asked = tf.Variable(0.0, dtype=tf.float64, name="asked")
            self.changed = tf.Variable(0.0, dtype=tf.float64, name="changed")
            shapes = [tuple(kernel.shape) for kernel, _ in self.pairs]
            self._last = [tf.Variable(np.ones(s, bool)) for s in shapes]
            self._ever = [tf.Variable(np.zeros(s, bool)) for s in shapes]

    @property
    def state(self):
        """Variables, by name, that a checkpoint must hold beside the model."""
        named = {"asked": self.asked, "changed": self.changed}
        for i, (last, ever) in enumerate(
            zip(self._last, self._ever, strict=True)
        ):
            named |= {f"last_mask_{i}": last, f"ever_pruned_{i}": ever}
        return named

    def prune(self, sparsity, step=0):
        """Makes the masks that come next; removes the smallest magnitudes
        where no other updater was given.

        Args:
            sparsity: fraction to remove, in (0, 1).
            step: completed steps.
        """
        chosen = [i for i, used in enumerate(self._in_use()) if used]
        kernels, masks = (
            [self.pairs[i][part].numpy() for i in chosen] for part in (0, 1)
        )
        updated = self.updater(kernels, masks, sparsity, step)
        differing = 0
        for i, values, new in zip(chosen, kernels, updated, strict=True):
            self._apply(i, values, new)
            self.pairs[i][1].assign(new)
            kept = new.astype(bool)
            differing += np.count_nonzero(kept != self._last[i].numpy())
            self._last[i].assign(kept)
            self._ever[i].assign(self._ever[i].numpy() | ~kept)
        self.changed.assign(differing / self.num_prunable)
        self.asked.assign(sparsity)

    def _in_use(self):
        """For each kernel, whether it is to be pruned now."""
        names = None if self.in_use is None else self.in_use()
        return [
            names is None or layer.name in names
            for layer in self.layers
            for _ in layer.masked_weights
        ]

    def _apply(self, index, values, mask):
        kernel, _ = self.pairs[index]
        hidden = self.regrow_from == "kept"
        if not hidden:
            kernel.assign(values * mask)
        for copies in self._copies:
            copy_kernel, copy_mask = copies[index]
            if not hidden:
                copy_kernel.assign(copy_kernel.numpy() * mask)
            copy_mask.assign(mask)
        moment = _first_moment(self.optimizer, kernel)
        if moment is not None:
            moment.assign(moment.numpy() * mask)

    def regrow(self, step):
        """Makes every mask ones, so that pruned weights train again.

        Args:
            step: completed steps; with the seed it fixes random regrowth.
        """
        if self.regrow_from == "random":
            self._draw(step)
        if self.forget:
            for moment in _first_moments(self.optimizer):
                moment.assign(np.zeros(moment.shape, np.float32))
        for pairs in (self.pairs, *self._copies):
            for _, mask in pairs:
                mask.assign(np.ones(mask.shape, np.float32))
        self.asked.assign(0.0)

    def _draw(self, step):
        owners = [layer for layer in self.layers for _ in layer.masked_weights]
        for i, (layer, (kernel, mask)) in enumerate(
            zip(owners, self.pairs, strict=True)
        ):
            config = layer.kernel_initializer.get_config()
            seed = np.random.SeedSequence((self.seed, step, i))
            if "seed" in config:  # constant initialisers have none
                config["seed"] = int(seed.generate_state(1)[0] >> 1)
            fresh = type(layer.kernel_initializer).from_config(config)
            new = np.asarray(fresh(tuple(kernel.shape), dtype="float32"))
            kernel.assign(kernel.numpy() + (1 - mask.numpy()) * new)

    @property
    def kernels(self):
        """Kernels by "<network>/<path>", in order of the pairs."""
        return {f"{self.model.name}/{k.path}": k for k, _ in self.pairs}

    @property
    def num_prunable(self):
        """Entries of all kernels with a mask that may change."""
        return sum(int(np.prod(kernel.shape)) for kernel, _ in self.pairs)

    @property
    def has_pruned(self):
        """Whether any connection has been pruned, ever."""
        return any(ever.numpy().any() for ever in self._ever)

    def report(self):
        """Figures for the log; reads every mask.

        Returns:
            Dict of floats: `asked` and `measured` sparsity, the share of
            mask entries `changed` from one sparse phase to the next (the
            first: from all ones), and the share of connections `ever`
            pruned; all in [0, 1].
        """
        zeros = sum(
            mask.numpy().size - np.count_nonzero(mask.numpy())
            for _, mask in self.pairs
        )
        ever = sum(np.count_nonzero(v.numpy()) for v in self._ever)
        return {
            "asked": float(self.asked.numpy()),
            "measured": zeros / self.num_prunable,
            "changed": float(self.changed.numpy()),
            "ever": ever / self.num_prunable,
        }


def excluded_layers(models, exclude):
    """The entries of `exclude` that name layers of each of several models.

    Args:
        models: built models with masked layers.
        exclude: parts of layer names.

    Returns:
        Dict of model name to the entries that match one of its layers.

    Raises:
        UserError: an entry matches no layer of any model.
    """
    names = {m.name: [x.name for x in masked_layers(m)] for m in models}
    for part in exclude:
        if not any(part in name for these in names.values() for name in these):
            listed = "; ".join(f"{k}: {', '.join(v)}" for k, v in names.items())
            raise UserError(
                f"--mask_exclude must name layers, of {listed}. "
                f"Received: {part!r}"
            )
    return {
        model: [p for p in exclude if any(p in name for name in these)]
        for model, these in names.items()
    }


def _pairs_like(copy, layers):
    """The pairs of `copy`, a model with equal layers, in `layers`' order."""
    by_name = {layer.name: layer for layer in masked_layers(copy)}
    return [
        pair for layer in layers for pair in by_name[layer.name].masked_weights
    ]


def _check_revives_none(optimizer):
    """Refuses an optimiser that would move weights without a gradient."""
    kind = type(optimizer).__name__
    options = [x for x in _REVIVING_OPTIONS if getattr(optimizer, x, None)]
    if options or kind in _REVIVING:
        said = " with ".join([kind, *options[:1]])
        raise ValueError(
            f"{said} moves weights whose gradient is zero, which would revive "
            "pruned ones; use Adam, AdamW, SGD, RMSprop or another optimiser "
            "with one first moment, and neither "
            + " nor ".join(_REVIVING_OPTIONS)
        )


def _first_moments(optimizer):
    """The optimiser's first moments, in order of its variables; it may have
    none."""
    optimizer = unwrapped(optimizer)
    names = "_momentums", "momentums", "_m"  # the last: Adamax
    found = (getattr(optimizer, name, None) for name in names)
    return next(filter(None, found), [])


def _first_moment(optimizer, variable):
    """The optimiser's first moment of `variable`, or None if it has none."""
    moments = _first_moments(optimizer)
    if not moments:
        return None
    return moments[unwrapped(optimizer)._get_variable_index(variable)]
