"""Which images."""

from dataclasses import dataclass

from regan_tf.config.checks import check, check_choice
from regan_tf.data.known_sets import DATASETS, NEED_PATH, default_resolution
from regan_tf.errors import UserError


@dataclass(frozen=True)
class DataConfig:
    """Which images. Sides in pixels; `fraction` in (0, 1].

    `fraction` and `num_images` are of the images of `classes`, names of class
    folders; () for all.

    `resolution` is an int once made; None becomes the data set's own.
    """

    dataset: str
    path: str | None
    resolution: int | None
    fraction: float | None
    num_images: int | None
    skip_bad_images: bool
    flip: bool
    dequantize: bool
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_choice("dataset", self.dataset, DATASETS)
        if self.resolution is None:
            side = default_resolution(self.dataset)
            object.__setattr__(self, "resolution", side)  # it is frozen
        if self.dataset in NEED_PATH and not self.path:
            raise UserError(
                f"--dataset={self.dataset} needs --data_path=FOLDER_OR_ZIP. "
                "Received: no --data_path"
            )
        if self.dataset == "digits" and self.path:
            raise UserError(
                "--dataset=digits comes with scikit-learn and takes no "
                f"--data_path. Received: {self.path!r}; for own images pass "
                "--dataset=images"
            )
        if self.fraction is not None:
            check(
                0 < self.fraction <= 1,
                "data_fraction",
                "in (0, 1]",
                self.fraction,
            )
        if self.num_images is not None:
            check(
                self.num_images >= 1,
                "num_images",
                "at least 1",
                self.num_images,
            )
        if self.fraction is not None and self.num_images is not None:
            raise UserError(
                "--data_fraction and --num_images both choose a subset; "
                "pass one of them. Received: both"
            )
