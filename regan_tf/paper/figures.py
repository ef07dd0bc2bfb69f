"""The runs behind the figures and the supplement.

The paper prints figures of Figure 1 only. Importable without TensorFlow.
"""

from collections.abc import Iterator

from regan_tf.paper.lengths import EPOCHS, EPOCHS_NOTE
from regan_tf.paper.run_file import Run, pair
from regan_tf.paper.tables import FEW_SHOT, table_1, table_2, table_4

INTERVALS = (10, 50, 100, 500, 1000)
_HALVES = (
    "The curves of the sparse and of the dense generator come from this one "
    "run."
)


def _named(runs: Iterator[Run], name: str) -> Run:
    (found,) = (run for run in runs if run.name == name)
    return found


def figure_1() -> Iterator[Run]:
    """FID and FLOPs of StyleGAN2 with all of CIFAR-10 and less."""
    for network in ("stylegan2", "re_stylegan2"):
        full = _named(table_1(), f"table1_cifar10_{network}")
        yield full.alias(f"figure1_100_{network}", "Figure 1")
        for percent in (50, 20, 10):
            part = _named(table_2(), f"table2_cifar10_{percent}_{network}")
            yield part.alias(f"figure1_{percent}_{network}", "Figure 1")


def figure_2() -> Iterator[Run]:
    """DCGAN."""
    yield from pair("Figure 2", "figure2", "DCGAN", "dcgan", "CIFAR-10")


def figure_4() -> Iterator[Run]:
    """SNGAN with ever fewer images."""
    dense, *_, regan = table_4()
    for percent in (10, 20, 40, 80):
        # 1,000 epochs of 40,000 images would be more than the full run.
        short = percent < 50
        first, second = pair(
            "Figure 4",
            f"figure4_{percent}",
            "SNGAN",
            "sngan",
            f"{percent}% of CIFAR-10",
            flags=(f"data_fraction={percent / 100}", *EPOCHS * short),
            notes=(EPOCHS_NOTE,) * short,
        )
        yield first
        yield Run(**vars(second) | {"notes": (*second.notes, _HALVES)})
    yield dense.alias("figure4_100_sngan", "Figure 4")
    yield regan.alias("figure4_100_re_sngan", "Figure 4", _HALVES)


def figure_6() -> Iterator[Run]:
    """What is pruned, how much of it, and how often."""
    regan = _named(table_4(), "table4_re_sngan")
    for network in ("generator", "discriminator", "both"):
        for percent in (10, 30, 50):
            name = f"figure6_prune_{network}_{percent}"
            if (network, percent) == ("generator", 10):
                yield regan.alias(name, "Figure 6")
                continue
            said = "both networks" if network == "both" else f"the {network}"
            yield Run(
                name,
                "Figure 6",
                f"Re-SNGAN that prunes {percent}% of {said}, CIFAR-10",
                "sngan",
                flags=(f"prune={network}", f"sparsity={percent / 100}"),
            )
    for interval in INTERVALS:
        name = f"figure6_interval_{interval}"
        note = "Of the intervals only 100 is named in the paper."
        if interval == 100:
            yield regan.alias(name, "Figure 6", note)
            continue
        yield Run(
            name,
            "Figure 6",
            f"Re-SNGAN with phases of {interval} steps, CIFAR-10",
            "sngan",
            flags=(f"update_interval={interval}",),
            notes=(note,),
        )


def figure_7() -> Iterator[Run]:
    """Stability: how far images of fixed latents move in an epoch."""
    every = "eval_every=1ep"
    length = tuple(x for x in EPOCHS if not x.startswith("eval_every"))
    yield from pair(
        "Figure 7",
        "figure7",
        "SNGAN",
        "sngan",
        "10% of CIFAR-10",
        flags=("data_fraction=0.1", "eval_images=100", every, *length),
        notes=(
            "The curve is mse_to_previous in scores.jsonl, of 64 fixed "
            "latents, each half against itself. 100 samples an epoch: "
            "other scores here mean nothing; Figure 4's run has them.",
        ),
    )


def supplement() -> Iterator[Run]:
    """Precision-recall curve, mode collapse, FastGAN."""
    for network in ("stylegan2", "re_stylegan2"):
        full = _named(table_1(), f"table1_cifar10_{network}")
        yield full.alias(
            f"supplement_prd_{network}",
            "Supplement",
            "The curve is in evaluation/, written at the end of the run.",
        )
        part = _named(table_2(), f"table2_cifar10_10_{network}")
        yield part.alias(
            f"supplement_modes_{network}",
            "Supplement",
            "Modes, KL and class histogram are in scores.jsonl. Which network "
            "and data the study is of is not known here: a choice.",
        )
    for name, (archive, data) in FEW_SHOT.items():
        yield from pair(
            "Supplement",
            f"supplement_{name}",
            "FastGAN",
            "fastgan_fewshot",
            data,
            flags=(f"data_path=data/{archive}.zip", "protocol=paper"),
            notes=("Pass --perceptual_path for its perceptual loss.",),
        )
