"""What a run writes down: JSON lines and TensorBoard events."""

import contextlib
import glob
import json
import os
import time

import numpy as np
import tensorflow as tf

from regan_tf.metrics.score_lines import same_protocol
from regan_tf.train.result import curves_of, keep_origin, result_of
from regan_tf.train.run_dir import write_atomically, writing

PHASES = {"warm-up": 0, "sparse": 1, "dense": 2}


class Recorder:
    """Writes figures, scores, images and texts of a run.

    Args:
        run_dir: a `RunDir`.
        step: completed steps that the run goes on from; whatever an
            interrupted run wrote after it is taken back, as it will be
            written again.
    """

    def __init__(self, run_dir, step=0):
        self.run_dir = run_dir
        for path in (run_dir.metrics, run_dir.scores):
            _drop_after(path, step)
        with writing(run_dir.root):
            _purge_tensorboard(run_dir.tensorboard, step)
            self._events = tf.summary.create_file_writer(run_dir.tensorboard)

    def figures(self, step, figures):
        """Writes one line of figures, and each number to TensorBoard.

        Args:
            step: completed steps.
            figures: dict of names to numbers, or to other JSON values, which
                TensorBoard does not get (but for `phase`, as 0, 1 or 2).
        """
        self._line(self.run_dir.metrics, step, figures)
        numbers = figures | {"phase": PHASES.get(figures.get("phase"))}
        self._scalars(step, numbers)

    def _line(self, path, step, figures):
        line = json.dumps({"step": step, **figures})
        with writing(path), open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _scalars(self, step, numbers):
        with self._at(step):
            for name, value in numbers.items():
                if isinstance(value, int | float):
                    tf.summary.scalar(name, value)

    @contextlib.contextmanager
    def _at(self, step):
        """TensorBoard's writer at a step, flushed at the end."""
        with (
            writing(self.run_dir.tensorboard),
            self._events.as_default(step=step),
        ):
            yield
            self._events.flush()

    def scores(self, step, kind, scores):
        """Writes one score line, and each score to TensorBoard.

        Args:
            step: completed steps.
            kind: the half of the pair scored, which TensorBoard's names start
                with, since both are scored at one step.
            scores: dict of `regan_tf.metrics.Evaluator.score`, and `of_step`,
                the step that the half is of.
        """
        self._line(self.run_dir.scores, step, {"kind": kind, **scores})
        measured = {
            f"scores/{kind}/{name}": value
            for name, value in scores.items()
            if isinstance(value, float) or name == "modes"
        }
        self._scalars(step, measured)

    def scores_of(self, kind, of_step, protocol=None):
        """The last scores written for the `kind` generator of a step.

        Args:
            kind, of_step: which generator.
            protocol: one that they compare under; None for any.

        Returns:
            The line, or None.
        """
        found = None
        for row in self._score_lines():
            same = protocol is None or same_protocol(row["protocol"], protocol)
            if same and (row["kind"], row["of_step"]) == (kind, of_step):
                found = row
        return found

    def _score_lines(self):
        if not os.path.exists(self.run_dir.scores):
            return []
        with open(self.run_dir.scores, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def evaluation(self, name, found):
        """Writes what of an evaluation is no figure into `evaluation/`.

        Args:
            name: file name without its end.
            found: a `regan_tf.metrics.Evaluation`.
        """
        write_evaluation(self.run_dir.evaluation, name, found)

    def summary(self, document):
        """Writes `summary.json`, and what is kept of it as `result.json`."""
        with open(self.run_dir.flags, encoding="utf-8") as file:
            flags_text = file.read()
        name = os.path.basename(os.path.abspath(self.run_dir.root))
        _write_json(self.run_dir.summary, document)
        curves = curves_of(self._score_lines(), document["final"])
        result = result_of(name, flags_text, document, curves)
        keep_origin(result, self.run_dir.result)
        _write_json(self.run_dir.result, result)

    def grid(self, step, name, images):
        """Writes a grid of images as PNG and to TensorBoard.

        Args:
            step: completed steps.
            name: what the grid shows, such as "sparse".
            images: uint8 (N, R, R, 3), N a square number.
        """
        side = round(len(images) ** 0.5)
        size = images.shape[1]
        grid = images.reshape(side, side, size, size, 3)
        grid = np.concatenate(np.concatenate(grid, 1), 1)
        path = os.path.join(self.run_dir.samples, f"step-{step:07d}-{name}.png")
        write_png(path, grid)
        with self._at(step):
            tf.summary.image(f"samples/{name}", grid[None])

    def table(self, name, values):
        """Writes a dict as a table to TensorBoard's Text tab."""
        rows = "\n".join(f"| {n} | {v} |" for n, v in values.items())
        with self._at(0):
            tf.summary.text(name, f"| name | value |\n|---|---|\n{rows}")

    def hparams(self, config):
        """Writes the configuration for TensorBoard's HParams and Text tabs.

        Args:
            config: flat dict, as of `ExperimentConfig.as_dict`.
        """
        from tensorboard.plugins.hparams import api

        simple = {
            name: value
            if isinstance(value, bool | int | float | str)
            else json.dumps(value)
            for name, value in config.items()
        }
        with self._at(0):
            api.hparams(simple)
        self.table("configuration", simple)


def _drop_after(path, step):
    """Drops JSON lines of steps after `step`, and a half-written last one."""
    if not os.path.exists(path):
        return
    kept = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line)
            except ValueError:
                continue
    write_atomically(path, "".join(kept))


def write_evaluation(folder, name, found):
    """Writes the curve and the picture of an evaluation, where it has them.

    `<name>-prd.json` holds precision and recall at 1,001 slopes, and
    `<name>-neighbours.png` samples beside their nearest training images.

    Args:
        folder: where; made if missing.
        name: file name without its end.
        found: a `regan_tf.metrics.Evaluation`.
    """
    path = os.path.join(folder, name)
    with writing(folder):
        os.makedirs(folder, exist_ok=True)
        if found.curve is not None:
            curve = {k: v.tolist() for k, v in found.curve._asdict().items()}
            write_atomically(f"{path}-prd.json", json.dumps(curve) + "\n")
    if found.neighbours is not None:
        write_png(f"{path}-neighbours.png", found.neighbours)


def _write_json(path, document):
    with writing(path):
        write_atomically(path, json.dumps(document, indent=1) + "\n")


def write_png(path, image):
    """Writes a uint8 image (H, W, 3) under a temporary name, then renames."""
    from PIL import Image

    with writing(path):
        Image.fromarray(image).save(f"{path}.tmp", format="PNG")
        os.replace(f"{path}.tmp", path)


def _purge_tensorboard(directory, step):
    """Tells TensorBoard to forget events after `step`.

    A session start event does that; `tf.summary` has no call for it. Readers
    take files in order of their names: this one comes right after the last.
    """
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog

    files = glob.glob(os.path.join(directory, "*tfevents*"))
    if not step:  # a run that starts has none
        for path in files:
            os.remove(path)
    if not step or not files:
        return
    start, now = SessionLog(status=SessionLog.START), time.time()
    with tf.io.TFRecordWriter(f"{max(files)}.purge") as writer:
        for event in (
            Event(wall_time=now, file_version="brain.Event:2"),
            # The first start of all is no restart to TensorBoard.
            Event(wall_time=now, step=step + 1, session_log=start),
            Event(wall_time=now, step=step + 1, session_log=start),
        ):
            writer.write(event.SerializeToString())
