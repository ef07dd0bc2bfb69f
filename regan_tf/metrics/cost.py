"""What training costs in theory: operations and images shown.

FLOPs of the layers with kernels, 2 a multiply-accumulate, over the steps of a
run; see `Flops` for what a step is. Left out: elementwise work, normalisation,
power iterations, optimisers, averages, scores and gradient penalties.
Importable without TensorFlow.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from regan_tf.config import ExperimentConfig, MethodConfig, TrainingConfig
from regan_tf.errors import UserError
from regan_tf.metrics.flops import LayerCost, total_macs
from regan_tf.regan.masks import num_pruned
from regan_tf.regan.schedule import make_schedule

# Where the paper's FLOPs are known to be 2 × MACs(G) × images shown: SNGAN's
# 1.01e17 at 30M (Table 4). Pruned SNGANs there (Re-SNGAN: 0.971 of it) and
# StyleGAN2 (Table 1: 5.0e9 and 21.07e9 an image) follow no known formula.
_PAPER_KNOWN = ("sngan",)


@dataclass(frozen=True)
class Flops:
    """Operations of both networks.

    A backward pass costs twice a forward pass: once for the gradient of the
    inputs (of first layers too), once for that of the weights. Generator
    updates need no gradient of the discriminator's weights, so there its
    backward pass costs one forward pass. Critic updates see as many fakes as
    real images and make them without a gradient to the generator.
    """

    generator_forward: int
    generator_backward: int
    discriminator_forward: int
    discriminator_backward: int

    @classmethod
    def of(cls, training: TrainingConfig, macs: Sequence[int]) -> "Flops":
        """`macs`: one image through G, and D, summed over the steps."""
        reals, fakes = training.images_per_step, training.generator_batch_size
        generator, discriminator = (2 * m for m in macs)
        return cls(
            generator_forward=generator * (reals + fakes),
            generator_backward=generator * 2 * fakes,
            discriminator_forward=discriminator * (2 * reals + fakes),
            discriminator_backward=discriminator * (2 * 2 * reals + fakes),
        )

    def as_dict(self) -> dict[str, int]:
        """The four and their `total`."""
        return asdict(self) | {"total": sum(vars(self).values())}


@dataclass(frozen=True)
class TrainingCost:
    """Theoretical cost of the first `steps` steps of a run.

    Attributes:
        steps, sparse_steps: all steps, and those under masks.
        images_shown: real images shown to the discriminator (#RI).
        dense: FLOPs with full kernels.
        weighted: FLOPs with kept kernel entries only, forward and backward;
            hardware is not that much faster.
        paper_dense: the paper's figure for this run unpruned, in FLOPs, or
            None where its formula is not identified.
        paper_run: the same for this run as it is; None also where it prunes.
    """

    steps: int
    sparse_steps: int
    images_shown: int
    dense: Flops
    weighted: Flops
    paper_dense: int | None
    paper_run: int | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; null is a figure that is not identified."""
        sums = {k: getattr(self, k).as_dict() for k in ("dense", "weighted")}
        return {"kind": "theoretical"} | vars(self) | sums

    def __str__(self) -> str:
        lines = [
            f"theoretical training FLOPs of {self.steps:,} steps "
            f"({self.sparse_steps:,} sparse), {self.images_shown:,} real "
            "images shown"
        ]
        for name, flops in ("dense", self.dense), ("weighted", self.weighted):
            parts = [f"{k} {v:.4g}" for k, v in flops.as_dict().items()]
            lines.append(f"  {name}: {', '.join(parts)}".replace("_", " "))
        dense, run = (
            "not identified" if figure is None else f"{figure:.4g}"
            for figure in (self.paper_dense, self.paper_run)
        )
        return "\n".join(
            [*lines, f"  paper convention: unpruned {dense}, this run {run}"]
        )


def training_cost(
    config: ExperimentConfig,
    generator: Sequence[LayerCost],
    discriminator: Sequence[LayerCost],
    steps: int | None = None,
    published_macs: int | None = None,
) -> TrainingCost:
    """Cost of a run, in total or until a step.

    Args:
        config: its durations in steps (`ExperimentConfig.at`).
        generator, discriminator: `layer_costs` of the run's networks.
        steps: completed steps to count, e.g. at the best score; default all.
        published_macs: of one image through the generator as its paper has
            it, for the paper's convention; to be given where `generator`
            does the same with fewer operations (fused or reordered).

    Raises:
        UserError: durations not in steps, `steps` outside the run, or a
            network that is to be pruned has no masks.
    """
    training, method = config.training, config.method
    counts = steps_by_sparsity(config, steps)
    networks = {"generator": generator, "discriminator": discriminator}
    dense = [counts.total() * total_macs(v) for v in networks.values()]
    weighted = [_kept_macs(method, k, v, counts) for k, v in networks.items()]
    shown = counts.total() * training.images_per_step
    known = config.network.arch in _PAPER_KNOWN
    published = published_macs or total_macs(generator)
    paper = 2 * published * shown if known else None
    return TrainingCost(
        steps=counts.total(),
        sparse_steps=sum(n for sparsity, n in counts.items() if sparsity),
        images_shown=shown,
        dense=Flops.of(training, dense),
        weighted=Flops.of(training, weighted),
        paper_dense=paper,
        paper_run=paper if method.prune == "none" else None,
    )


def steps_by_sparsity(
    config: ExperimentConfig, steps: int | None = None
) -> Counter[float]:
    """How many of the first `steps` steps are trained at each sparsity.

    Asks the schedule at its turns: `schedule.phases` tells of a phase only
    the sparsity that it ends with.
    """
    length = config.training.steps
    steps = length if steps is None else steps
    if not isinstance(length, int) or not 0 <= steps <= length:
        raise UserError(
            "A cost needs the durations in steps, as `config.at(num_images)` "
            f"gives them, and `steps` of that run. Received: --steps={length},"
            f" steps={steps}."
        )
    schedule = make_schedule(config.method)
    if schedule is None:
        return Counter({0.0: steps})
    counts: Counter[float] = Counter()
    step, sparsity = 0, 0.0
    while step < steps:
        prune_now, asked = schedule(step)
        sparsity = asked if prune_now else sparsity
        end = min(schedule.next_change(step), steps)
        counts[sparsity] += end - step
        step = end
    return counts


def _kept_macs(
    method: MethodConfig,
    network: str,
    layers: Sequence[LayerCost],
    counts: Counter[float],
) -> int:
    """MACs of one image with kept kernel entries, summed over the steps."""
    prunes = method.prunes(network)
    if prunes and not any(x.masked for x in layers):
        raise UserError(
            f"--prune={method.prune} needs masks in the {network}. Received: "
            f"{len(layers)} layers without. Count the networks of this run."
        )
    total = 0
    for x in layers:
        excluded = any(part in x.name for part in method.mask_exclude)
        for sparsity, steps in counts.items():
            on = prunes and x.masked and not excluded
            pruned = num_pruned(x.kernel, sparsity) if on else 0
            total += steps * x.macs * (x.kernel - pruned) // x.kernel
    return total
