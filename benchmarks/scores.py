"""Do the scores rank what is known to be better and worse?

    python -m benchmarks.scores --dataset=cifar10 --data_path=FOLDER_OR_ZIP

Scores sets of images made from a data set's own real ones against its test
split: what a generator could not beat (its training images), what any
generator must beat (a Gaussian of the pixels of each class), and damage of
known kinds. Prints a Markdown table; --json writes the score lines.
"""

import argparse
import json
import sys
from types import SimpleNamespace

import numpy as np

from regan_tf.errors import UserError

NOISE = (8, 24, 72)  # standard deviations, in levels of 0..255


def sets_of(images, count, seed=0):
    """The sets to score, by name: uint8 arrays (`count`, R, R, 3) each.

    Args:
        images: `regan_tf.run.Images` with labels and a test split of at
            least `count` images.
        count: images in each set, at least 10.
        seed: of all draws.
    """
    rng = np.random.default_rng(seed)
    full, test = images.full, images.test
    order = rng.permutation(len(test))[:count]
    tested = test.images[order]
    yield "test images themselves", tested
    train = rng.permutation(len(full))[:count]
    yield "training images", full.images[np.sort(train)][rng.permutation(count)]
    for level in NOISE:
        noise = rng.normal(0, level, tested.shape)
        noisy = np.clip(np.rint(tested + noise), 0, 255)
        yield f"test images, noise of σ = {level}", noisy.astype(np.uint8)
    half = np.flatnonzero(full.labels < len(full.class_names) // 2)
    drawn = rng.permutation(half)[:count]
    order = rng.permutation(len(drawn))
    yield "training images, half the classes", full.images[drawn][order]
    yield "Gaussian of each class's pixels", gaussian(full, count, rng)


def gaussian(full, count, rng):
    """Images drawn from a Gaussian of each class's pixels, in random order.

    Classes in equal shares; rounded and clipped like any generated image.
    """
    labels = np.arange(count) % len(full.class_names)
    drawn = np.empty((count, *full.images.shape[1:]), np.uint8)
    for label in range(len(full.class_names)):
        pixels = full.images[np.flatnonzero(full.labels == label)]
        pixels = pixels.reshape(len(pixels), -1).astype(np.float64)
        wanted = np.flatnonzero(labels == label)
        # Σ wᵢ (xᵢ - mean) / √(n - 1) with standard normal w has the sample's
        # covariance, without its matrix.
        weights = rng.normal(size=(len(wanted), len(pixels)))
        mean = pixels.mean(axis=0)
        rows = mean + weights @ (pixels - mean) / np.sqrt(len(pixels) - 1)
        rounded = np.clip(np.rint(rows), 0, 255).astype(np.uint8)
        drawn[wanted] = rounded.reshape(len(wanted), *drawn.shape[1:])
    return drawn[rng.permutation(count)]


def score_all(data, output, count):
    """Yields (name, scores, record) of each set."""
    from regan_tf.evaluation import make_evaluator
    from regan_tf.run import load_images

    config = SimpleNamespace(data=data, output=output)
    images = load_images(config)
    if images.test is None or images.full.labels is None:
        raise UserError("the data set must have classes and a test split")
    count = min(count, len(images.test), len(images.full))
    output.eval_images = count
    evaluator = make_evaluator(config, images)
    for name, found in sets_of(images, count):
        rows = np.arange(count) % len(found)  # half a small set's classes

        def source(n, start, found=found[rows]):
            return found[start : start + n]

        yield name, evaluator.score(source).figures, evaluator.record


_COLUMNS = (
    *((("fd", "fid"), "Fréchet"), ("is", "IS"), (("kd", "kid"), "kernel")),
    ("prec", "precision"),
    *(("recall", "recall"), ("prd_f8", "F8"), ("prd_f1_8", "F1/8")),
    *(("modes", "modes"), ("kl_to", "KL")),
)


def table(rows):
    """Markdown of (name, scores)."""
    heads = ["images", *(head for _, head in _COLUMNS)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, scores in rows:
        cells = [name]
        for start, _ in _COLUMNS:
            found = [v for k, v in scores.items() if k.startswith(start)]
            cells.append(f"{found[0]:.4g}" if found else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(argv=None):
    """Runs the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--data_path")
    parser.add_argument("--resolution", type=int, default=32)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--features", default="auto")
    parser.add_argument("--inception_path")
    parser.add_argument("--json")
    args = parser.parse_args(argv)
    from regan_tf.config import DataConfig

    try:
        data = DataConfig(
            dataset=args.dataset,
            path=args.data_path,
            resolution=args.resolution,
            fraction=None,
            num_images=None,
            skip_bad_images=False,
            flip=False,
            dequantize=False,
        )
        output = SimpleNamespace(
            protocol="paper",
            eval_images=args.count,
            features=args.features,
            inception_path=args.inception_path,
            inception_sha256=None,
        )
        rows = []
        for name, scores, record in score_all(data, output, args.count):
            print(name, {k: v for k, v in scores.items() if k[-4:] != "gram"})
            rows.append({"images": name, **scores, "protocol": record})
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(table([(row["images"], row) for row in rows]))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
