"""Scores images against a reference: every measure, one protocol, one line."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from regan_tf.data.image_set import ImageSet
from regan_tf.errors import UserError
from regan_tf.metrics.collect import FeatureSet, Source, collect
from regan_tf.metrics.features import FeatureNetwork, score_name
from regan_tf.metrics.frechet import frechet_from_statistics
from regan_tf.metrics.kid import kernel_distance
from regan_tf.metrics.memorisation import memorisation, neighbour_picture
from regan_tf.metrics.modes import mode_coverage
from regan_tf.metrics.prd import Curve, precision_recall_curve
from regan_tf.metrics.precision_recall import precision_recall
from regan_tf.metrics.protocol import Protocol
from regan_tf.metrics.reference import draw, reference_features
from regan_tf.metrics.tfgan_bridge import inception_score

_SHOWN = 8  # rows in each half of the picture of neighbours


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What `Evaluator.score` gives.

    Attributes:
        figures: JSON-ready scores.
        curve: the precision-recall curve, or None.
        neighbours: uint8 picture of samples beside their nearest training
            images: the first samples above, those nearest to a training
            image below; or None.
    """

    figures: dict[str, Any]
    curve: Curve | None = None
    neighbours: np.ndarray | None = None


class Evaluator:
    """Scores generators against one reference under one protocol.

    Features of real images are computed at the first `score` and kept (at
    most `protocol.max_rows` rows of each set), and cached on disk.

    Args:
        networks: copies of one feature network, one a device; its name is
            part of the scores' names unless it is TF-GAN's Inception.
        protocol: counts, resize mode, settings of the measures.
        reference: the real images to compare with.
        training: the images that the generator was trained on, for mode
            coverage and memorisation; or None for neither.
        held_out: real images not trained on, or None.
        cache_dir: where features of real images are cached; None: nowhere.

    Raises:
        UserError: a reference of fewer than 2 images.
    """

    def __init__(
        self,
        networks: Sequence[FeatureNetwork],
        protocol: Protocol,
        reference: ImageSet,
        *,
        training: ImageSet | None = None,
        held_out: ImageSet | None = None,
        cache_dir: str | None = None,
    ):
        if len(reference) < 2:
            raise UserError(
                "The reference must have at least 2 images. "
                f"Received: {len(reference)}. Use a larger set."
            )
        if protocol.max_reference is not None:
            rows = draw(len(reference), protocol.max_reference)
            if len(rows) < len(reference):
                reference = reference.take(rows)
        self.networks = list(networks)
        self.protocol = protocol
        self.reference = reference
        self.training = training
        self.held_out = held_out
        self.cache_dir = cache_dir
        self.interrupted = bool  # asked between batches whether to give up
        self._known: dict[str, FeatureSet] = {}

    @property
    def network(self) -> FeatureNetwork:
        """The feature network, on the first device."""
        return self.networks[0]

    @property
    def distance_name(self) -> str:
        """The score by which generators are chosen: less is better."""
        return score_name(self.network, "fid")

    @property
    def record(self) -> dict[str, Any]:
        """JSON-ready: everything that two scores must share to compare."""
        return self.protocol.as_dict() | {
            "num_reference": len(self.reference),
            "reference_set": f"{self.reference.name} {self.reference.split}",
            "reference_sha256": self.reference.fingerprint,
            "resolution": self.reference.images.shape[1],
            "feature_network": self.network.name,
            "feature_sha256": self.network.sha256,
            "network_resize": self.network.resize,
        }

    def score(
        self, sources: Sequence[Source] | Source, *, thorough: bool = True
    ) -> Evaluation:
        """Scores `protocol.num_fake` images.

        Args:
            sources: gives the images: a function of (count, first number),
                thread-safe; or one for each network, all giving the same
                images. In random order: the splits of the Inception score
                are contiguous.
            thorough: whether to add what takes long or changes slowly: the
                precision-recall curve and the check of memorisation.

        Returns:
            The figures: Fréchet distance, Inception score and kernel
            distance with their deviations, precision and recall, under
            `score_name`; with a classifier "modes", "of_modes",
            "kl_to_training", "kl_from_training" and "class_histogram"; if
            thorough also "prd_f8", "prd_f1_8" and, of at most
            `protocol.max_rows` training images, those of
            `Memorisation.summary`. A measure for which a set is too small is
            left out.

        Raises:
            UserError: wrong images, or features or scores that are not
                finite.
        """
        if callable(sources):
            sources = [sources] * len(self.networks)
        protocol = self.protocol
        fake = collect(
            self.networks,
            sources,
            protocol.num_fake,
            resolution=self.reference.images.shape[1],
            rows=np.arange(min(protocol.num_fake, protocol.max_rows)),
            keep_logits=True,
            progress=f"{self.network.name} features of generated images",
            interrupted=self.interrupted,
        )
        figures = self._distances(fake) | self._neighbours(fake)
        curve = picture = None
        if thorough:
            curve = self._curve(fake)
            if curve is not None:
                figures |= {"prd_f8": curve.f8, "prd_f1_8": curve.f_eighth}
            memorised, picture = self._memorisation(fake, sources[0])
            figures |= memorised
        named = {score_name(self.network, k): v for k, v in figures.items()}
        _check_finite(named)
        return Evaluation(named | self._modes(fake), curve, picture)

    def _distances(self, fake: FeatureSet) -> dict[str, float]:
        real, protocol = self._reference, self.protocol
        distance = frechet_from_statistics(real.statistics, fake.statistics)
        figures = {"fid": distance}
        if fake.logits is not None:
            mean, deviation = inception_score(fake.logits, protocol.splits)
            figures |= {"is": mean, "is_std": deviation}
        mean, deviation = kernel_distance(
            real.rows,
            fake.rows,
            subsets=protocol.kid_subsets,
            subset_size=protocol.kid_subset_size,
        )
        return figures | {"kid": mean, "kid_std": deviation}

    def _neighbours(self, fake: FeatureSet) -> dict[str, float]:
        real, k = self._reference.rows, self.protocol.neighbours
        if min(len(real), len(fake.rows)) <= k:
            return {}
        return precision_recall(real, fake.rows, k)._asdict()

    def _curve(self, fake: FeatureSet) -> Curve | None:
        real, protocol = self._reference.rows, self.protocol
        if min(len(real), len(fake.rows)) < protocol.prd_clusters:
            return None
        return precision_recall_curve(
            real,
            fake.rows,
            clusters=protocol.prd_clusters,
            runs=protocol.prd_runs,
        )

    def _modes(self, fake: FeatureSet) -> dict[str, Any]:
        # Only a classifier of this data set has classes that are its modes.
        if self.network.num_classes is None or fake.class_counts is None:
            return {}
        counts = fake.class_counts.tolist()
        if self.training is None:
            hit = sum(count > 0 for count in counts)
            return {"modes": hit, "class_histogram": counts}
        found = mode_coverage(
            counts,
            self._training.class_counts,
            min_share=self.protocol.min_mode_share,
        )
        return {
            "modes": found.modes,
            "of_modes": found.of_modes,
            "kl_to_training": found.kl,
            "kl_from_training": found.reverse_kl,
            "class_histogram": counts,
        }

    def _memorisation(
        self, fake: FeatureSet, source: Source
    ) -> tuple[dict[str, float], np.ndarray | None]:
        training, most = self.training, self.protocol.max_rows
        if training is None or not 2 <= len(training) <= most:
            return {}, None
        found = memorisation(
            fake.rows,
            self._training.rows,
            None if self.held_out is None else self._held_out.rows,
            k=min(3, len(training)),
        )
        closest = np.argsort(found.to_training, kind="stable")
        shown = [*range(min(_SHOWN, len(closest))), *closest[:_SHOWN]]
        near = found.neighbours[shown]
        wanted, rows = np.unique(near, return_inverse=True)
        picture = neighbour_picture(
            np.concatenate([source(1, int(i)) for i in shown]),
            training.images[wanted],
            rows.reshape(near.shape),
        )
        return found.summary(), picture

    @cached_property
    def _reference(self) -> FeatureSet:
        return self._features(self.reference)

    @cached_property
    def _training(self) -> FeatureSet:
        return self._features(self.training)

    @cached_property
    def _held_out(self) -> FeatureSet:
        return self._features(self.held_out)

    def _features(self, images: ImageSet) -> FeatureSet:
        # Reference and training images are often one set.
        if images.fingerprint not in self._known:
            self._known[images.fingerprint] = reference_features(
                images,
                self.networks,
                max_rows=self.protocol.max_rows,
                cache_dir=self.cache_dir,
            )
        return self._known[images.fingerprint]


def _check_finite(scores: dict[str, float]) -> None:
    bad = {k: v for k, v in scores.items() if not math.isfinite(v)}
    if bad:
        raise UserError(
            f"Scores must be finite. Received: {bad}. Look at the samples: "
            "the generator has probably diverged."
        )
