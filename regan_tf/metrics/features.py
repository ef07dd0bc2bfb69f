"""Images to features: what the measures ask of a feature network."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

# Measures whose usual names promise TF-GAN's Inception.
_ELSEWHERE = {"fid": "fd", "kid": "kd"}


class Features(NamedTuple):
    """What a feature network says about N images.

    Attributes:
        features: (N, D) float32, for distances between sets of images.
        logits: (N, K) float32, unnormalised log probabilities of K classes;
            None from a network without classes.
    """

    features: np.ndarray
    logits: np.ndarray | None


class FeatureNetwork(Protocol):
    """A callable from uint8 images (N, R, R, 3), any N, to `Features`.

    Attributes:
        name: "inception", "<data set>_cnn" or a name of your own.
        sha256: hash of the weights; scores of unlike hashes do not compare.
        resize: mode that brings images to the network's input size, one of
            `regan_tf.metrics.resize`; "none": they go in as they are.
        num_classes: K if the classes are the data set's own, so that they
            are the modes to count; else None.
    """

    name: str
    sha256: str
    resize: str
    num_classes: int | None

    def __call__(self, images: np.ndarray) -> Features: ...


def score_name(network: FeatureNetwork, measure: str) -> str:
    """Returns the name under which a measure by a network is written.

    With TF-GAN's Inception, which `load_inception` marks by the attribute
    `is_tfgan_inception`, it is `measure` itself. Any other network measures
    something else, whatever it calls itself, so its name is part of the
    score's: "fid" becomes "fd_<name>", "kid" "kd_<name>", "is"
    "is_<name>", and "is_std" "is_<name>_std".

    Args:
        network: has features and a name.
        measure: "fid", "kid", "is", "precision" or any other, with "_std"
            for its deviation.
    """
    if getattr(network, "is_tfgan_inception", False):
        return measure
    base = measure.removesuffix("_std")
    deviation = measure[len(base) :]
    return f"{_ELSEWHERE.get(base, base)}_{network.name}{deviation}"


def score_names(network: FeatureNetwork) -> tuple[str, str]:
    """Names of the Fréchet distance and the Inception score: `score_name`."""
    return score_name(network, "fid"), score_name(network, "is")


def join(parts: Sequence[Features]) -> Features:
    """Joins the features of consecutive images, at least one part.

    All parts come from one network, so that all or none have logits.
    """
    features, logits = zip(*parts, strict=True)
    return Features(
        np.concatenate(features).astype(np.float32),
        None
        if logits[0] is None
        else np.concatenate(logits).astype(np.float32),
    )


def in_batches(
    function: Callable[[np.ndarray], Features],
    images: np.ndarray,
    batch_size: int,
) -> Features:
    """Applies `function` to pieces of `images` and joins the results."""
    return join(
        [
            function(images[start : start + batch_size])
            for start in range(0, len(images), batch_size)
        ]
    )
