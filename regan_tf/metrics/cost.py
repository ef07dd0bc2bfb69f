"""What training costs in theory: operations and images shown.

FLOPs of the layers with kernels, 2 a multiply-accumulate, over the steps of a
run; see `Flops` for what a step is. Left out: elementwise work, normalisation,
power iterations, optimisers, averages, scores, penalties and augmentation,
and decoders that a discriminator has beside its logits. Each kernel is counted
at the sparsity asked for, also where --prune_scope=global divides it otherwise
between kernels, which only training tells; masks of a file are counted as
they are.
Importable without TensorFlow.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

from regan_tf.config import ExperimentConfig, MethodConfig
from regan_tf.errors import UserError
from regan_tf.metrics.flops import LayerCost, total_macs
from regan_tf.regan.masks import num_pruned
from regan_tf.regan.methods import make_schedule
from regan_tf.regan.timetable import turns
from regan_tf.stages import Piece, Stage, View

NETWORKS = ("generator", "discriminator")

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
    def of(cls, stage: Stage, macs: Sequence[int]) -> "Flops":
        """`macs`: one image through G, and D, summed over steps of `stage`."""
        reals, fakes = stage.images_per_step, stage.generator_batch_size
        generator, discriminator = (2 * m for m in macs)
        return cls(
            generator_forward=generator * (reals + fakes),
            generator_backward=generator * 2 * fakes,
            discriminator_forward=discriminator * (2 * reals + fakes),
            discriminator_backward=discriminator * (2 * 2 * reals + fakes),
        )

    @classmethod
    def of_gradient(
        cls, network: str, stage: Stage, macs: Sequence[int], full: int
    ) -> "Flops":
        """A pass for the gradient of all kernel entries of one network.

        RigL's, as of one update, but for the gradient of the weights, which
        is that of pruned ones too (Evci et al. 2020, appendix on FLOPs).

        Args:
            network: of `NETWORKS`.
            stage: whose batch it is of.
            macs: one image through G, and D, under masks, times the passes.
            full: one image through the network without, times the passes.
        """
        generator, discriminator = (2 * m for m in macs)
        if network == "generator":
            n = stage.generator_batch_size
            backward = generator + 2 * full
            through = n * discriminator
            return cls(n * generator, n * backward, through, through)
        n = stage.batch_size
        backward = discriminator + 2 * full
        return cls(n * generator, 0, 2 * n * discriminator, 2 * n * backward)

    def __add__(self, other: "Flops") -> "Flops":
        return Flops(
            *(a + b for a, b in zip(astuple(self), astuple(other), strict=True))
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


# Layers with kernels of generator and discriminator, as in a view.
LayersOf = Callable[[View], tuple[Sequence[LayerCost], Sequence[LayerCost]]]


def training_cost(
    config: ExperimentConfig,
    layers_of: LayersOf,
    steps: int | None = None,
    published_macs: int | None = None,
) -> TrainingCost:
    """Cost of a run, in total or until a step.

    Args:
        config: its durations in steps (`ExperimentConfig.at`).
        layers_of: function of a `View` that gives `layer_costs` of the run's
            generator and discriminator in it.
        steps: completed steps to count, e.g. at the best score; default all.
        published_macs: of one image through the generator as its paper has
            it, for the paper's convention; to be given where the generator
            does the same with fewer operations (fused or reordered).

    Raises:
        UserError: durations not in steps, `steps` outside the run, or a
            network that is to be pruned has no masks.
    """
    method = config.method
    counts = steps_by_sparsity(config, steps)
    dense = weighted = Flops(0, 0, 0, 0)
    for piece in config.stages.pieces:
        within = counts_within(config, counts.total(), piece)
        both = dict(zip(NETWORKS, layers_of(piece.view), strict=True))
        macs = [within.total() * total_macs(v) for v in both.values()]
        kept = [_kept_macs(method, k, v, within) for k, v in both.items()]
        dense += Flops.of(piece.stage, macs)
        weighted += Flops.of(piece.stage, kept)
        for network, passes in _passes(config, counts.total(), piece).items():
            full = [passes.total() * total_macs(v) for v in both.values()]
            kept = [_kept_macs(method, k, v, passes) for k, v in both.items()]
            own = full[NETWORKS.index(network)]
            dense += Flops.of_gradient(network, piece.stage, full, own)
            weighted += Flops.of_gradient(network, piece.stage, kept, own)
    shown = config.stages.images_at(counts.total())
    known = config.network.arch in _PAPER_KNOWN
    published = published_macs or total_macs(both["generator"])
    paper = 2 * published * shown if known else None
    return TrainingCost(
        steps=counts.total(),
        sparse_steps=sum(n for sparsity, n in counts.items() if sparsity),
        images_shown=shown,
        dense=dense,
        weighted=weighted,
        paper_dense=paper,
        paper_run=paper if method.prune == "none" else None,
    )


def counts_within(
    config: ExperimentConfig, steps: int, piece: Piece
) -> Counter[float]:
    """How many of the first `steps` steps fall into `piece`, by sparsity."""
    until = steps_by_sparsity(config, min(steps, piece.end))
    until.subtract(steps_by_sparsity(config, min(steps, piece.start)))
    return until


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
    schedule = make_schedule(config)
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


def _passes(
    config: ExperimentConfig, steps: int, piece: Piece
) -> dict[str, Counter[float]]:
    """Passes for RigL's gradients in `piece`, by sparsity, of each network."""
    method = config.method
    if method.method != "rigl" or method.prune == "none":
        return {}
    schedule = make_schedule(config)
    until = min(steps, piece.end)
    passes = Counter(
        sparsity
        for step, sparsity in turns(schedule, until)
        # First masks are random and ask for none.
        if step > schedule.begin and step >= piece.start
    )
    return {network: passes for network in NETWORKS if method.prunes(network)}


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
            if on and method.masks:
                pruned = x.kernel - x.live
            total += steps * x.macs * (x.kernel - pruned) // x.kernel
    return total
