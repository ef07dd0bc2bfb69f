"""Training cost against counts by hand, on layers of round figures."""

import json
import subprocess
import sys

import pytest

from regan_tf.errors import UserError
from regan_tf.metrics.cost import Flops, steps_by_sparsity, training_cost
from regan_tf.metrics.flops import LayerCost
from tests.tiny import tiny_config

# 10 kernel entries of 30 MACs under a mask, and 5 of 20 MACs without.
MASKED = LayerCost("conv", "conv", 10, 10, 30, True)
PLAIN = LayerCost("dense", "dense", 5, 5, 20, False)
GENERATOR = [MASKED, PLAIN]
DISCRIMINATOR = [LayerCost("conv", "conv", 7, 7, 7, False)]


def _config(*words):
    """Ten steps: 2 of warm-up, then 2 sparse and 2 dense in turn."""
    return tiny_config("--generator_batch_size=3", *words).at(40)


def _cost(*words, generator=GENERATOR, steps=None):
    return training_cost(
        _config(*words), lambda view: (generator, DISCRIMINATOR), steps
    )


def test_dense_run_by_hand():
    cost = _cost("--prune=none", "--steps=10")
    # A step: 2 critic updates on 4 real images and 4 fakes, one generator
    # update on 3 fakes; 50 and 7 MACs an image, 2 FLOPs each.
    generator = 2 * 50 * 10
    discriminator = 2 * 7 * 10
    assert cost.dense.as_dict() == {
        "generator_forward": generator * (2 * 4 + 3),
        "generator_backward": generator * 2 * 3,
        "discriminator_forward": discriminator * (2 * 8 + 3),
        # Without the weights' gradient in the generator update.
        "discriminator_backward": discriminator * (2 * 2 * 8 + 3),
        "total": 1000 * 17 + 140 * 54,
    }
    assert cost.weighted == cost.dense
    assert (cost.steps, cost.sparse_steps, cost.images_shown) == (10, 0, 80)


def test_sparse_phases_cost_what_masks_keep():
    cost = _cost("--sparsity=0.25")
    # Steps 2, 3, 6 and 7 of ten are sparse; floor(2.5) of 10 entries go.
    assert cost.sparse_steps == 4
    macs = 6 * 50 + 4 * (30 * 8 // 10 + 20)
    assert cost.weighted.generator_forward == 2 * macs * 11
    assert cost.weighted.generator_backward == 2 * macs * 6
    assert cost.weighted.discriminator_forward == (
        cost.dense.discriminator_forward
    )
    assert cost.dense == _cost("--prune=none").dense


def test_excluded_layers_stay_dense():
    cost = _cost("--mask_exclude=conv")
    assert cost.weighted == cost.dense


@pytest.mark.parametrize(
    ("steps", "counts"),
    [
        (0, {}),
        (2, {0.0: 2}),
        (3, {0.0: 2, 0.1: 1}),
        (5, {0.0: 3, 0.1: 2}),
        (None, {0.0: 6, 0.1: 4}),
    ],
)
def test_counts_until_a_step(steps, counts):
    assert steps_by_sparsity(_config(), steps) == counts
    cost = _cost(steps=steps)
    assert cost.steps == sum(counts.values())
    assert cost.images_shown == 8 * cost.steps


def test_rising_sparsity_is_followed_turn_by_turn():
    schedule = "--sparsity_schedule=polynomial(0,0.8,100,300)"
    counts = steps_by_sparsity(_config(schedule, "--steps=350"))
    # 0.8·(1 − (1 − t)³) at t = 0, ½ and 1, from steps 100, 200, 300.
    assert counts == {0.0: 200, 0.7: 100, 0.8: 50}


@pytest.mark.parametrize(
    ("method", "counts"),
    [
        ("acdc", {0.0: 4, 0.1: 6}),  # steps 2, 3 and from 6 on
        ("one_shot", {0.0: 2, 0.1: 8}),
        ("random", {0.0: 2, 0.1: 8}),
        ("set", {0.0: 2, 0.1: 8}),
        ("rigl", {0.0: 2, 0.1: 8}),
        ("gmp", {0.0: 4, 0.0875: 2, 0.1: 4}),
    ],
)
def test_steps_of_other_methods(method, counts):
    assert steps_by_sparsity(_config(f"--method={method}")) == counts


@pytest.mark.parametrize("steps", [4, 5, 10])
def test_gradients_of_rigl_by_hand(steps):
    words = "--method=rigl", "--sparsity=0.25"
    cost, without = (
        _cost(words[0].replace("rigl", method), words[1], steps=steps)
        for method in ("rigl", "set")
    )
    # Of masks made before steps 2, 4 and 6 the first need no gradient.
    passes = {4: 0, 5: 1, 10: 2}[steps]
    fakes, kept, full, other = 3, 30 * 8 // 10 + 20, 50, 7

    def more(name, sums="weighted"):
        a, b = (getattr(x, sums).as_dict()[name] for x in (cost, without))
        return a - b

    assert more("generator_forward") == passes * fakes * 2 * kept
    # Gradients of the inputs under masks, of the weights without.
    assert more("generator_backward") == passes * fakes * 2 * (kept + full)
    assert more("discriminator_forward") == passes * fakes * 2 * other
    assert more("discriminator_backward") == passes * fakes * 2 * other
    dense = passes * fakes * (2 * 3 * full + 2 * 2 * other)
    assert more("total", "dense") == dense


def test_gradients_of_a_discriminator_under_rigl():
    stage = _config().stages.last
    flops = Flops.of_gradient("discriminator", stage, (50, 7), 10)
    # Four real images and four fakes.
    assert flops == Flops(2 * 50 * 4, 0, 2 * 7 * 8, 2 * (7 + 10) * 8)


def test_papers_convention_where_it_is_identified():
    # Table 4: SNGAN's 1.01e17 FLOPs at 30M images.
    sngan = [LayerCost("all", "conv", 1, 1, 1_681_129_472, False)]
    words = "--prune=none", "--critic_steps=5", "--batch_size=64"
    config = tiny_config(*words, "--steps=93750").at(40)
    cost = training_cost(config, lambda view: (sngan, DISCRIMINATOR))
    assert cost.images_shown == 30_000_000
    assert cost.paper_run == cost.paper_dense == 2 * 1_681_129_472 * 30_000_000
    assert f"{cost.paper_run:.3g}" == "1.01e+17"
    fused = training_cost(
        config,
        lambda view: (GENERATOR, DISCRIMINATOR),
        published_macs=1_681_129_472,
    )
    assert fused.paper_run == cost.paper_run


def test_papers_convention_where_it_is_not(monkeypatch):
    cost = _cost()
    assert cost.paper_dense == 2 * 50 * 80
    assert cost.paper_run is None
    assert "unpruned 8000, this run not identified" in str(cost)
    monkeypatch.setattr("regan_tf.metrics.cost._PAPER_KNOWN", ())
    assert _cost("--prune=none").paper_run is None
    assert "unpruned not identified" in str(_cost())


def test_record_is_json():
    cost = _cost()
    record = json.loads(json.dumps(cost.as_dict()))
    assert record["kind"] == "theoretical"
    assert record["dense"]["total"] == cost.dense.as_dict()["total"]
    assert record["paper_run"] is None
    assert record["images_shown"] == 80
    assert str(cost).startswith("theoretical training FLOPs of 10 steps")


def test_refuses_misuse():
    with pytest.raises(UserError, match=r"config\.at"):
        training_cost(tiny_config(), lambda view: (GENERATOR, DISCRIMINATOR))
    for steps in -1, 11:
        with pytest.raises(UserError, match=f"steps={steps}"):
            _cost(steps=steps)
    with pytest.raises(UserError, match="needs masks in the generator"):
        _cost(generator=[PLAIN])
    with pytest.raises(UserError, match="needs masks in the discriminator"):
        _cost("--prune=both")


def test_importable_without_tensorflow():
    code = (
        "import sys, regan_tf.metrics.cost as c; "
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
