"""The page docs/paper.md: each table and figure with its commands."""

from collections.abc import Iterable, Iterator

from regan_tf.metrics.gpu_hours import ASSUMED, said_hours
from regan_tf.paper import published, rows_of
from regan_tf.paper.expected import config_of, expected
from regan_tf.paper.lengths import EPOCHS_NOTE, PUBLISHED_NOTE
from regan_tf.paper.run_file import FOLDER, Run
from regan_tf.paper.runs import runs
from regan_tf.paper.said import said_figures, said_protocol

PAGE = "docs/paper.md"

_ABOUT = {
    "Table 1": "All of CIFAR-10 (32 pixels) and Tiny-ImageNet (64 pixels).",
    "Table 2": "Parts of both data sets. " + PUBLISHED_NOTE,
    "Table 3": "AutoGAN's three networks on CIFAR-10.",
    "Table 4": (
        "Tickets and variants of SNGAN on CIFAR-10. Tickets prune the least "
        "weights of all convolutions of the generator together, in rounds, "
        "each trained anew from the first weights."
    ),
    "Table 5": (
        "Few images, 256 pixels. ProGAN is the ProGAN paper's own: the Re-GAN "
        "authors' network ends at 64 pixels in their code. The 1,000 of Oxford "
        "Flowers are a fixed choice, since the paper names none, and are "
        "scored against themselves."
    ),
    "Table 6": (
        f"FFHQ at 1024 pixels, 30% pruned. {EPOCHS_NOTE} With all 70,000 "
        "images: 25M images, since the paper gives no length."
    ),
    "Table 7": (
        "Learning rates of SNGAN on CIFAR-10. Its row of real images, IS "
        "11.34, needs no training."
    ),
    "Figure 1": "FID and FLOPs by images: runs of Tables 1 and 2.",
    "Figure 2": "DCGAN on CIFAR-10; curves without figures.",
    "Figure 4": (
        "SNGAN with ever fewer images of CIFAR-10; curves without figures. "
        "The sparse and the dense Re-SNGAN are the pair of one run. "
        f"{EPOCHS_NOTE} From 80% on that is more than the full run, which is "
        "taken."
    ),
    "Figure 6": (
        "What is pruned, how much, and how often; curves without figures. Of "
        "the intervals only 100 is named in the paper."
    ),
    "Figure 7": (
        "How far images of 64 fixed latents move from one epoch to the next, "
        "with 10% of CIFAR-10: `mse_to_previous` in `scores.jsonl`; a curve "
        "without figures."
    ),
    "Supplement": (
        "The precision-recall curve (`evaluation/*-prd.json` of the run), mode "
        "collapse (`modes`, `kl_to_training`, `class_histogram`; network and "
        "data are our choice), and FastGAN on few images; no figures. Styles "
        "are interpolated by `python -m regan_tf.generate --saved_model=DIR "
        "--interpolate=9`."
    ),
}

_HEAD = f"""\
# The paper's tables and figures

Made by `python -m regan_tf.paper.write`, as the files of `{FOLDER}/` are.
Published figures are those of Saxena et al. 2023; what was reproduced of them
is in [README](../README.md#not-reproduced).

A file is one run, on top of one of `configs/`: training, scores and the pair
of generators. It goes on where it stopped, and runs of several tables share
their directory, so every loop below can be interrupted and repeated.
`--inception_path` makes scores FID and IS. CIFAR-10 is downloaded; other sets
are looked for in `data/` under their published names
([datasets.md](datasets.md)), or where `--data_path` says. `--dry_run` needs no
images.

Hours are an order of magnitude, counted and not measured: operations of both
networks over the rate of one {ASSUMED},
without penalties, augmentation and scores.
"""


def page() -> str:
    """The text of the page; flags must be defined."""
    sections = ["\n".join(_section(where, part)) for where, part in _parts()]
    return "\n".join([_HEAD, *sections, *_conflicts()])


def _parts() -> Iterator[tuple[str, list[Run]]]:
    for where in _ABOUT:
        yield where, [run for run in runs().values() if run.where == where]


def _section(where: str, part: list[Run]) -> Iterator[str]:
    stem = where.lower().replace(" ", "")
    trained = [run for run in part if not run.same_as]
    yield f"## {where}\n\n{_ABOUT[where]}\n"
    yield "```bash"
    yield f"for file in {FOLDER}/{stem}_*.flags; do"
    yield "    python train_main.py --flagfile=$file"
    yield "done"
    yield "```\n"
    yield "| file | run | published | protocol | images | time |"
    yield "|---|---|---|---|---|---|"
    yield from map(_line, part)
    hours = said_hours(sum(expected(run).flops for run in trained))
    which = "All of them" if len(trained) == len(part) else "Beyond those runs"
    yield f"\n{which}: about {hours}. {_protocols(part)}\n"


def _line(run: Run) -> str:
    figures = said_figures(rows_of(run.name)) or "–"
    protocol = said_protocol(config_of(run)).partition(",")[0]
    images, hours = (
        str(expected(run)).removesuffix(" h").split(" real images, ")
    )
    cost = f"as `{run.same_as}`" if run.same_as else f"{hours} h"
    return (
        f"| `{run.name}` | {run.title} | {figures} | `{protocol}` | {images} | "
        f"{cost} |"
    )


def _protocols(part: Iterable[Run]) -> str:
    said = dict.fromkeys(said_protocol(config_of(run)) for run in part)
    words = (x.partition(", ") for x in said)
    return " ".join(f"`{name}`: {what}." for name, _, what in words)


def _conflicts() -> Iterator[str]:
    yield "## Where the paper contradicts itself\n"
    yield "| where | printed | read as |\n|---|---|---|"
    for row in published()["conflicts"]:
        yield f"| {row['where']} | {row['printed']} | {row['read_as']} |"
    yield ""
