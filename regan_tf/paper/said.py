"""Rows, protocols and costs in words, for headers and pages.

Importable without TensorFlow.
"""

from regan_tf.config import ExperimentConfig
from regan_tf.data.known_sets import KNOWN_SETS
from regan_tf.metrics.protocol import named_protocol
from regan_tf.paper import Metric, Row

_NAMES = {
    "fid": "FID {}",
    "is": "IS {}",
    "images_shown": "{} real images",
    "train_hours": "{} h",
    "flops_per_image": "{} FLOP an image",
    "flops_total": "{} FLOP in all",
}


def said_figures(rows: tuple[Row, ...]) -> str:
    """Published figures, such as "FID 32.91, IS 7.35 ± 0.13"."""
    return "; ".join(
        ", ".join(
            _NAMES[name].format(_figure(metric))
            for name, metric in row.metrics.items()
        )
        for row in rows
    )


def _figure(metric: Metric) -> str:
    if metric.unit == "images":
        return f"{metric.value / 1e6:g}M"
    if metric.unit == "FLOP":
        digits, _, power = f"{metric.value:e}".partition("e")
        return f"{float(digits):g}e{int(power)}"
    if metric.std is not None:
        return f"{metric.value:.2f} ± {metric.std:.2f}"
    return f"{metric.value:g}"


def _count(dataset: str) -> str:
    known = KNOWN_SETS.get(dataset)
    return f"{known.counts['train']:,} " if known and known.counts else ""


def said_protocol(config: ExperimentConfig) -> str:
    """How a run is scored, such as "paper: 10,000 samples against the 10,000
    test images"."""
    data, output = config.data, config.output
    tests = {"cifar10": "test"} | {
        name: "labelled validation"
        for name, x in KNOWN_SETS.items()
        if "test" in x.counts
    }
    protocol = named_protocol(
        output.protocol,
        has_test=data.dataset in tests,
        num_fake=output.eval_images,
    )
    reference = {
        "test": f"the 10,000 {tests.get(data.dataset)} images",
        "train": f"all {_count(data.dataset)}training images",
        "training subset": "the images trained on",
        "held out": "training images not trained on",
    }[protocol.reference]
    return f"{protocol.name}, {protocol.num_fake:,} samples against {reference}"
