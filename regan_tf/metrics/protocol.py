"""Scoring protocols by name: everything that a score depends on.

Two scores compare only if all of it is equal. Importable without TensorFlow.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from regan_tf.errors import UserError

# Seeds of latents: the grids', which show one set of images over time, and
# the scored images'.
GRID_SEED, SCORE_SEED = 1, 2

RESIZE_MODES = ("tf1-bilinear", "tf2-bilinear", "clean")
REFERENCES = ("test", "train", "training subset", "held out")


@dataclass(frozen=True)
class Protocol:
    """How a generator is scored.

    Generated images are rounded to uint8 (nearest, half to even, clipped to
    [0, 255]) in every protocol, as an image file would hold them; reference
    images are the files' own 8 bits. Networks with an input size of their own
    get both through the same `resize`.

    Attributes:
        name: of `PROTOCOLS`; "paper@1000" is `paper` with another number of
            generated images, and compares with nothing else.
        num_fake: generated images, at least 10.
        reference: "test", the test split; "train", the whole training split;
            "training subset", the images that the GAN was trained on; "held
            out", those of the training split that it was not.
        max_reference: most reference images, drawn with seed 0; None: all.
        resize: one of `RESIZE_MODES`, see `regan_tf.metrics.resize`.
        splits: parts of the Inception score.
        kid_subsets, kid_subset_size: of the kernel distance.
        neighbours: k of precision and recall.
        prd_clusters, prd_runs: of the precision-recall curve.
        min_mode_share: of its training frequency that makes a class hit.
        max_rows: most images of each set that kernel distance, precision,
            recall and the curve are computed from: of the reference a draw
            with seed 0, of the generated ones the first.
        latent_seed: of the generated images' latents.
    """

    name: str
    num_fake: int
    reference: str
    max_reference: int | None
    resize: str
    splits: int = 10
    kid_subsets: int = 100
    kid_subset_size: int = 1000
    neighbours: int = 3
    prd_clusters: int = 20
    prd_runs: int = 10
    min_mode_share: float = 0.25
    max_rows: int = 10_000
    latent_seed: int = SCORE_SEED

    def __post_init__(self) -> None:
        if self.num_fake < self.splits:
            raise UserError(
                f"--eval_images must be at least {self.splits} (the splits of "
                f"the Inception score). Received: {self.num_fake}"
            )
        if self.resize not in RESIZE_MODES:
            raise UserError(
                f"A resize mode must be one of {', '.join(RESIZE_MODES)}. "
                f"Received: {self.resize!r}"
            )
        if self.reference not in REFERENCES:
            raise UserError(
                f"A reference must be one of {', '.join(REFERENCES)}. "
                f"Received: {self.reference!r}"
            )

    def with_num_fake(self, count: int | None) -> "Protocol":
        """This protocol with `count` generated images, under a name that
        says so; None or the protocol's own number: itself."""
        if count in (None, self.num_fake):
            return self
        return replace(self, name=f"{self.name}@{count}", num_fake=count)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, with the rounding, which no protocol varies."""
        return asdict(self) | {"rounding": "uint8, nearest, clipped"}


# Saxena et al. 2023, sections 4.1 to 4.4: 10k samples against the 10k test
# images of CIFAR-10 and Tiny-ImageNet; 5k against the training images of the
# few-shot sets. Their code resizes in PyTorch (bilinear, half-pixel centres,
# no antialiasing, which is TF2's), and scores PNG files. Not stated, assumed:
# of Tiny-ImageNet the labelled 10k validation images, since its test images
# have no labels and nobody else's protocol uses them; the seeds.
_PAPER = Protocol("paper", 10_000, "test", 10_000, "tf2-bilinear")
_PAPER_FEW = Protocol("paper", 5_000, "train", None, "tf2-bilinear")

# Heusel et al. 2017 and nearly all tables since: 50k samples against the
# whole training split, resized as in the first TensorFlow 1 graph.
_STANDARD = Protocol("standard", 50_000, "train", None, "tf1-bilinear")

# As DiffAugment's and FastGAN's tables count (5k samples against the images
# trained on), resized as Parmar et al. 2022 (arXiv:2104.11222) recommend:
# few-shot images are usually larger than 299 pixels. Judge it by its kernel
# distance: the Fréchet distance to so few images is biased.
_FEWSHOT = Protocol("fewshot", 5_000, "training subset", None, "clean")

# As `paper`, but for choosing settings: test images must not be what they are
# chosen by.
_VALIDATION = Protocol("validation", 10_000, "held out", 10_000, "tf2-bilinear")

PROTOCOLS = ("paper", "standard", "fewshot", "validation")


def named_protocol(
    name: str, *, has_test: bool, num_fake: int | None = None
) -> Protocol:
    """The protocol of a name, for a data set.

    Args:
        name: one of `PROTOCOLS`.
        has_test: whether the data set has a test split (or validation images
            that take its place). `paper` is the few-shot one without.
        num_fake: another number of generated images, or None.

    Raises:
        UserError: an unknown name, or fewer than 10 images.
    """
    found = {
        "paper": _PAPER if has_test else _PAPER_FEW,
        "standard": _STANDARD,
        "fewshot": _FEWSHOT,
        "validation": _VALIDATION,
    }
    if name not in found:
        raise UserError(
            f"--protocol must be one of {', '.join(PROTOCOLS)}. "
            f"Received: {name!r}"
        )
    return found[name].with_num_fake(num_fake)
