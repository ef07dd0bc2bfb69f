"""Makes pictures with an exported generator.

    python -m regan_tf.generate --saved_model=runs/NAME/saved_model/sparse
    python -m regan_tf.generate --saved_model=DIR --truncation=0.7
    python -m regan_tf.generate --saved_model=DIR --interpolate=9
    python -m regan_tf.generate --saved_model=DIR --mix=6

Images of latents fixed by --seed, as single files and as one sheet; walks
from one to the next; and, of generators with styles, sheets in which each
image takes its coarse styles from the left and its fine ones from the top.
"""

import os

from absl import flags

from regan_tf.command import run_command
from regan_tf.errors import UserError
from regan_tf.flags.paths import existing

FLAGS = flags.FLAGS


def define() -> None:
    """Defines the flags of this command."""
    flags.DEFINE_string("saved_model", None, "Folder of the generator.")
    flags.DEFINE_string("output", "generated", "Folder for the pictures.")
    flags.DEFINE_integer("count", 64, "Images to make.")
    flags.DEFINE_integer("seed", 0, "Of the latents.")
    flags.DEFINE_float(
        "truncation",
        1.0,
        "Styles are moved towards their mean: 1 leaves them, 0 is the mean. "
        "Generators without styles take 1 only.",
    )
    flags.DEFINE_integer(
        "interpolate", 0, "Images of a walk from each image to the next; or 0."
    )
    flags.DEFINE_integer(
        "mix", 0, "Images on each side of a sheet of mixed styles; or 0."
    )
    flags.DEFINE_integer(
        "mix_layers",
        4,
        "Layers whose styles come from the left, coarse ones first.",
    )


def check() -> None:
    """Checks the flags.

    Raises:
        UserError: one is out of range.
    """
    if not FLAGS.saved_model:
        raise UserError(
            "--saved_model must be the folder of a generator, such as "
            "runs/quickstart/saved_model/sparse. Received: none"
        )
    FLAGS.saved_model = existing(
        FLAGS.saved_model, "saved_model", "a generator's folder"
    )
    for name, least in (
        ("count", 1),
        ("interpolate", 0),
        ("mix", 0),
        ("mix_layers", 1),
        ("seed", 0),
    ):
        if FLAGS[name].value < least:
            raise UserError(
                f"--{name} must be at least {least}. Received: "
                f"{FLAGS[name].value}"
            )
    if not 0 <= FLAGS.truncation <= 1:
        raise UserError(
            f"--truncation must be in [0, 1]. Received: {FLAGS.truncation}"
        )


def main(argv: list[str]) -> None:
    """Runs the command."""
    del argv
    check()
    from regan_tf.pictures import Painter, sheet
    from regan_tf.saved_generator import SavedGenerator
    from regan_tf.train.records import write_png
    from regan_tf.train.run_dir import writing

    painter = Painter(SavedGenerator(FLAGS.saved_model), FLAGS.truncation)
    if FLAGS.mix:
        painter.check_mixing(FLAGS.mix_layers)
    folder = os.path.join(FLAGS.output, "images")
    with writing(FLAGS.output):
        os.makedirs(folder, exist_ok=True)
        images = painter.images(FLAGS.count, FLAGS.seed)
        for i, image in enumerate(images):
            write_png(os.path.join(folder, f"{i:06d}.png"), image)
        sheets = {"sheet": sheet(images)}
        if FLAGS.interpolate:
            walks = painter.walks(FLAGS.count, FLAGS.interpolate, FLAGS.seed)
            sheets["interpolation"] = sheet(walks, FLAGS.interpolate)
        if FLAGS.mix:
            mixed = painter.mixed(FLAGS.mix, FLAGS.mix_layers, FLAGS.seed)
            sheets["mixing"] = sheet(mixed, FLAGS.mix + 1)
        for name, picture in sheets.items():
            write_png(os.path.join(FLAGS.output, f"{name}.png"), picture)
    print(f"{FLAGS.count} images in {folder}")
    print(f"sheets in {FLAGS.output}: {', '.join(sheets)}")


if __name__ == "__main__":
    run_command(define, main)
