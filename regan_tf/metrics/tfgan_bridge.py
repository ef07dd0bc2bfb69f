"""TF-GAN's reference measures; the only module that imports TF-GAN.

`import tensorflow_gan` fails since TensorFlow 2.16: the package's `__init__`
asks for `tf.estimator`, which is gone (TF-GAN issues 55 and 59). Its
evaluation modules are sound, so they are loaded through empty stand-ins for
the three packages above them, and `sys.modules` is left as it was found.
"""

import contextlib
import functools
import importlib
import importlib.util
import os
import sys
import types
from collections.abc import Iterator

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.checks import check_matrix, check_pair

_PACKAGES = (
    "tensorflow_gan",
    "tensorflow_gan.python",
    "tensorflow_gan.python.eval",
)

# exp(-600) is far below float64 resolution yet far above its least number.
_LEAST_LOG_PROBABILITY = -600.0


def _is_tfgan(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] == "tensorflow_gan"


@contextlib.contextmanager
def _stub_packages() -> Iterator[None]:
    """Puts empty packages in place of TF-GAN's own while modules load."""
    before = {n: sys.modules.pop(n) for n in [*sys.modules] if _is_tfgan(n)}
    try:
        spec = importlib.util.find_spec("tensorflow_gan")
        if spec is None or not spec.submodule_search_locations:
            raise UserError(
                "TF-GAN is needed for the scores but is not installed. "
                "Run `pip install tensorflow-gan`."
            )
        root = spec.submodule_search_locations[0]
        for name in _PACKAGES:
            stub = types.ModuleType(name)
            stub.__path__ = [os.path.join(root, *name.split(".")[1:])]
            sys.modules[name] = stub
        yield
    finally:
        for name in [n for n in sys.modules if _is_tfgan(n)]:
            del sys.modules[name]
        sys.modules.update(before)


@functools.cache
def _load(module: str) -> types.ModuleType:
    """Loads `tensorflow_gan.python.eval.<module>` once."""
    with _stub_packages():
        return importlib.import_module(f"{_PACKAGES[-1]}.{module}")


def inception_handle() -> str:
    """Returns the TensorFlow Hub address of TF-GAN's Inception network.

    Raises:
        ImportError: `tensorflow_hub`, or `pkg_resources` (setuptools) which
            it imports, is missing.
    """
    return _load("inception_metrics").INCEPTION_TFHUB


def frechet_distance(real: np.ndarray, fake: np.ndarray) -> float:
    """Fréchet distance between Gaussians fitted to two sets of features.

    |m - m_w|² + Tr(C + C_w - 2 (C C_w)^½), Heusel et al. 2017
    (arXiv:1706.08500), eq. 6, by TF-GAN's
    `frechet_classifier_distance_from_activations` in float64, with unbiased
    covariances (division by N - 1). It is "FID" only for the features of
    TF-GAN's Inception network. Biased upwards for small N: compare only equal
    N and M. About 10 seconds at D = 2048 on two CPU cores.

    Args:
        real: (N, D) features of the reference images, N at least 2.
        fake: (M, D) features of the generated images, M at least 2.

    Returns:
        The distance, at least 0 up to rounding (equal sets give about 1e-11,
        of either sign).

    Raises:
        UserError: wrong shapes, too few rows, unlike D, non-finite values.
    """
    import tensorflow as tf

    real, fake = check_pair(real, fake, 2)
    distance = _load(
        "classifier_metrics"
    ).frechet_classifier_distance_from_activations
    with tf.device("CPU:0"):  # float64 SVD is slower on a GPU
        return float(distance(real, fake))


def trace_sqrt_product(first: np.ndarray, second: np.ndarray) -> float:
    """Trace of the root of a product of covariances, by TF-GAN in float64.

    Args:
        first, second: (D, D) symmetric, positive semi-definite.
    """
    import tensorflow as tf

    function = _load("classifier_metrics").trace_sqrt_product
    with tf.device("CPU:0"):  # float64 SVD is slower on a GPU
        return float(function(tf.constant(first), tf.constant(second)))


def inception_score(
    logits: np.ndarray, splits: int = 10
) -> tuple[float, float]:
    """Inception score of class logits: mean and deviation over splits.

    exp(E_x KL(p(y|x) ‖ p(y))), Salimans et al. 2016 (arXiv:1606.03498),
    sec. 4, by TF-GAN's `classifier_score_from_logits` in float64 for each of
    `splits` contiguous parts, whose sizes differ by at most one. The rows
    must be in random order (independent samples are). Biased low when a part
    is small: compare only equal N and equal `splits`.

    Args:
        logits: (N, K) unnormalised log probabilities of K classes.
        splits: number of parts, at least 1; papers use 10.

    Returns:
        Mean and population standard deviation (division by `splits`, as in
        the original code) of the parts' scores, each in [1, K].

    Raises:
        UserError: wrong shape, `splits` < 1, N < `splits`, non-finite values.
    """
    import tensorflow as tf

    logits = check_matrix(logits, "logits of the generated images", 1)
    if not 1 <= splits <= len(logits):
        raise UserError(
            "`splits` must be at least 1 and at most the number of images. "
            f"Received: splits={splits}, {len(logits)} images. Score more "
            "images or use fewer splits."
        )
    # A probability that underflows to 0 would give 0 * log(0) = NaN.
    logits = logits - logits.max(axis=1, keepdims=True)
    logits = np.maximum(logits, _LEAST_LOG_PROBABILITY)
    score = _load("classifier_metrics").classifier_score_from_logits
    with tf.device("CPU:0"):
        scores = [float(score(part)) for part in np.array_split(logits, splits)]
    return float(np.mean(scores)), float(np.std(scores))
