"""The configuration of a run: frozen dataclasses, checked where they are made.

Flags become an `ExperimentConfig` (`regan_tf.flags`), which `at` completes
with what only the data tell (epochs in steps); nobody below reads flags.
Importable without TensorFlow.
"""

from regan_tf.config.augment import AugmentConfig
from regan_tf.config.data import DataConfig
from regan_tf.config.experiment import ExperimentConfig
from regan_tf.config.method import MethodConfig
from regan_tf.config.network import NetworkConfig
from regan_tf.config.output import OutputConfig
from regan_tf.config.penalty import PenaltyConfig
from regan_tf.config.record import config_from_dict, differences
from regan_tf.config.training import TrainingConfig

__all__ = [
    "AugmentConfig",
    "DataConfig",
    "ExperimentConfig",
    "MethodConfig",
    "NetworkConfig",
    "OutputConfig",
    "PenaltyConfig",
    "TrainingConfig",
    "config_from_dict",
    "differences",
]
