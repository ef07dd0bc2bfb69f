"""Schedules of tensorflow-model-optimization."""

import subprocess
import sys

import pytest

from regan_tf.regan.tfmot_bridge import schedule_from_text
from regan_tf.regan.timetable import phases


def test_polynomial_follows_its_formula():
    schedule = schedule_from_text("polynomial(0,0.8,1000,2000)")
    assert schedule(1050) == (False, pytest.approx(0.8 * (1 - 0.95**3), 1e-4))
    assert schedule(1500) == (True, pytest.approx(0.8 * (1 - 0.5**3), 1e-4))
    assert schedule(2000) == (True, 0.8)
    assert schedule.next_change(0) == 1000
    assert schedule.next_change(1000) == 1100
    assert schedule.next_change(2000) > 10**9


def test_constant_prunes_every_hundred_steps():
    schedule = schedule_from_text("constant(0.5,200)")
    assert schedule.next_change(5) == 200
    assert schedule(300) == (True, 0.5)
    table = [(p.kind, p.start, p.end) for p in phases(schedule, 450)]
    assert table == [("warm-up", 0, 200), ("sparse", 200, 450)]


def test_keras_stays_keras_3_here_and_in_children():
    code = (
        "from regan_tf.regan.tfmot_bridge import schedule_from_text\n"
        "schedule_from_text('constant(0.5,1)')\n"
        "import os, tensorflow as tf\n"
        "print(tf.keras.__version__[0], 'TF_USE_LEGACY_KERAS' in os.environ)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split() == ["3", "False"]
