"""Memorisation: do samples copy the few training images they came from?"""

from dataclasses import dataclass, replace

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.checks import check_images, check_matrix
from regan_tf.metrics.precision_recall import nearest_neighbours


@dataclass(frozen=True, eq=False)
class Memorisation:
    """Nearest-neighbour distances of S samples in feature space.

    Attributes:
        neighbours: (S, k) indices of the nearest training images, nearest
            first.
        to_training: (S,) distances to the nearest training image.
        threshold: distance below which a sample counts as memorised.
        share: of samples with `to_training` < `threshold`, in [0, 1].
        held_out_share: the same of held-out images, to compare; or None.
        median_to_training, median_to_held_out: medians of the distances to
            the nearest of `compared` training and as many held-out images;
            None without held-out images.
        compared: images of each that the medians are to.
    """

    neighbours: np.ndarray
    to_training: np.ndarray
    threshold: float
    share: float
    held_out_share: float | None = None
    median_to_training: float | None = None
    median_to_held_out: float | None = None
    compared: int = 0

    def summary(self) -> dict[str, float | int]:
        """JSON-ready figures; those that there are."""
        figures = {
            "memorised_share": self.share,
            "memorised_share_held_out": self.held_out_share,
            "median_to_training": self.median_to_training,
            "median_to_held_out": self.median_to_held_out,
        }
        return {k: v for k, v in figures.items() if v is not None}


def memorisation(
    samples: np.ndarray,
    training: np.ndarray,
    held_out: np.ndarray | None = None,
    *,
    k: int = 3,
    quantile: float = 0.5,
) -> Memorisation:
    """Compares samples with training and held-out images.

    A sample counts as closer to a training image than training images are to
    each other when its Euclidean distance to the nearest training image is
    strictly below the median distance of a training image to the nearest
    *other* one. The median, because the least such distance is 0 as soon as
    two training images are alike, low quantiles of 100 images hang on a few
    near duplicates, and the mean on outliers. About half of any unseen images
    of the same distribution pass it: judge `share` against `held_out_share`
    or 0.5; copies give 1, images off the data 0. No published standard: name
    the definition beside the figure.

    Distances to the nearest image shrink as sets grow, so the medians are to
    equally many training and held-out images, drawn with seed 0: a generator
    that has learned the distribution and no images is as far from both.

    Args:
        samples: (S, D) features of generated images.
        training: (T, D) features of all training images, T at least 2.
        held_out: (H, D) features of real images not trained on, or None.
        k: training neighbours to find per sample, 1 to T.
        quantile: of the training distances, in (0, 1]; 0.5 is the median.

    Raises:
        UserError: wrong shapes or numbers, unlike D, non-finite values.
    """
    training = check_matrix(training, "features of the training images", 2)
    samples = _check(samples, "features of the samples", training)
    if not 1 <= k <= len(training) or not 0 < quantile <= 1:
        raise UserError(
            f"`k` must be in [1, {len(training)}] and `quantile` in (0, 1]. "
            f"Received: k={k}, quantile={quantile}."
        )
    among, _ = nearest_neighbours(training, training, 1, itself=False)
    threshold = float(np.quantile(np.sqrt(among), quantile))
    squared, neighbours = nearest_neighbours(samples, training, k)
    to_training = np.sqrt(squared[:, 0])
    result = Memorisation(
        neighbours,
        to_training,
        threshold,
        share=float(np.mean(to_training < threshold)),
    )
    if held_out is None:
        return result
    held_out = _check(held_out, "features of the held-out images", training)
    compared = min(len(training), len(held_out))
    random = np.random.RandomState(0)
    medians = [
        float(np.median(_nearest(samples, random.permutation(rows)[:compared])))
        for rows in (training, held_out)
    ]
    unseen = _nearest(held_out, training)
    return replace(
        result,
        held_out_share=float(np.mean(unseen < threshold)),
        median_to_training=medians[0],
        median_to_held_out=medians[1],
        compared=compared,
    )


def neighbour_picture(
    samples: np.ndarray, training: np.ndarray, neighbours: np.ndarray
) -> np.ndarray:
    """Lays out samples beside their nearest training images.

    Args:
        samples: uint8 (S, R, R, 3), shown in the first column.
        training: uint8 (T, R, R, 3), in the order of the features.
        neighbours: (S, k) indices from `memorisation`, the next k columns.

    Returns:
        uint8 (S R, (1 + k) R, 3).

    Raises:
        UserError: not images, unlike resolutions, or indices that do not fit.
    """
    check_images(samples, "samples")
    rows, k = neighbours.shape
    if neighbours.min() < 0 or neighbours.max() >= len(training):
        raise UserError(
            f"`neighbours` must be in [0, {len(training)}). Received: up to "
            f"{neighbours.max()}. Pass the images that the features are of."
        )
    shown = training[neighbours.ravel()]
    check_images(shown, "training images")
    if len(samples) != rows or samples.shape[1:] != shown.shape[1:]:
        raise UserError(
            "`samples` must be one for each row of `neighbours`, at the "
            f"training images' resolution. Received: {samples.shape} for "
            f"{rows} rows and {shown.shape[1:]}."
        )
    size = samples.shape[1]
    grid = np.concatenate(
        [samples[:, None], shown.reshape(rows, k, size, size, 3)], axis=1
    )
    return grid.swapaxes(1, 2).reshape(rows * size, (1 + k) * size, 3)


def _nearest(queries: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.sqrt(nearest_neighbours(queries, points, 1)[0][:, 0])


def _check(values: np.ndarray, what: str, training: np.ndarray) -> np.ndarray:
    values = check_matrix(values, what, 1)
    if values.shape[1] != training.shape[1]:
        raise UserError(
            f"{what} must have the width {training.shape[1]} of the training "
            f"images. Received: {values.shape[1]}. Use one feature network."
        )
    return values
