"""Stages of training: timetables by hand, and those that cannot be."""

import json

import pytest

from regan_tf.config import config_from_dict, differences
from regan_tf.errors import UserError
from regan_tf.regan.schedule import AlternatingSchedule, EachStage
from regan_tf.regan.timetable import phases
from regan_tf.stages import Piece, Stages, View, make_stages, resolutions_to
from tests.tiny import config_of, tiny_config

PROGAN = (
    "--arch=progan",
    "--resolution=16",
    "--stage_lengths=10,20",
    "--stage_batch_sizes=8,4",
    "--batch_size=2",
    "--generator_batch_size=2",
    "--fade_kimg=0.02",
    "--steps=100",
    "--critic_steps=1",
)


def _stages(*words) -> Stages:
    return tiny_config(*PROGAN, *words).at(40).stages


def test_timetable_by_hand():
    four, eight, sixteen = _stages()
    assert (four.start, four.fade_end, four.end) == (0, 0, 10)
    assert (eight.start, eight.fade_end, eight.end) == (10, 15, 30)
    assert (sixteen.start, sixteen.fade_end, sixteen.end) == (30, 40, 100)
    assert [s.batch_size for s in (four, eight, sixteen)] == [8, 4, 2]
    assert [s.images_before for s in (four, eight, sixteen)] == [0, 80, 160]
    pieces = [(p.view, p.start, p.end) for p in _stages().pieces]
    assert pieces == [
        (View(4), 0, 10),
        (View(8, True), 10, 15),
        (View(8), 15, 30),
        (View(16, True), 30, 40),
        (View(16), 40, 100),
    ]


def test_images_shown():
    stages = _stages()
    shown = {0: 0, 10: 80, 11: 84, 30: 160, 31: 162, 100: 300}
    for step, images in shown.items():
        assert stages.images_at(step) == images
    assert stages.piece_at(9).view == View(4)
    assert stages.piece_at(10).view == View(8, True)
    assert stages.piece_at(500).view == View(16)  # beyond the end: the last


def test_lengths_in_images_and_epochs_count_each_stage_s_batches():
    words = "--stage_lengths=0.08kimg,2ep", "--steps=0.3kimg"
    config = tiny_config(*PROGAN, *words).at(40)
    assert config.training.stage_lengths == (10, 20)
    assert config.training.steps == 100
    assert tiny_config(*PROGAN, "--steps=7.5ep").at(40).training.steps == 100


def test_others_have_one_stage():
    config = tiny_config("--steps=7").at(40)
    (stage,) = config.stages
    assert config.stages.pieces == [Piece(stage, View(32), 0, 7)]
    assert stage.images_per_step == 8  # two critic updates with 4 images
    assert resolutions_to(64) == (4, 8, 16, 32, 64)
    assert resolutions_to(4) == (4,)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps=30"], "must reach 16 pixels.*has 0 steps; raise --steps"),
        (["--steps=0.1kimg"], "must reach 16 pixels"),
        (["--fade_kimg=0.08"], "8-pixel stage must leave its fade-in of 20"),
        (["--steps=40"], "16-pixel stage must leave.*raise --steps"),
        (["--stage_lengths=1,2,3"], "2 values, of the stages before 16"),
        (["--stage_batch_sizes=a,b"], "must be integers"),
        (["--resolution=48"], "one of 4, 8, 16, 32, 64 for --arch=progan"),
        (["--arch=sngan", "--resolution=32"], "no earlier stage"),
        (["--resolution=64", "--generator_width=3"], "a multiple of 2 at 64"),
        (
            [
                "--progan_variant=karras",
                "--batch_size=6",
                "--generator_batch_size=6",
            ],
            "multiples of 4 for --arch=progan --progan_variant=karras",
        ),
    ],
)
def test_refuses(words, message):
    with pytest.raises(UserError, match=message):
        tiny_config(*PROGAN, *words).at(40)


def test_two_images_of_a_stage_need_steps():
    with pytest.raises(UserError, match="has 0 steps"):
        make_stages(
            (4, 8),
            (2, 2),
            (0, 5),
            fade_images=0,
            critic_steps=1,
            fakes_per_image=1,
        )


def test_phases_count_from_the_last_stage():
    schedule = EachStage(AlternatingSchedule(0.1, 10, 5), (30,))
    table = [(p.kind, p.start, p.end) for p in phases(schedule, 55)]
    assert table == [
        ("warm-up", 0, 40),
        ("sparse", 40, 45),
        ("dense", 45, 50),
        ("sparse", 50, 55),
    ]
    assert schedule.next_change(0) in (30, 40)
    assert schedule.ends_phase(55)


def test_phases_start_anew_in_each_stage():
    schedule = EachStage(AlternatingSchedule(0.1, 2, 3), (0, 10, 20))
    kinds = "".join(schedule.kind(s)[0] for s in range(24))
    assert kinds == "wwsssdddss" * 2 + "wwss"
    changes = [s for s in range(24) if schedule(s)[0]]
    assert changes == [0, 2, 5, 8, 10, 12, 15, 18, 20, 22]
    assert schedule(10) == (True, 0.0)
    factors = [schedule.lr_factor(s) for s in (4, 5, 10)]
    assert factors == [1.0, 0.1, 1.0]
    step, seen = -1, []
    while step < 23:
        step = schedule.next_change(step)
        seen.append(step)
    assert set(changes) <= set(seen)


def test_variant_is_progan_s():
    config = config_of("--arch=progan", "--progan_variant=karras")
    assert config.network.arch == "progan_karras"
    with pytest.raises(UserError, match="is for --arch=progan"):
        config_of("--arch=sngan", "--progan_variant=karras")


def test_a_run_recorded_before_stages_still_resumes():
    config = tiny_config("--steps=7").at(40).as_dict()
    later = "stage_lengths stage_batch_sizes fade_kimg drift gradient_penalty"
    left_out = {f"training.{n}" for n in later.split()}
    left_out |= {"method.regan_stages"}
    recorded = {k: v for k, v in config.items() if k not in left_out}
    assert len(recorded) == len(config) - 6
    recorded = json.loads(json.dumps(recorded))
    assert differences(recorded, config) == []
    assert config_from_dict(recorded).as_dict() == config


def test_fakes_of_earlier_stages_are_whole():
    words = "--batch_size=8", "--generator_batch_size=2"
    with pytest.raises(
        UserError, match=r"2 real images has .* fakes, not 0\.5"
    ):
        tiny_config(*PROGAN, *words, "--stage_batch_sizes=2")
    small = [w for w in PROGAN if "generator_batch" not in w]
    follows = config_of(*small, "--batch_size=16", "--warmup=1")
    assert follows.training.generator_batch_size == 16
