"""Schedules: when and how much."""

import sys

import pytest

from regan_tf.errors import UserError
from regan_tf.regan.methods import make_schedule
from regan_tf.regan.schedule import (
    AlternatingSchedule,
    EachStage,
    GeneralSchedule,
    as_schedule,
    parse_schedule,
)
from regan_tf.regan.steady import SteadySchedule
from regan_tf.regan.timetable import check_timetable, phases, turns
from tests.tiny import tiny_config

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


def test_says_when_masks_first_change():
    schedule = AlternatingSchedule(0.1, warmup=0, interval=4)
    with pytest.raises(UserError, match="first change at step 0"):
        check_timetable(schedule, 3)


def test_a_stage_that_starts_in_a_dense_phase_warms_up_at_the_whole_rate():
    inner = AlternatingSchedule(0.1, warmup=2, interval=3)
    table = list(phases(EachStage(inner, (0, 6)), 9))
    assert [(p.kind, p.start, p.end, p.lr_factor) for p in table] == [
        ("warm-up", 0, 2, 1),
        ("sparse", 2, 5, 1),
        ("dense", 5, 6, 0.1),
        ("warm-up", 6, 8, 1),
        ("sparse", 8, 9, 1),
    ]


def test_any_callable_serves():
    schedule = as_schedule(lambda step: (step in (4, 6), 0.25))
    assert isinstance(schedule, GeneralSchedule)
    assert schedule.next_change(0) == 4
    table = list(phases(schedule, 10))
    assert [(p.kind, p.start, p.end) for p in table] == [
        ("warm-up", 0, 4),
        ("sparse", 4, 10),
    ]


def test_acdc_stays_sparse_from_the_last_whole_phase():
    # Warm-up of 10, phases of 20: the authors' CIFAR-10 run of 200 prunes at
    # 10, 50, 90, 130 and 170 and restores at 30, 70, 110 and 150.
    config = tiny_config(
        *"--method=acdc --steps=200 --warmup=10 --update_interval=20".split()
    ).at(40)
    schedule = make_schedule(config)
    made = list(turns(schedule, 200))
    assert [step for step, sparsity in made if sparsity] == list(
        range(10, 171, 40)
    )
    assert [step for step, sparsity in made if not sparsity] == list(
        range(30, 151, 40)
    )
    last = list(phases(schedule, 200))[-1]
    assert (last.kind, last.start, last.end) == ("sparse", 170, 200)
    assert last.complete and last.lr_factor == 1
    assert schedule.next_change(170) == sys.maxsize


@pytest.mark.parametrize(("steps", "start"), [(7, 2), (8, 6), (11, 6)])
def test_the_last_phase_of_acdc_is_whole(steps, start):
    words = "--method=acdc", f"--steps={steps}", "--warmup=2"
    config = tiny_config(*words, "--update_interval=2").at(40)
    last = list(phases(make_schedule(config), steps))[-1]
    assert (last.kind, last.start, last.end) == ("sparse", start, steps)


def _steps_of(method, *words):
    base = "--steps=100", "--warmup=10", "--update_interval=20"
    config = tiny_config(f"--method={method}", *base, *words).at(40)
    return list(turns(make_schedule(config), 100))


def test_gmp_follows_the_formula_to_three_quarters_of_the_run():
    # From 10 to the last turn until 75, 70: t = 0, 1/3, 2/3 and 1.
    made = _steps_of("gmp", "--sparsity=0.6")
    assert [step for step, _ in made] == [10, 30, 50, 70]
    formula = [0.6 * (1 - (1 - i / 3) ** 3) for i in range(4)]
    assert [s for _, s in made] == pytest.approx(formula, abs=1e-6)


def test_steady_methods():
    assert _steps_of("one_shot") == _steps_of("random") == [(10, 0.1)]
    assert _steps_of("set") == [(step, 0.1) for step in (10, 30, 50, 70)]
    assert _steps_of("rigl", "--warmup=0")[0] == (0, 0.1)
    # Three quarters of the run is step 75, and masks change before it.
    assert _steps_of("rigl", "--warmup=15")[-1] == (55, 0.1)
    schedule = SteadySchedule(0.5, begin=3)
    assert schedule(2) == (False, 0.0) and schedule(4) == (False, 0.5)
    assert [schedule.kind(step) for step in (2, 3)] == ["warm-up", "sparse"]
    check_timetable(schedule, 4)
    check_timetable(SteadySchedule(0.5, begin=0), 4)  # sparse alone
    with pytest.raises(UserError, match="masks first change at step 3"):
        check_timetable(schedule, 3)


@pytest.mark.parametrize("method", ["gmp", "set", "rigl"])
def test_refuses_a_run_whose_masks_never_change_again(method):
    with pytest.raises(UserError, match="must change masks again before thre"):
        _steps_of(method, "--warmup=60")


def test_other_methods_begin_in_the_last_stage():
    words = "--arch=progan --resolution=32 --stage_lengths=10 --fade_kimg=0"
    config = tiny_config(
        *words.split(),
        *"--method=set --update_interval=20 --warmup=5 --steps=100".split(),
    ).at(40)
    start = config.stages.last.start
    made = [step for step, _ in turns(make_schedule(config), 100)]
    end = start + 3 * (100 - start) // 4
    assert made == list(range(start + 5, end, 20))


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
