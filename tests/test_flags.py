"""The command line: every mistake is one line, and nothing heavy loads."""

import subprocess
import sys
import time

import pytest

from regan_tf.errors import UserError
from regan_tf.flags import default_run_dir, expand_flagfiles
from tests.tiny import config_of, tiny_config

MISTAKES = [
    ("--nope=1", "Unknown command line flag 'nope'"),
    ("--steps=ten", "--steps must be a number of steps"),
    ("--steps=1.5", "--steps must be a number of steps"),
    ("--steps=-5", "--steps must be a number of steps"),
    ("--warmup=5xp", "--warmup must be a number of steps"),
    ("--arch=vgg", "--arch=vgg"),
    ("--dataset=mnist", "--dataset=mnist"),
    ("--dataset=images", "needs --data_path"),
    ("--dataset=ffhq", "--dataset=ffhq needs --data_path"),
    ("--data_path=x", "takes no --data_path"),
    ("--resolution=33", "--resolution must be one of 32, 48, 64"),
    ("--data_fraction=0", "--data_fraction must be in (0, 1]"),
    ("--data_fraction=0.5", "--data_fraction and --num_images"),
    ("--num_images=0", "--num_images must be at least 1"),
    ("--batch_size=0", "--batch_size must be at least 1"),
    ("--devices=3", "--batch_size must be a multiple of --devices=3"),
    ("--devices=-1", "--devices must be 0 (all) or more"),
    ("--learning_rate=0", "--learning_rate must be in (0, 1)"),
    ("--learning_rate=nan", "--learning_rate must be in (0, 1)"),
    ("--ema_decay=1", "--ema_decay must be in [0, 1)"),
    ("--seed=-1", "--seed must be in [0, 2147483648)"),
    ("--sparsity=1", "--sparsity must be in (0, 1)"),
    ("--sparsity=nan", "--sparsity must be in (0, 1)"),
    ("--grow_lr_factor=0", "--grow_lr_factor must be in (0, 1]"),
    ("--prune=all", "--prune=all"),
    ("--precision=float8", "--precision=float8"),
    ("--sparsity_schedule=cubic(1)", "--sparsity_schedule must be"),
    ("--keep_checkpoints=1", "--keep_checkpoints must be at least 2"),
    ("--eval_images=5", "--eval_images must be at least 10"),
    ("--generator_width=0", "--generator_width must be in [1, 4096]"),
    ("--flagfile=none.flags", "--flagfile must be a file of flags"),
    ("--flagfile=/bin/ls", "is not a readable text file"),
    ("word", "every argument must be a flag"),
]


@pytest.mark.parametrize(("word", "message"), MISTAKES)
def test_each_mistake_is_one_line(word, message):
    with pytest.raises(UserError) as error:
        tiny_config(word)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def _main(*words):
    start = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "train_main.py", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    result.seconds = time.monotonic() - start
    result.loaded = [
        line.rpartition("|")[2].strip()
        for line in result.stderr.splitlines()
        if line.startswith("import time:")
    ]
    result.said = [
        line
        for line in result.stderr.splitlines()
        if not line.startswith("import time:")
    ]
    return result


@pytest.mark.parametrize("word", ["--sparsity=2", "--nope", "--steps=0x"])
def test_a_mistake_exits_with_2_at_once(word):
    result = _main(word)
    assert result.returncode == 2
    assert len(result.said) == 1
    assert result.said[0].startswith("error: ")
    assert "tensorflow" not in result.loaded
    assert result.seconds < 2


def test_help_answers_at_once():
    result = _main("--help")
    assert "--update_interval" in result.stdout
    assert "tensorflow" not in result.loaded
    assert result.seconds < 2


def test_importing_the_package_is_lazy():
    code = "import sys, regan_tf; print('tensorflow' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


def test_flag_files_nest_beside_each_other(tmp_path):
    (tmp_path / "base.flags").write_text("# header\n--steps=5\n\n--seed=1\n")
    (tmp_path / "top.flags").write_text("--flagfile=base.flags\n--seed=2\n")
    words = expand_flagfiles([f"--flagfile={tmp_path / 'top.flags'}", "--x=1"])
    assert words == ["--steps=5", "--seed=1", "--seed=2", "--x=1"]


def test_a_flag_file_that_includes_itself_is_refused(tmp_path):
    path = tmp_path / "loop.flags"
    path.write_text(f"--flagfile={path}\n")
    with pytest.raises(UserError, match="includes itself"):
        expand_flagfiles([f"--flagfile={path}"])


def test_run_directory_is_named_after_the_flag_file():
    assert default_run_dir(["--flagfile=configs/sngan.flags"]) == "runs/sngan"
    assert default_run_dir(["--steps=1"]) == "runs/default"


def test_recipe_fills_what_is_not_given():
    config = tiny_config("--flip")
    assert config.data.flip is True
    assert config.training.beta2 == 0.9
    assert config.training.batch_size == 4
    assert tiny_config().training.loss == "hinge"


def test_published_sets_have_a_resolution_of_their_own():
    words = "--dataset=tiny_imagenet", "--data_path=somewhere"
    assert tiny_config(*words).data.resolution == 64
    assert tiny_config(*words, "--resolution=32").data.resolution == 32
    assert tiny_config().data.resolution == 32


def test_later_flags_win_over_the_flag_file():
    config = tiny_config("--flagfile=configs/sngan.flags", "--sparsity=0.5")
    assert config.method.sparsity == 0.5
    assert config.training.batch_size == 64


@pytest.mark.parametrize(
    ("prune", "expected"),
    [("generator", ("to_rgb",)), ("discriminator", ()), ("both", ("to_rgb",))],
)
def test_layers_that_a_recipe_leaves_out_are_the_generators(prune, expected):
    words = "--arch=stylegan2", f"--prune={prune}", "--run_dir=unused"
    assert config_of(*words).method.mask_exclude == expected
    given = config_of(*words, "--mask_exclude=mapping").method
    assert given.mask_exclude == ("mapping",)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--diffaugment=colour", "--diffaugment must be names"),
        ("--r1_gamma=-1", "--r1_gamma must be at least 0"),
        ("--r1_interval=0", "--r1_interval must be in"),
        ("--path_interval=1", "--path_interval must be in"),
        ("--path_length=2", "--path_length must be left out"),
        ("--perceptual_path=.", "--perceptual_path must be left out"),
        ("--perceptual_path=nowhere", "where there is nothing"),
        ("--apa_target=1", "--apa_target must be in"),
        ("--apa_kimg=0", "--apa_kimg must be a positive"),
        ("--ema_kimg=-1", "--ema_kimg must be at least 0"),
        ("--ema_kimg=1 --ema_decay=0.9", "both say how"),
        ("--ema_rampup=0.1", "--ema_rampup must be left out"),
        ("--arch=stylegan2 --batch_size=2", "such that all batches are mult"),
        ("--arch=stylegan2 --batch_size=6", "such that all batches are mult"),
        ("--arch=stylegan2 --resolution=48", "--resolution must be one of"),
        ("--arch=fastgan", "--resolution must be one of"),
    ],
)
def test_penalties_and_augmentation_out_of_range(words, message):
    with pytest.raises(UserError, match=message):
        config_of("--run_dir=unused", *words.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--method=magic", "--method=magic"),
        ("--prune_scope=world", "--prune_scope=world"),
        ("--method=gmp --regrow=random", "--regrow must be left out: only --m"),
        ("--method=acdc --grow_lr_factor=0.5", "--grow_lr_factor must be left"),
        ("--method=set --sparsity_schedule=constant(0.5,1)", "regan heeds it"),
        ("--method=acdc --regan_stages=all", "--regan_stages must be left out"),
        ("--method=rigl --prune_scope=global", "regan|acdc|gmp|one_shot|tick"),
        ("--masks=README.md", "--masks must be left out: only --method=fixed"),
        ("--initial_weights=README.md", "--initial_weights must be left out"),
        ("--masks=nowhere.npz", "where there is nothing"),
        ("--method=fixed", "--method=fixed needs --masks=FILE.npz"),
        ("--rounds=2", "--rounds must be left out: only --method=ticket"),
        ("--rewind=5ep", "only --method=ticket heeds it. Received: '5ep'"),
        ("--method=ticket", "--rounds must be at least 1"),
    ],
)
def test_settings_that_the_method_does_not_heed(words, message):
    with pytest.raises(UserError) as error:
        config_of("--run_dir=unused", *words.split())
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_rewind_becomes_steps():
    config = tiny_config("--method=ticket", "--rounds=3", "--rewind=2ep")
    assert config.at(40).method.rewind == 10  # 40 images, 8 a step


def test_averages_stand_for_each_other():
    def average(*words):
        training = config_of("--run_dir=unused", *words).training
        return training.ema_decay, training.ema_kimg

    assert average("--arch=stylegan2") == (0, 1000)
    assert average("--arch=stylegan2", "--ema_decay=0.9") == (0.9, 0)
    assert average("--arch=autogan_a") == (0.999, 0)
    assert average("--arch=autogan_a", "--ema_kimg=5") == (0, 5)
    assert average("--arch=autogan_a", "--ema_decay=0") == (0, 0)
