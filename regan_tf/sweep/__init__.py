"""A grid of runs from one file: python -m regan_tf.sweep FILE."""

from regan_tf.sweep.grid import Grid, Run, read_grid

__all__ = ["Grid", "Run", "read_grid"]
