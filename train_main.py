"""Trains a GAN, with Re-GAN or densely: python train_main.py --flagfile=F."""

from absl import flags

from regan_tf import train_main
from regan_tf.train_main import main, start

__all__ = ["main"]

flags.adopt_module_key_flags(train_main)  # for --help

if __name__ == "__main__":
    start()
