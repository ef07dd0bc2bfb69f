"""What a run writes down: JSON lines and TensorBoard events."""

import glob
import json
import os
import time

import numpy as np
import tensorflow as tf

from regan_tf.train.run_dir import write_atomically

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
        if step:
            _purge_tensorboard(run_dir.tensorboard, step + 1)
        self._events = tf.summary.create_file_writer(run_dir.tensorboard)

    def figures(self, step, figures, path=None):
        """Writes one line of figures, and each number to TensorBoard.

        Args:
            step: completed steps.
            figures: dict of names to numbers, or to other JSON values, which
                TensorBoard does not get (but for `phase`, as 0, 1 or 2).
            path: file of the line; the run's metrics by default.
        """
        line = json.dumps({"step": step, **figures})
        with open(path or self.run_dir.metrics, "a", encoding="utf-8") as file:
            file.write(line + "\n")
        with self._events.as_default(step=step):
            for name, value in figures.items():
                number = PHASES.get(value) if name == "phase" else value
                if isinstance(number, int | float):
                    tf.summary.scalar(name, number)
        self._events.flush()

    def scores(self, step, kind, scores):
        """Writes one score line; `kind` is the half of the pair scored."""
        self.figures(step, {"kind": kind, **scores}, self.run_dir.scores)

    def grid(self, step, name, images):
        """Writes a grid of images as PNG and to TensorBoard.

        Args:
            step: completed steps.
            name: what the grid shows, such as "sparse".
            images: uint8 (N, R, R, 3), N a square number.
        """
        from PIL import Image

        side = round(len(images) ** 0.5)
        size = images.shape[1]
        grid = images.reshape(side, side, size, size, 3)
        grid = np.concatenate(np.concatenate(grid, 1), 1)
        path = os.path.join(self.run_dir.samples, f"step-{step:07d}-{name}.png")
        Image.fromarray(grid).save(f"{path}.tmp", format="PNG")
        os.replace(f"{path}.tmp", path)
        with self._events.as_default(step=step):
            tf.summary.image(f"samples/{name}", grid[None])

    def text(self, name, text):
        """Writes a text to TensorBoard."""
        with self._events.as_default(step=0):
            tf.summary.text(name, text)

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
        with self._events.as_default(step=0):
            api.hparams(simple)
        rows = "\n".join(f"| {n} | {v} |" for n, v in simple.items())
        self.text("configuration", f"| name | value |\n|---|---|\n{rows}")


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


def _purge_tensorboard(directory, step):
    """Tells TensorBoard to forget events from `step` on.

    A session start event does that; `tf.summary` has no call for it. Readers
    take files in order of their names: this one comes right after the last.
    """
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog

    files = glob.glob(os.path.join(directory, "*tfevents*"))
    if not files:
        return
    start = SessionLog(status=SessionLog.START)
    with tf.io.TFRecordWriter(f"{max(files)}.purge") as writer:
        for event in (
            Event(wall_time=time.time(), file_version="brain.Event:2"),
            # The first start of all is no restart to TensorBoard.
            Event(wall_time=time.time(), step=step, session_log=start),
            Event(wall_time=time.time(), step=step, session_log=start),
        ):
            writer.write(event.SerializeToString())
