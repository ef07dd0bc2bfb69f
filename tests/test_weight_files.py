"""Files of masks and weights: what fits, what does not, what they hold."""

from types import SimpleNamespace

import numpy as np
import pytest

from regan_tf.errors import UserError
from regan_tf.weight_files import (
    contents,
    load_masks,
    load_weights,
    save_arrays,
    with_measured_sparsity,
)
from tests.tiny import tiny_config

SHAPES = {"generator/a/kernel": (2, 2), "generator/b/kernel": (3,)}
MASKS = {
    "generator/a/kernel": np.array([[1, 0], [1, 1]], bool),
    "generator/b/kernel": np.array([0, 1, 1], bool),
}


def _saved(tmp_path, **changes):
    path = str(tmp_path / "file.npz")
    arrays = MASKS | {f"generator/{k}/kernel": v for k, v in changes.items()}
    save_arrays(path, {n: a for n, a in arrays.items() if a is not None})
    return path


def test_what_is_saved_is_loaded(tmp_path):
    masks = load_masks(_saved(tmp_path), SHAPES)
    assert list(masks) == list(SHAPES)
    for name, mask in masks.items():
        assert mask.dtype == bool
        np.testing.assert_array_equal(mask, MASKS[name])
    weights = load_weights(_saved(tmp_path, b=np.float64([1, 2, 3])), SHAPES)
    assert weights["generator/b/kernel"].dtype == np.float32
    assert [p.name for p in tmp_path.iterdir()] == ["file.npz"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"a": None}, "2 names. Received: .* without generator/a/kernel"),
        ({"c": np.ones(2)}, "for no other. Received: .* with generator/c/ker"),
        ({"b": np.ones(4)}, r"shape \(4,\) instead of \(3,\)"),
        ({"b": np.array([0, 1, 2])}, "zeros and ones. .* in generator/b/ker"),
        ({"b": np.array([0, 0.5, 1])}, "zeros and ones"),
        ({"b": np.array([0, np.nan, 1])}, "zeros and ones"),
        ({"b": np.array(["0", "1", "1"])}, "must hold numbers. .* dtype <U1"),
    ],
)
def test_masks_that_do_not_fit(tmp_path, changes, message):
    with pytest.raises(UserError, match=message) as error:
        load_masks(_saved(tmp_path, **changes), SHAPES)
    assert str(error.value).startswith("--masks must")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_must_be_finite(tmp_path, value):
    path = _saved(tmp_path, b=np.array([0, value, 1]))
    with pytest.raises(UserError, match=r"finite numbers. .* generator/b/ker"):
        load_weights(path, SHAPES)


@pytest.mark.parametrize("content", [None, b"", b"no zip", b"PK\x03\x04"])
def test_files_that_are_none(tmp_path, content):
    path = tmp_path / "masks.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"must be an .npz file") as error:
        load_masks(str(path), SHAPES)
    assert "\n" not in str(error.value)


def test_a_single_array_is_no_npz(tmp_path):
    path = tmp_path / "masks.npz"
    with open(path, "wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(UserError, match=r"must be an .npz file of arrays"):
        load_masks(str(path), SHAPES)


def test_content_is_compared_and_no_path(tmp_path):
    def content(folder, **changes):
        (tmp_path / folder).mkdir()
        path = _saved(tmp_path / folder, **changes)
        return contents(SimpleNamespace(masks=path, initial_weights=None))

    first = content("a")
    assert list(first) == ["method.masks_content"]
    assert content("b") == first
    assert content("c", b=np.float32([0, 1, 1])) == first  # as float
    assert content("d", b=np.array([1, 0, 1], bool)) != first
    assert content("e", b=np.array([[0, 1, 1]], bool)) != first


def test_the_sparsity_is_that_of_the_masks(tmp_path):
    path = _saved(tmp_path)
    config = tiny_config("--method=fixed", f"--masks={path}")
    assert with_measured_sparsity(config).method.sparsity == round(2 / 7, 12)
    assert with_measured_sparsity(tiny_config()) == tiny_config()


@pytest.mark.parametrize("value", [0, 1])
def test_masks_must_remove_some(tmp_path, value):
    full = {n[10]: np.full(s, value) for n, s in SHAPES.items()}
    config = tiny_config(
        "--method=fixed", f"--masks={_saved(tmp_path, **full)}"
    )
    with pytest.raises(UserError, match=f"keeps {7 * value} of 7"):
        with_measured_sparsity(config)
