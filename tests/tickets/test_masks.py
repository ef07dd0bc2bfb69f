"""Masks of a round, by hand."""

import numpy as np
import pytest

from regan_tf.errors import UserError
from regan_tf.tickets.masks import check_removes, next_masks, prunable_kernels
from tests.tiny import config_of, tiny_config

KERNELS = {
    "generator/a/kernel": np.float32([[1, -8], [3, 4]]),
    "generator/b/kernel": np.float32([-0.5, 6, 0.25, 7]),
    "discriminator/a/kernel": np.float32([0.1, 0.2, 0.3, 0.4]),
}
ONES = {name: np.ones(k.shape, bool) for name, k in KERNELS.items()}


def _lists(masks):
    return {n: m.astype(int).tolist() for n, m in masks.items()}


def test_by_layer():
    masks = next_masks(KERNELS, ONES, 0.5, "layer")
    assert _lists(masks) == {
        "generator/a/kernel": [[0, 1], [0, 1]],
        "generator/b/kernel": [0, 1, 0, 1],
        "discriminator/a/kernel": [0, 0, 1, 1],
    }


def test_by_network():
    # Of the generator's 8 magnitudes 4 go: 0.25, 0.5, 1 and 3.
    masks = next_masks(KERNELS, ONES, 0.5, "global")
    assert _lists(masks) == {
        "generator/a/kernel": [[0, 1], [0, 1]],
        "generator/b/kernel": [0, 1, 0, 1],
        "discriminator/a/kernel": [0, 0, 1, 1],
    }
    masks = next_masks(KERNELS, ONES, 0.25, "global")
    assert _lists(masks) == {
        "generator/a/kernel": [[1, 1], [1, 1]],
        "generator/b/kernel": [0, 1, 0, 1],
        "discriminator/a/kernel": [0, 1, 1, 1],
    }


def test_survivors_alone_are_compared():
    before = ONES | {"generator/b/kernel": np.array([1, 0, 1, 0], bool)}
    masks = next_masks(KERNELS, before, 0.5, "global")
    # 6 and 7 are gone already; of the others 0.25 and 0.5 go.
    kept = "generator/a/kernel", "generator/b/kernel"
    # The largest of each kernel stays: 0.5; then 1 goes instead.
    assert [_lists(masks)[n] for n in kept] == [[[0, 1], [1, 1]], [1, 0, 0, 0]]


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_a_survivor_of_zero_does_not_bring_a_removed_one_back(scope):
    kernels = {"generator/a/kernel": np.float32([0, 5, 0, 0, 7, 8])}
    before = {"generator/a/kernel": np.array([1, 0, 1, 1, 1, 1], bool)}
    masks = next_masks(kernels, before, 1 / 3, scope)
    assert _lists(masks) == {"generator/a/kernel": [0, 0, 1, 1, 1, 1]}


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_a_ladder_is_nested_and_exact(scope):
    rng, masks = np.random.default_rng(0), ONES
    shapes = {"generator/a/kernel": (3, 3, 5, 4), "generator/b/kernel": (70,)}
    masks = {n: np.ones(s, bool) for n, s in shapes.items()}
    for removed in (0.2, 0.36, 0.488):
        kernels = {
            n: rng.normal(size=s).astype("f4") * masks[n]
            for n, s in shapes.items()
        }
        new = next_masks(kernels, masks, removed, scope)
        for name in shapes:
            assert not (new[name] & ~masks[name]).any()
        zeros = [int((~mask).sum()) for mask in new.values()]
        sizes = [180, 70]
        if scope == "global":
            zeros, sizes = [sum(zeros)], [sum(sizes)]
        assert zeros == [int(removed * n + 1e-9) for n in sizes]
        masks = new


def test_what_of_sngan_may_be_pruned():
    config = config_of(
        "--flagfile=configs/sngan_ticket20.flags", "--prune=both"
    ).at(50_000)
    sizes = {"generator": 0, "discriminator": 0}
    for name, shape in prunable_kernels(config).items():
        sizes[name.partition("/")[0]] += int(np.prod(shape))
    # Chen et al.'s code: convolutions only, of both networks.
    assert sizes == {"generator": 3_742_464, "discriminator": 1_052_416}


def test_names_tell_the_networks_apart():
    words = "--method=ticket", "--rounds=1", "--prune=both"
    names = list(prunable_kernels(tiny_config(*words).at(40)))
    assert "generator/dense/kernel" in names
    assert "discriminator/dense/kernel" in names
    assert len(names) == len(set(names)) == 11 + 11


@pytest.mark.parametrize(
    ("scope", "least"), [("layer", 1 / 8), ("global", 1 / 12)]
)
def test_a_round_removes_at_least_a_weight(scope, least):
    kernels = {"generator/a": (2, 4), "generator/b": (4,)}
    check_removes(kernels, least, scope)
    with pytest.raises(UserError, match="a weight in the first round"):
        check_removes(kernels, 0.99 * least, scope)
