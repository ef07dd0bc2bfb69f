"""Scores, sample grids and the best of each half of the pair."""

import hashlib
import json
import os

import numpy as np
import tensorflow as tf

from regan_tf.errors import UserError
from regan_tf.export import Sampler, export_generator, parameters
from regan_tf.metrics.protocol import GRID_SEED, SCORE_SEED
from regan_tf.metrics.stability import NUM_LATENTS, consecutive_mse
from regan_tf.regan.layers import strip_masks


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
        facts: function of a step that gives what a score line says of the
            run until then.
        save_best: function (kind, step) that saves a checkpoint.
        devices: to sample on, as many as the evaluator has networks.
        first_step: step from which on generators are whole; halves kept
            before, in earlier stages, are not scored.
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
        facts,
        save_best,
        devices=(None,),
        first_step=0,
    ):
        self.generator = generator
        self.first_step = first_step
        self._early = {}
        self.pair = pair
        self.is_sparse = is_sparse
        self.latent_dim = latent_dim
        self.run_dir = run_dir
        self.recorder = recorder
        self.evaluator = evaluator
        self.facts = facts
        self.save_best = save_best
        self.kinds = ("sparse", "dense") if pair else ("dense",)
        self._copies, self._samples = [], []
        for device in devices:
            with tf.device(device):
                copy = strip_masks(generator)
                self._copies.append(copy)
                self._samples.append(Sampler(copy, latent_dim, SCORE_SEED))
        self._stock = self._copies[0]
        self._grid = Sampler(self._stock, latent_dim, GRID_SEED)
        self._make_state()

    def _make_state(self):
        shape = (NUM_LATENTS, *self._stock.output_shape[1:])
        with tf.device("CPU:0"):

            def each(value):
                return {k: tf.Variable(value) for k in self.kinds}

            self.best = each(np.float64(np.finfo("f8").max))
            self.best_step = each(np.int64(-1))
            self._scored = each(np.int64(-1))
            self._drawn = each(np.zeros(shape, np.uint8))
            self._drawn_at = each(np.int64(-1))
            self._protocol = tf.Variable(np.int64(0))

    @property
    def state(self):
        """Variables, by name, that a checkpoint must hold."""
        named = {"protocol": self._protocol}
        for kind in self.kinds:
            named[f"best_{kind}"] = self.best[kind]
            named[f"best_{kind}_step"] = self.best_step[kind]
            named[f"scored_{kind}"] = self._scored[kind]
            named[f"drawn_{kind}"] = self._drawn[kind]
            named[f"drawn_{kind}_step"] = self._drawn_at[kind]
        return named

    def check_protocol(self):
        """Forgets the best of a resumed run that was scored otherwise."""
        if self.evaluator is None:
            return
        record = dict(self.evaluator.record)
        del record["reference_set"]  # a name; the hash is what counts
        text = json.dumps(record, sort_keys=True).encode()
        now = int(hashlib.sha256(text).hexdigest()[:15], 16)
        if int(self._protocol.numpy()) not in (0, now):
            print(
                "scores are made in another way from here on: the best "
                "generators of each half are chosen anew"
            )
            for kind in self.kinds:
                self.best[kind].assign(np.finfo("f8").max)
                self.best_step[kind].assign(-1)
                self._scored[kind].assign(-1)
        self._protocol.assign(now)

    def halves(self, step):
        """The generators there are after `step` completed steps.

        Yields:
            (kind, step it is of, arrays in order of its variables).
        """
        live = "sparse" if self.pair and self.is_sparse() else "dense"
        for kind in self.kinds:
            if kind == live:
                yield kind, step, [v.numpy() for v in self.generator.variables]
            else:
                yield from self._kept(kind)

    def _kept(self, kind):
        """The kept half, if there is one of the last resolution."""
        at = int(self.pair.kept_at[kind].numpy())
        if at >= self.first_step and self.pair.has(kind):
            yield kind, at, self.pair.values(kind)

    def _fill(self, values):
        for copy in self._copies:
            strip_masks(self.generator, values, copy)

    def score(self, step, thorough=False):
        """Scores and draws the halves; saves those that are the best yet.

        A score that cannot be had is said and left out: training is worth
        more than its scores.

        Args:
            step: completed steps.
            thorough: as of `Evaluator.score`.

        Returns:
            Dict of kind to its scores, of those scored now.
        """
        scored = {}
        for kind, at, values in self.halves(step):
            if at == int(self._scored[kind].numpy()):
                continue
            self._fill(values)
            moved = self._draw(kind, at, step)
            if self.evaluator is None:
                continue
            found = self._measure(kind, step, thorough)
            if found is not None:
                self._scored[kind].assign(at)
                scored[kind] = self._write(
                    kind, at, step, found, thorough, moved
                )
        return scored

    def draw_early(self, step, generator):
        """Draws the grid of a stage before the last, each pixel enlarged.

        Args:
            step: completed steps.
            generator: latents (B, L) to images (B, r, r, 3), with masks.
        """
        if generator.name not in self._early:
            copy = strip_masks(generator)
            sampler = Sampler(copy, self.latent_dim, GRID_SEED)
            self._early[generator.name] = copy, sampler
        copy, sampler = self._early[generator.name]
        strip_masks(generator, into=copy)
        images = sampler(NUM_LATENTS)
        factor = self._stock.output_shape[1] // images.shape[1]
        images = images.repeat(factor, 1).repeat(factor, 2)
        live = "sparse" if self.pair and self.is_sparse() else "dense"
        self.recorder.grid(step, live, images)

    def _measure(self, kind, step, thorough):
        """The `Evaluation` of what the copies hold, or None if it fails.

        Only measuring may fail: what cannot be written stops the run.
        """
        try:
            return self.evaluator.score(self._samples, thorough=thorough)
        except (UserError, MemoryError, tf.errors.OpError) as error:
            reason = " ".join(str(error).split())[:300]
            print(f"step {step:,}: no score of the {kind} half: {reason}")
            return None

    def _draw(self, kind, at, step):
        """Draws the grid; says how far its images moved since the last."""
        images = self._grid(NUM_LATENTS)
        self.recorder.grid(step, kind, images)
        moved, before = {}, int(self._drawn_at[kind].numpy())
        if 0 <= before < at:
            last = self._drawn[kind].numpy()
            moved = {
                "mse_to_previous": consecutive_mse(last, images),
                "previous_of_step": before,
            }
        self._drawn[kind].assign(images)
        self._drawn_at[kind].assign(at)
        return moved

    def _write(self, kind, at, step, found, thorough, known):
        """Writes a score, and keeps the generator if it is the best yet."""
        scores = {
            "of_step": at,
            **found.figures,
            **self.facts(at),
            **parameters(self._stock),
            **known,
            "thorough": thorough,
            "protocol": self.evaluator.record,
        }
        self.recorder.scores(step, kind, scores)
        self.recorder.evaluation(f"step-{step:07d}-{kind}", found)
        distance = scores[self.evaluator.distance_name]
        if distance < float(self.best[kind].numpy()):
            self.best[kind].assign(distance)
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
        """Writes the final SavedModels `sparse` and `dense`, where a method
        has both.

        Args:
            step: completed steps; the live half is one of the pair.

        Returns:
            Dict of kind to its scores, or None where there are none.
        """
        if self.pair is None:
            halves = self.halves(step)
        else:
            halves = [x for kind in self.kinds for x in self._kept(kind)]
        exported = {}
        for kind, at, values in halves:
            self._fill(values)
            exported[kind] = self._final_scores(kind, at, step)
            self.export(kind, kind, at, exported[kind])
        return exported

    def _final_scores(self, kind, at, step):
        if self.evaluator is None:
            return self.recorder.scores_of(kind, at)
        scores = self.recorder.scores_of(kind, at, self.evaluator.record)
        if scores is not None and scores["thorough"]:
            return scores
        found = self._measure(kind, step, thorough=True)
        if found is None:
            return scores
        # What was known when the half was young is not known better now.
        names = ("mse_to_previous", "previous_of_step", "train_seconds")
        known = {n: scores[n] for n in names if n in (scores or {})}
        return self._write(kind, at, step, found, True, known)
