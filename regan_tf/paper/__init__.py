"""The paper's tables: published figures, and the run that each row asks for.

Figures are data (`published.json`); the runs behind them are the flag files of
`configs/paper/`, which `python -m regan_tf.paper.write` makes from
`regan_tf.paper.runs`. Importable without TensorFlow.
"""

import functools
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Metric:
    """A published figure.

    Attributes:
        value: in base units: images, not millions of them.
        std: its printed deviation, or None.
        unit: "images", "h" (hours), "FLOP", or "" for scores.
    """

    value: float
    std: float | None
    unit: str


@dataclass(frozen=True)
class Row:
    """A row of a table, or a bar of a figure.

    Attributes:
        table, figure: its number; the other is None.
        dataset: a name of `--dataset`, or of the few-shot set.
        data_fraction: of the training images, or None where the paper counts
            images only.
        num_images: training images, where the paper gives their number.
        method: as the paper names it.
        learning_rate: where the table varies it.
        protocol: the `--protocol` that counts as the paper does.
        config: stem of its file in `configs/paper/`; None: nothing to train.
        metrics: figures by name: "fid", "is", "images_shown" (real images
            until the best score), "train_hours" (the same), "flops_per_image",
            "flops_total".
    """

    table: int | None
    figure: int | None
    dataset: str
    data_fraction: float | None
    num_images: int | None
    method: str
    learning_rate: float | None
    protocol: str
    config: str | None
    metrics: dict[str, Metric]

    @property
    def where(self) -> str:
        """Such as "Table 2"."""
        return f"Table {self.table}" if self.table else f"Figure {self.figure}"


@functools.cache
def published() -> dict[str, Any]:
    """What `published.json` holds: rows, claims, and under "conflicts" where
    the paper contradicts itself, with the reading that is taken here."""
    path = files(__name__) / "published.json"
    return json.loads(path.read_text("utf-8"))


@functools.cache
def rows() -> tuple[Row, ...]:
    """All published rows, in the order of the paper."""
    units = published()["units"]
    return tuple(_row(dict(values), units) for values in published()["rows"])


def rows_of(config: str) -> tuple[Row, ...]:
    """The rows of a flag file: none where the paper prints no figure.

    Args:
        config: the file's stem, such as "table4_re_sngan".
    """
    return tuple(row for row in rows() if row.config == config)


def _row(values: dict[str, Any], units: dict[str, str]) -> Row:
    metrics = {}
    for name, figure in values.pop("metrics").items():
        value, std = figure if isinstance(figure, list) else (figure, None)
        metrics[name] = Metric(value, std, units[name])
    absent = dict.fromkeys(
        "table figure data_fraction num_images learning_rate".split()
    )
    return Row(**absent | values, metrics=metrics)
