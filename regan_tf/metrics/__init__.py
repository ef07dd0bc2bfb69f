"""Measures of generated images; TensorFlow loads with the first use.

One measure, one function on features: `frechet_distance`, `inception_score`.
A `FeatureNetwork` turns images into features (`load_inception`,
`load_feature_network`, `train_classifier`), and `Evaluator` joins both.
"""

from regan_tf.metrics.classifier import Classifier, train_classifier
from regan_tf.metrics.evaluator import Evaluator
from regan_tf.metrics.features import (
    FeatureNetwork,
    Features,
    score_name,
    score_names,
)
from regan_tf.metrics.inception import Inception, load_inception
from regan_tf.metrics.tfgan_bridge import frechet_distance, inception_score
from regan_tf.metrics.user_network import load_feature_network

__all__ = [
    "Classifier",
    "Evaluator",
    "FeatureNetwork",
    "Features",
    "Inception",
    "frechet_distance",
    "inception_score",
    "load_feature_network",
    "load_inception",
    "score_name",
    "score_names",
    "train_classifier",
]
