"""All runs of the paper, in its order. Importable without TensorFlow."""

import functools

from regan_tf.paper import figures, tables
from regan_tf.paper.run_file import Run

_PARTS = (
    tables.table_1,
    tables.table_2,
    tables.table_3,
    tables.table_4,
    tables.table_5,
    tables.table_6,
    tables.table_7,
    figures.figure_1,
    figures.figure_2,
    figures.figure_4,
    figures.figure_6,
    figures.figure_7,
    figures.supplement,
)


@functools.cache
def runs() -> dict[str, Run]:
    """By name. A run that serves several tables has a file for each, of which
    all but one are aliases (`Run.same_as`)."""
    found = [run for part in _PARTS for run in part()]
    return {run.name: run for run in found}
