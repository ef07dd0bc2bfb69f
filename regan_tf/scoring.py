"""Scores, sample grids and the best of each half of the pair."""

import os

import numpy as np
import tensorflow as tf

from regan_tf.export import Sampler, export_generator
from regan_tf.regan.layers import strip_masks

GRID = 64  # images of a sample grid
_GRID_SEED, _SCORE_SEED = 1, 2


class PairScorer:
    """Samples and scores each half of the pair, and keeps the best of each.

    The halves are scored as exported: stock layers, masks multiplied in. A
    kept half that was scored already is not scored again.

    Args:
        generator: the live generator that the run delivers.
        pair: its `GeneratorPair`, or None for dense training.
        is_sparse: function that tells whether the live one is sparse.
        latent_dim: length of the latent vector.
        run_dir: the `RunDir`.
        recorder: the `Recorder`.
        evaluator: a `regan_tf.metrics.Evaluator`, or None for no scores.
        score_name: the score of which less is better, such as "fid".
        save_best: function (kind, step) that saves a checkpoint.
    """

    def __init__(
        self,
        generator,
        *,
        pair,
        is_sparse,
        latent_dim,
        run_dir,
        recorder,
        evaluator,
        score_name,
        save_best,
    ):
        self.generator = generator
        self.pair = pair
        self.is_sparse = is_sparse
        self.latent_dim = latent_dim
        self.run_dir = run_dir
        self.recorder = recorder
        self.evaluator = evaluator
        self.score_name = score_name
        self.save_best = save_best
        self.kinds = ("sparse", "dense") if pair else ("dense",)
        self._stock = strip_masks(generator)
        self._grid = Sampler(self._stock, latent_dim, _GRID_SEED)
        self._samples = Sampler(self._stock, latent_dim, _SCORE_SEED)
        with tf.device("CPU:0"):
            self.best = {
                k: tf.Variable(np.float64(np.finfo("f8").max))
                for k in self.kinds
            }
            self.best_step = {k: tf.Variable(np.int64(-1)) for k in self.kinds}
            self._scored = {k: tf.Variable(np.int64(-1)) for k in self.kinds}

    @property
    def state(self):
        """Variables, by name, that a checkpoint must hold."""
        named = {}
        for kind in self.kinds:
            named[f"best_{kind}"] = self.best[kind]
            named[f"best_{kind}_step"] = self.best_step[kind]
            named[f"scored_{kind}"] = self._scored[kind]
        return named

    def halves(self, step):
        """The generators there are after `step` completed steps.

        Yields:
            (kind, step it is of, arrays in order of its variables).
        """
        live = "sparse" if self.pair and self.is_sparse() else "dense"
        for kind in self.kinds:
            if kind == live:
                yield kind, step, [v.numpy() for v in self.generator.variables]
            elif self.pair.has(kind):
                at = int(self.pair.kept_at[kind].numpy())
                yield kind, at, self.pair.values(kind)

    def score(self, step):
        """Scores and draws the halves; saves those that are the best yet.

        Args:
            step: completed steps.

        Returns:
            Dict of kind to its scores, of those scored now.
        """
        scored = {}
        for kind, at, values in self.halves(step):
            if at == int(self._scored[kind].numpy()):
                continue
            self._scored[kind].assign(at)
            strip_masks(self.generator, values, self._stock)
            self.recorder.grid(step, kind, self._grid(GRID))
            if self.evaluator is None:
                continue
            scored[kind] = self._score(kind, at, step)
        return scored

    def _score(self, kind, at, step):
        sampled = 0

        def generate(count):
            nonlocal sampled
            images = self._samples(count, sampled)
            sampled += count
            return images

        scores = self.evaluator.score(generate)
        self.recorder.scores(step, kind, {"of_step": at, **scores})
        if scores[self.score_name] < float(self.best[kind].numpy()):
            self.best[kind].assign(scores[self.score_name])
            self.best_step[kind].assign(at)
            self.export(f"best_{kind}", kind, at, scores)
            self.save_best(kind, step)
        return scores

    def export(self, name, kind, at, scores=None):
        """Writes what `self._stock` now holds as SavedModel `name`."""
        about = {"kind": kind, "step": at, "scores": scores or {}}
        path = os.path.join(self.run_dir.saved_model, name)
        export_generator(self._stock, self.latent_dim, path, about)

    def export_pair(self, step):
        """Writes the final SavedModels `sparse` and `dense`.

        Args:
            step: completed steps; the live half is one of the pair.
        """
        if self.pair is None:
            halves = self.halves(step)
        else:
            kept_at = self.pair.kept_at
            halves = [
                (kind, int(kept_at[kind].numpy()), self.pair.values(kind))
                for kind in self.kinds
            ]
        for kind, at, values in halves:
            strip_masks(self.generator, values, self._stock)
            scores = self.recorder.scores_of(kind, at)
            if scores is None and self.evaluator is not None:
                scores = self._score(kind, at, step)
            self.export(kind, kind, at, scores)
