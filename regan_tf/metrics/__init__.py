"""Measures of generated images; TensorFlow loads with the first use.

One measure, one function on features: `frechet_distance`, `inception_score`.
A `FeatureNetwork` turns images into features (`load_inception`,
`train_classifier`), and `Evaluator` joins both.
"""

from regan_tf.metrics.classifier import Classifier, train_classifier
from regan_tf.metrics.evaluator import Evaluator
from regan_tf.metrics.features import (
    FeatureNetwork,
    Features,
    Inception,
    load_inception,
    score_names,
)
from regan_tf.metrics.tfgan_bridge import frechet_distance, inception_score

__all__ = [
    "Classifier",
    "Evaluator",
    "FeatureNetwork",
    "Features",
    "Inception",
    "frechet_distance",
    "inception_score",
    "load_inception",
    "score_names",
    "train_classifier",
]
