"""Lengths of runs on fewer images, which the paper does not give.

With fewer images a GAN is best earlier, and a warm-up of the full length
would outlast the best score. Importable without TensorFlow.
"""

import math

from regan_tf.paper import rows

# Thousands of images in all, and of warm-up, of the files in `configs/`.
FULL = {
    ("cifar10", "ProGAN"): (20_000, 2_000),
    ("cifar10", "StyleGAN2"): (25_000, 5_000),
    ("tiny_imagenet", "ProGAN"): (12_000, 2_000),
    ("tiny_imagenet", "StyleGAN2"): (25_000, 5_000),
}

# The authors' README trains SNGAN on a tenth of CIFAR-10 for 1,000 epochs, of
# which 200 are warm-up. A score each twentieth of that.
EPOCHS = ("steps=1000ep", "warmup=200ep", "eval_every=50ep")
EPOCHS_NOTE = (
    "Lengths: 1,000 epochs, of them 200 of warm-up, as the authors' README has "
    "it for SNGAN on a tenth of CIFAR-10; a score each 50."
)
PUBLISHED_NOTE = (
    "Lengths: those of Table 1's runs, shortened as the images until the "
    "baseline's best score are (up to the next 0.5M); warm-up the same share."
)


def published_length(
    dataset: str, network: str, fraction: float
) -> tuple[str, str]:
    """Flags of length and warm-up of a row of Table 2.

    Args:
        dataset, network: of a key of `FULL`.
        fraction: of the training images.
    """
    full, warmup = FULL[dataset, network]
    share = _best(dataset, network, fraction) / _best(dataset, network, 1.0)
    kimg = min(full, 500 * math.ceil(full * share / 500))
    warmup = round(warmup * kimg / full, -2)
    return f"steps={kimg}kimg", f"warmup={warmup:.0f}kimg"


def _best(dataset: str, network: str, fraction: float) -> float:
    """Images until the dense baseline's best score, as printed."""
    (images,) = (
        row.metrics["images_shown"].value
        for row in rows()
        if row.table in (1, 2)
        and (row.dataset, row.method, row.data_fraction)
        == (dataset, network, fraction)
    )
    return images
