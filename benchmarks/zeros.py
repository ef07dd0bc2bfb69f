"""What do the zeros of a sparse generator save? Time, memory, bytes.

    python -m benchmarks.zeros                    # full-width SNGAN
    python -m benchmarks.zeros --arch=stylegan2 --sparsities=0,0.3

A generator of the flags' network, pruned by magnitude to each sparsity and
exported, draws images from its SavedModel, sparsities in turn. Further flags
are those of `train_main.py`.

ratio         images a second over those of the first sparsity
memory        of its weights as TensorFlow holds them
file          of its weights on disk, and the same compressed by gzip
"""

import gzip
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags, logging

from benchmarks.cases import configuration, interval
from regan_tf import flags as regan_flags
from regan_tf.errors import UserError

FLAGS = flags.FLAGS
_BATCH = 64


def define():
    """Defines the flags of this command."""
    regan_flags.define()
    wanted = ["0", "0.1", "0.5", "0.9", "0.99"]
    flags.DEFINE_list("sparsities", wanted, "Fractions of zeros to compare.")
    flags.DEFINE_integer("alternations", 11, "Of the sparsities, in turn.")


def exported(config, sparsities, folder):
    """Paths of SavedModels of the same first weights, one a sparsity; these
    ascend, as what is pruned stays so."""
    from regan_tf.export import export_generator
    from regan_tf.regan.layers import strip_masks
    from regan_tf.regan.pruner import Pruner
    from regan_tf.train.gan import GAN

    gan, paths = GAN(config), []
    pruner = Pruner(gan.generator, gan.generator_optimizer)
    for sparsity in sparsities:
        if sparsity:
            pruner.prune(sparsity)
        paths.append(os.path.join(folder, str(sparsity)))
        stock = strip_masks(gan.generator)
        export_generator(stock, gan.latent_dim, paths[-1], {})
    return paths


def rates(generators, rounds):
    """Images a second of each generator, `rounds` of each, in turn."""
    import tensorflow as tf

    latents = tf.random.normal((_BATCH, generators[0].latent_dim))
    found = [[] for _ in generators]
    for i in range(rounds + 1):
        for mine, generator in zip(found, generators, strict=True):
            start = time.monotonic()
            generator(latents).numpy()
            if i:  # the first traces
                mine.append(_BATCH / (time.monotonic() - start))
    return found


def sizes(path):
    """Bytes of a SavedModel's weights on disk, and compressed."""
    (data,) = Path(path, "variables").glob("variables.data-*")
    content = data.read_bytes()
    return len(content), len(gzip.compress(content))


def held(path):
    """Bytes of a SavedModel's weights in memory."""
    import tensorflow as tf

    return sum(x.numpy().nbytes for x in tf.saved_model.load(path).weights)


def measure(config, sparsities, rounds):
    """A row for each sparsity."""
    from regan_tf.saved_generator import SavedGenerator

    with tempfile.TemporaryDirectory() as folder:
        paths = exported(config, sparsities, folder)
        generators = [SavedGenerator(path) for path in paths]
        rows = []
        times = rates(generators, rounds)
        for path, mine, generator in zip(paths, times, generators, strict=True):
            ratios = [a / b for a, b in zip(mine, times[0], strict=True)]
            file, compressed = sizes(path)
            rows.append(
                {
                    "sparsity": generator.about["sparsity"],
                    "ratio": interval(ratios),
                    "memory": held(path),
                    "file": file,
                    "compressed": compressed,
                }
            )
    return rows


def _sparsities():
    try:
        found = sorted(float(x) for x in FLAGS.sparsities)
    except ValueError:
        found = []
    if not found or found[0] < 0 or found[-1] >= 1:
        raise UserError(
            "--sparsities must be fractions from 0 on and below 1. Received: "
            + ",".join(FLAGS.sparsities)
        )
    return found


def main(argv):
    """Runs the command."""
    del argv
    rows = measure(configuration(), _sparsities(), FLAGS.alternations)
    print("| zeros | images/s, ratio | memory | file | compressed |")
    print("|---|---|---|---|---|")
    for row in rows:
        median, low, high = row["ratio"]
        sizes = " | ".join(
            f"{row[name] / 1e6:.2f} MB"
            for name in ("memory", "file", "compressed")
        )
        print(
            f"| {row['sparsity']:.0%} | {median:.3f} ({low:.3f} to "
            f"{high:.3f}) | {sizes} |"
        )


if __name__ == "__main__":
    define()
    logging.set_verbosity(logging.WARNING)  # exports say much
    try:
        app.run(main, flags_parser=regan_flags.parse)
    except UserError as error:
        sys.exit(f"error: {error}")
