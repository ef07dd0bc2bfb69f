"""Durations, cross-checks and what a resume may change."""

import pytest

from regan_tf.config import differences
from regan_tf.duration import Duration
from regan_tf.errors import UserError
from tests.tiny import tiny_config


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("500", 500),
        ("0", 0),
        ("2ep", 25),  # 2·1,000 images, 80 a step
        ("0.5ep", 6),  # 6.25
        ("1kimg", 13),  # 12.5, rounded up
        ("0.001kimg", 1),
        ("0ep", 0),
    ],
)
def test_durations_in_steps(text, steps):
    duration = Duration.parse(text, "steps")
    assert duration.steps(images_per_step=80, num_images=1000) == steps


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "5 epochs", "1e3"])
def test_other_texts_are_refused(text):
    with pytest.raises(UserError, match="--steps must be"):
        Duration.parse(text, "steps")


def test_at_turns_every_duration_into_steps():
    config = tiny_config("--steps=2ep", "--warmup=1ep", "--eval_every=0").at(40)
    assert config.training.steps == 10  # 80 images, 2·4 a step
    assert config.method.warmup == 5
    assert config.output.eval_every == 0


def test_more_steps_than_can_be_planned():
    with pytest.raises(UserError, match="--steps must be at most 100,000,000"):
        tiny_config("--steps=1000000000000").at(40)


@pytest.mark.parametrize("word", ["--steps=0", "--update_interval=0ep"])
def test_lengths_that_must_be_positive(word):
    with pytest.raises(UserError, match="at least 1 step"):
        tiny_config(word).at(40)


def test_differences_ignore_what_may_change():
    old = tiny_config().at(40).as_dict()
    new = tiny_config("--steps=20", "--log_every=5").at(40).as_dict()
    assert differences(old, new) == []
    new = tiny_config("--seed=1").at(40).as_dict()
    assert differences(old, new) == [("training.seed", 0, 1)]
    del new["training.seed"]
    assert differences(old, new) == [("training.seed", 0, None)]
