"""Checkpoints: the whole state of a run, and the way back from damage."""

import os

import numpy as np
import tensorflow as tf

from regan_tf.errors import Diverged, UserError
from regan_tf.train.run_dir import writing


def read_state(directory, names):
    """Values of the newest checkpoint in a folder.

    Args:
        directory: of a `Checkpointer`.
        names: of its state.

    Returns:
        Dict of name to array.

    Raises:
        UserError: there is no checkpoint, or it cannot be read.
    """
    try:
        newest = tf.train.latest_checkpoint(directory)
        reader = tf.train.load_checkpoint(newest or directory)
        return {name: reader.get_tensor(_key(name)) for name in names}
    except Exception as error:  # TensorFlow raises many kinds here
        reason = (str(error) or repr(error)).splitlines()[0][:200]
        raise UserError(
            f"the newest checkpoint in {directory} cannot be read ({reason}); "
            "remove the run directory around it, to train that run anew"
        ) from None


def _key(name):
    """Where TensorFlow puts a variable of `Checkpointer`'s state."""
    escaped = name.replace(".", "..").replace("/", ".S")
    return f"state/{escaped}/.ATTRIBUTES/VARIABLE_VALUE"


class Checkpointer:
    """Saves and restores named variables.

    TensorFlow writes a checkpoint's files under temporary names and then
    replaces the list of checkpoints, so a killed run never leaves a listed
    checkpoint half-written; killed while it writes the same step again, it
    leaves a damaged one, which `restore` passes over.

    Args:
        directory: where checkpoints are.
        state: dict of name to `tf.Variable`: everything that a resumed run
            needs. The names are stored and must match on restore. May be
            filled later, before `track` is called.
        keep: how many of the newest to keep.
        write_directory: where this process writes, if elsewhere (workers
            other than the chief must save, but not over the chief's files).
    """

    def __init__(self, directory, state, keep, write_directory=None):
        self.directory = directory
        self.state = state
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._checkpoint = None
        self._managers = {}
        self._write_directory = write_directory or directory
        self._keep = keep

    def track(self):
        """Fixes what is saved: the state as it is now."""
        self._checkpoint = tf.train.Checkpoint(
            step=self.step, state=dict(self.state)
        )

    def _manager(self, subfolder, keep):
        if subfolder not in self._managers:
            self._managers[subfolder] = tf.train.CheckpointManager(
                self._checkpoint,
                os.path.join(self._write_directory, subfolder),
                max_to_keep=keep,
            )
        return self._managers[subfolder]

    def save(self, step):
        """Saves the state after `step` completed steps.

        Raises:
            UserError: a value is not finite, or the file cannot be written;
                earlier checkpoints stay.
        """
        self._save("", self._keep, step)

    def save_best(self, kind, step):
        """Saves the state as the best of `kind`, replacing the last best."""
        self._save(f"best_{kind}", 1, step)

    def _save(self, subfolder, keep, step):
        self.step.assign(step)
        self._check_finite(step)
        with writing(self.directory):
            self._manager(subfolder, keep).save(checkpoint_number=step)

    def _check_finite(self, step):
        for name, variable in self.state.items():
            if not variable.dtype.is_floating:
                continue
            if not np.all(np.isfinite(variable.numpy())):
                raise Diverged(
                    f"{name} is not finite after step {step}; "
                    f"{self.last_good()}"
                )

    def last_good(self):
        """A sentence that names the newest checkpoint."""
        newest = tf.train.latest_checkpoint(self.directory)
        if newest is None:
            return "no checkpoint had been written"
        return f"the last good checkpoint is {newest}"

    def restore(self):
        """Restores the newest checkpoint that can be read.

        Returns:
            Its number of completed steps, or None if there is none.

        Raises:
            UserError: there are checkpoints, and none can be read.
        """
        listed = tf.train.get_checkpoint_state(self.directory)
        paths = list(listed.all_model_checkpoint_paths) if listed else []
        for path in reversed(paths):
            try:
                self._read(path)
                return int(self.step.numpy())
            except Exception as error:  # TensorFlow raises many kinds here
                reason = (str(error) or repr(error)).splitlines()[0][:200]
                print(f"passing over damaged checkpoint {path}: {reason}")
        if paths:
            raise UserError(
                f"none of the {len(paths)} checkpoints in {self.directory} "
                "can be read; pass --overwrite to start afresh"
            )
        return None

    def _read(self, path):
        status = self._checkpoint.read(path)
        status.assert_existing_objects_matched()
