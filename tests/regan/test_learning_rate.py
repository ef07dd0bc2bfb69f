"""Learning rates by hand, with and without updates of lazy penalties."""

import numpy as np
import pytest

from regan_tf.regan.learning_rate import SwitchableDecay


def _steps_of_updates(steps, updates_per_step, every):
    """The training step of each update, in the order they are made."""
    made = []
    for step in range(steps):
        made += [step] * updates_per_step
        made += [step] * bool(every and step % every == 0)
    return made


@pytest.mark.parametrize("every", [None, 1, 2, 4, 16])
@pytest.mark.parametrize("updates_per_step", [1, 5])
def test_the_rate_decays_with_steps_not_updates(updates_per_step, every):
    rate = SwitchableDecay(1.0, 100, updates_per_step, every)
    steps = _steps_of_updates(48, updates_per_step, every)
    found = [float(rate(np.int64(update))) for update in range(len(steps))]
    np.testing.assert_allclose(found, 1 - np.array(steps) / 100, rtol=1e-6)


def test_the_rate_of_a_step_is_that_of_its_first_update():
    rate = SwitchableDecay(0.5, 10, 2, lazy_every=4)
    rate.factor.assign(0.1)
    found = [rate.at(step) for step in range(11)]
    np.testing.assert_allclose(
        found, 0.05 * (1 - np.arange(11) / 10), atol=1e-9
    )
