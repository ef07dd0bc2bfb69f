"""Trains a GAN: python -m regan_tf.train_main --flagfile=F.

What `train_main.py` runs, for where the package is but not its repository.
Importing it defines the flags.
"""

import os
import sys

from absl import app, flags, logging

from regan_tf import flags as regan_flags
from regan_tf.command import answering
from regan_tf.errors import Diverged

# TensorFlow's start-up notes, some of which call themselves errors, would bury
# the run's own lines; what matters of them (which devices) a run says itself.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
logging.set_verbosity(logging.WARNING)

regan_flags.define()
for part in regan_flags.PARTS:
    flags.adopt_module_key_flags(part)


def main(argv):
    """Runs the experiment that the flags describe."""
    del argv
    config = regan_flags.config_from_flags()
    # Heavy imports wait until the flags are known to be right.
    from regan_tf.run import dry_run, run

    if flags.FLAGS.dry_run:
        return dry_run(config)
    try:
        run(
            config,
            overwrite=flags.FLAGS.overwrite,
            flags_text=regan_flags.as_text(),
        )
    except KeyboardInterrupt:
        print(
            "interrupted; the same command goes on from the newest checkpoint",
            file=sys.stderr,
        )
        sys.exit(130)
    except Diverged as error:
        sys.exit(f"training diverged: {error}")


def start() -> None:
    """Runs the process's command line."""
    app.run(answering(main), flags_parser=answering(regan_flags.parse))


if __name__ == "__main__":
    start()
