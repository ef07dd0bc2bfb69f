"""Schedules: when and how much."""

import pytest

from regan_tf.errors import UserError
from regan_tf.regan.schedule import (
    AlternatingSchedule,
    GeneralSchedule,
    as_schedule,
    check_timetable,
    parse_schedule,
    phases,
)

SCHEDULE = AlternatingSchedule(0.1, warmup=3, interval=2)


def test_phases_alternate_after_the_warm_up():
    kinds = [SCHEDULE.kind(step)[0] for step in range(10)]
    assert "".join(kinds) == "wwwssddssd"


def test_masks_change_at_the_first_step_of_each_phase():
    turns = [step for step in range(10) if SCHEDULE(step)[0]]
    assert turns == [3, 5, 7, 9]
    assert [SCHEDULE(step)[1] for step in turns] == [0.1, 0.0, 0.1, 0.0]


def test_next_change_names_the_next_turn():
    changes = [SCHEDULE.next_change(step) for step in range(8)]
    assert changes == [3, 3, 3, 5, 5, 7, 7, 9]


def test_learning_rate_drops_in_dense_phases_only():
    factors = [SCHEDULE.lr_factor(step) for step in range(9)]
    assert factors == [1, 1, 1, 1, 1, 0.1, 0.1, 1, 1]


def test_no_warm_up_starts_sparse():
    schedule = AlternatingSchedule(0.5, warmup=0, interval=1)
    assert schedule(0) == (True, 0.5)
    assert schedule(1) == (True, 0.0)


@pytest.mark.parametrize(
    "changes",
    [{"sparsity": 0}, {"sparsity": 1}, {"warmup": -1}, {"interval": 0}],
)
def test_refuses_values_out_of_range(changes):
    values = {"sparsity": 0.1, "warmup": 1, "interval": 1} | changes
    with pytest.raises(ValueError, match="Received"):
        AlternatingSchedule(**values)


def test_timetable_covers_the_run_and_marks_what_is_cut_off():
    table = list(phases(SCHEDULE, 8))
    spans = [(p.kind, p.start, p.end, p.complete) for p in table]
    assert spans == [
        ("warm-up", 0, 3, True),
        ("sparse", 3, 5, True),
        ("dense", 5, 7, True),
        ("sparse", 7, 8, False),
    ]
    assert [p.lr_factor for p in table] == [1, 1, 0.1, 1]


@pytest.mark.parametrize("steps", [1, 3, 4])
def test_refuses_a_run_without_a_complete_sparse_phase(steps):
    with pytest.raises(UserError, match="no sparse phase"):
        check_timetable(SCHEDULE, steps)
    check_timetable(SCHEDULE, 5)


def test_refuses_a_run_without_a_dense_phase():
    schedule = AlternatingSchedule(0.1, warmup=0, interval=4)
    with pytest.raises(UserError, match="no dense phase"):
        check_timetable(schedule, 4)
    check_timetable(schedule, 5)


def test_any_callable_serves():
    schedule = as_schedule(lambda step: (step in (4, 6), 0.25))
    assert isinstance(schedule, GeneralSchedule)
    assert schedule.next_change(0) == 4
    table = list(phases(schedule, 10))
    assert [(p.kind, p.start, p.end) for p in table] == [
        ("warm-up", 0, 4),
        ("sparse", 4, 10),
    ]


def test_parses_schedules():
    assert parse_schedule("polynomial(0, 0.8,10,500)") == (
        "polynomial",
        (0, 0.8, 10, 500),
    )
    assert parse_schedule("constant(0.5,100)") == ("constant", (0.5, 100))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cubic(1)",
        "polynomial",
        "polynomial(0,0.8,1000)",
        "polynomial(0,1.0,10,20)",
        "polynomial(0,0.8,20,10)",
        "polynomial(0,0,10,20)",
        "polynomial(0,x,10,20)",
        "constant(0.5,-1)",
        "constant(0.5,1.5)",
        "constant(__import__('os'),1)",
    ],
)
def test_refuses_other_texts(text):
    with pytest.raises(UserError, match="sparsity_schedule must be"):
        parse_schedule(text)
