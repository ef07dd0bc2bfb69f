"""Scores a generator against reference images with one feature network."""

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.checks import check_images
from regan_tf.metrics.features import FeatureNetwork, Features, score_names
from regan_tf.metrics.tfgan_bridge import frechet_distance, inception_score

Result = dict[str, float | int | str | list]


class Evaluator:
    """Computes all scores of a generator from one set of samples.

    The reference's features are computed at the first `score` and kept.

    Args:
        network: images to features; its kind decides the scores' names
            (`score_names`).
        reference: uint8 (N, R, R, 3), N at least 2.
        reference_name: what the reference is, for the record, e.g.
            "cifar10/test".
        num_samples: images to generate for each `score`, at least 2 and at
            least `splits`. Scores of unlike `num_samples` or N do not
            compare: the Fréchet distance is biased upwards for small sets.
        splits: parts of the Inception score.
        batch_size: images asked of the generator at a time.

    Raises:
        UserError: wrong reference or numbers.
    """

    def __init__(
        self,
        network: FeatureNetwork,
        reference: np.ndarray,
        *,
        reference_name: str,
        num_samples: int,
        splits: int = 10,
        batch_size: int = 100,
    ):
        check_images(reference, f"reference images {reference_name!r}")
        _check_numbers(len(reference), num_samples, splits, batch_size)
        self.network = network
        self.reference = reference
        self.reference_name = reference_name
        self.num_samples = num_samples
        self.splits = splits
        self.batch_size = batch_size

    def score(self, generate: Callable[[int], np.ndarray]) -> Result:
        """Generates `num_samples` images and scores them.

        Args:
            generate: called with n, returns n independent images, uint8
                (n, R, R, 3) at the reference's resolution. Called with
                `batch_size` until `num_samples` are had (the last n may be
                smaller), so images are never all in memory.

        Returns:
            A JSON-ready dict: the Fréchet distance, the Inception score and
            its "<name>_std" over splits under `score_names`, "num_samples",
            "num_reference", "reference", "feature_network", "feature_sha256"
            and "splits". With a classifier also "class_histogram", the count
            of images predicted as each class, and "modes", how many classes
            were predicted at least once.

        Raises:
            UserError: `generate` returned something else, or a score is not
                finite.
        """
        fake = self._generated_features(generate)
        distance_name, score_name = score_names(self.network)
        distance = frechet_distance(self._reference_features, fake.features)
        mean, deviation = inception_score(fake.logits, self.splits)
        scores: Result = {
            distance_name: distance,
            score_name: mean,
            f"{score_name}_std": deviation,
        }
        _check_finite(scores)
        return scores | self._class_counts(fake.logits) | self._record()

    @cached_property
    def _reference_features(self) -> np.ndarray:
        return self.network(self.reference).features

    def _generated_features(
        self, generate: Callable[[int], np.ndarray]
    ) -> Features:
        parts = []
        for start in range(0, self.num_samples, self.batch_size):
            count = min(self.batch_size, self.num_samples - start)
            images = np.asarray(generate(count))
            self._check_generated(images, count)
            parts.append(self.network(images))
        return Features(*(np.concatenate(p) for p in zip(*parts, strict=True)))

    def _check_generated(self, images: np.ndarray, count: int) -> None:
        check_images(images, "generated images")
        expected = (count, *self.reference.shape[1:])
        if images.shape != expected:
            raise UserError(
                f"`generate({count})` must return the shape {expected}, like "
                f"{self.reference_name!r}. Received: {images.shape}. Compare "
                "generator and reference at one resolution."
            )

    def _class_counts(self, logits: np.ndarray) -> Result:
        # Only a classifier of this data set has classes that are its modes.
        num_classes = getattr(self.network, "num_classes", None)
        if num_classes is None:
            return {}
        counts = np.bincount(np.argmax(logits, 1), minlength=num_classes)
        return {
            "modes": int(np.count_nonzero(counts)),
            "class_histogram": counts.tolist(),
        }

    def _record(self) -> Result:
        return {
            "num_samples": self.num_samples,
            "num_reference": len(self.reference),
            "reference": self.reference_name,
            "feature_network": self.network.name,
            "feature_sha256": self.network.sha256,
            "splits": self.splits,
        }


def _check_numbers(
    num_reference: int, num_samples: int, splits: int, batch_size: int
) -> None:
    if num_reference < 2:
        raise UserError(
            "The reference must have at least 2 images. "
            f"Received: {num_reference}. Use more reference images."
        )
    if splits < 1 or num_samples < max(2, splits):
        raise UserError(
            "`num_samples` must be at least 2 and at least `splits` >= 1. "
            f"Received: num_samples={num_samples}, splits={splits}."
        )
    if batch_size < 1:
        raise UserError(
            f"`batch_size` must be at least 1. Received: {batch_size}."
        )


def _check_finite(scores: Result) -> None:
    bad = {k: v for k, v in scores.items() if not math.isfinite(v)}
    if bad:
        raise UserError(
            f"Scores must be finite. Received: {bad}. Look at the samples: "
            "the generator has probably diverged."
        )
