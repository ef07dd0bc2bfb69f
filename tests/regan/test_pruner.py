"""Pruning and regrowing of a small model."""

import keras
import numpy as np
import pytest

from regan_tf import MaskedDense, Pruner, UserError


def _model(beta1=0.0, kernel=None):
    model = keras.Sequential(
        [keras.Input((4,)), MaskedDense(5, name="a"), MaskedDense(1, name="b")]
    )
    optimizer = keras.optimizers.Adam(0.1, beta_1=beta1)
    optimizer.build(model.trainable_variables)
    if kernel is not None:
        model.layers[0]._kernel.assign(kernel)
    return model, optimizer


def test_pruned_entries_are_written_to_zero():
    kernel = np.arange(1, 21, dtype=np.float32).reshape(4, 5)
    model, optimizer = _model(kernel=kernel)
    Pruner(model, optimizer).prune(0.3)
    stored = model.layers[0]._kernel.numpy()
    np.testing.assert_array_equal(stored == 0, kernel <= 6)
    np.testing.assert_array_equal(
        model.layers[0].kernel_mask.numpy() == 0, kernel <= 6
    )


def test_first_moments_are_zeroed_and_second_kept():
    model, optimizer = _model(beta1=0.5)
    ones = [np.ones(v.shape, "f") for v in model.trainable_variables]
    optimizer.apply(ones)
    second = [v.numpy() for v in optimizer._velocities]
    Pruner(model, optimizer).prune(0.5)
    mask = model.layers[0].kernel_mask.numpy()
    np.testing.assert_array_equal(optimizer._momentums[0].numpy(), 0.5 * mask)
    np.testing.assert_array_equal(optimizer._velocities[0].numpy(), second[0])
    assert int(optimizer.iterations.numpy()) == 1


@pytest.mark.parametrize(
    "optimizer",
    [
        *(keras.optimizers.Adam(0.1, beta_1=beta1) for beta1 in (0.0, 0.9)),
        keras.optimizers.Adamax(0.1),
        keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        keras.optimizers.RMSprop(0.1, momentum=0.9),
    ],
    ids=["no_beta1", "adam", "adamax", "sgd", "rmsprop"],
)
def test_pruned_entries_stay_zero_while_training(optimizer):
    model, _ = _model()
    model.compile(optimizer, "mse")
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("f")
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    pruner = Pruner(model, model.optimizer)
    pruner.prune(0.5)
    model.fit(x, x[:, :1], epochs=5, verbose=0)
    for layer in model.layers:
        zero = layer.kernel_mask.numpy() == 0
        assert np.all(layer._kernel.numpy()[zero] == 0)
        assert np.all(layer._kernel.numpy()[~zero] != 0)


def test_averages_follow_the_mask():
    model, optimizer = _model()
    average = keras.models.clone_model(model)
    average.set_weights([np.ones_like(w) for w in model.get_weights()])
    pruner = Pruner(model, optimizer, averages=[average])
    pruner.prune(0.5)
    mask = model.layers[0].kernel_mask.numpy()
    np.testing.assert_array_equal(average.layers[0]._kernel.numpy(), mask)
    np.testing.assert_array_equal(average.layers[0].kernel_mask.numpy(), mask)
    pruner.regrow(10)
    assert np.all(average.layers[0].kernel_mask.numpy() == 1)


def test_regrows_from_zero():
    model, optimizer = _model()
    pruner = Pruner(model, optimizer)
    pruner.prune(0.5)
    pruned = model.layers[0]._kernel.numpy() == 0
    pruner.regrow(10)
    assert np.all(model.layers[0].kernel_mask.numpy() == 1)
    assert np.all(model.layers[0]._kernel.numpy()[pruned] == 0)


def test_random_regrowth_draws_from_the_initialiser_repeatably():
    drawn = []
    for step in (10, 10, 11):
        model, optimizer = _model(kernel=np.full((4, 5), 9.0))
        pruner = Pruner(model, optimizer, regrow="random", seed=3)
        pruner.prune(0.5)
        pruned = model.layers[0].kernel_mask.numpy() == 0
        pruner.regrow(step)
        stored = model.layers[0]._kernel.numpy()
        assert np.all(stored[~pruned] == 9)
        assert np.all((stored[pruned] != 0) & (np.abs(stored[pruned]) < 1))
        drawn.append(stored[pruned])
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert np.all(drawn[0] != drawn[2])


def test_excluded_layers_keep_their_weights():
    model, optimizer = _model()
    pruner = Pruner(model, optimizer, exclude=["b"])
    pruner.prune(0.8)
    assert pruner.num_prunable == 20
    assert np.all(model.layers[1].kernel_mask.numpy() == 1)


def test_report_counts_by_hand():
    kernel = np.arange(1, 21, dtype=np.float32).reshape(4, 5)
    model, optimizer = _model(kernel=kernel)
    pruner = Pruner(model, optimizer, exclude=["b"])
    pruner.prune(0.1)  # entries 1 and 2
    pruner.regrow(1)
    model.layers[0]._kernel.assign(kernel[::-1])
    pruner.prune(0.1)  # the same values, in other places
    expected = {"asked": 0.1, "measured": 0.1, "changed": 0.2, "ever": 0.2}
    assert pruner.report() == pytest.approx(expected)


def test_random_regrowth_from_a_constant_initialiser():
    layer = MaskedDense(2, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((4,)), layer])
    pruner = Pruner(model, regrow="random")
    pruner.prune(0.5)
    pruner.regrow(1)
    np.testing.assert_array_equal(layer._kernel.numpy(), np.ones((4, 2)))


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        (keras.optimizers.Ftrl, "Ftrl"),
        (lambda: keras.optimizers.Adam(use_ema=True), "Adam with use_ema"),
        (
            lambda: keras.optimizers.SGD(gradient_accumulation_steps=2),
            "SGD with gradient_accumulation_steps",
        ),
    ],
    ids=["ftrl", "average", "accumulation"],
)
def test_refuses_optimisers_that_revive_pruned_weights(optimizer, said):
    with pytest.raises(ValueError, match=f"{said} moves weights"):
        Pruner(_model()[0], optimizer())


def test_refuses_what_cannot_be_pruned():
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(UserError, match="nothing to prune"):
        Pruner(plain)
    with pytest.raises(UserError, match="must name layers, of seq"):
        Pruner(_model()[0], exclude=["c"])
    with pytest.raises(ValueError, match="`regrow` must be"):
        Pruner(_model()[0], regrow="one")
