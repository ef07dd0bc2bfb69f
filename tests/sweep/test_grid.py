"""The file of a sweep: what it spans, and each mistake in one line."""

import pytest

from regan_tf.errors import UserError
from regan_tf.sweep import read_grid


@pytest.fixture
def grid(tmp_path):
    """Function of a file's text that reads it."""

    def read(text):
        (tmp_path / "mine.toml").write_text(text, "utf-8")
        return read_grid(str(tmp_path / "mine.toml"))

    return read


TWO = """
flags = ["--steps=9"]
[axes]
method = { re = [], dense = ["--prune=none"] }
seed = [0, 1]
"""


def test_every_choice_meets_every_other(grid):
    found = grid(TWO)
    assert found.run_root == "runs/mine"
    assert found.run_dir(found.runs[0]) == "runs/mine/re-seed_0"
    assert [(run.name, run.words) for run in found.runs] == [
        ("re-seed_0", ("--steps=9", "--seed=0")),
        ("re-seed_1", ("--steps=9", "--seed=1")),
        ("dense-seed_0", ("--steps=9", "--prune=none", "--seed=0")),
        ("dense-seed_1", ("--steps=9", "--prune=none", "--seed=1")),
    ]
    assert found.runs[3].choices == {"method": "dense", "seed": "1"}


def test_values_are_written_as_a_command_line_has_them(grid):
    text = "[axes]\napa = [true]\nlearning_rate = [2e-4]\nregrow = ['zero']"
    (run,) = grid(text).runs
    assert run.words == (
        "--apa=true",
        "--learning_rate=0.0002",
        "--regrow=zero",
    )
    assert run.name == "apa_true-learning_rate_0.0002-regrow_zero"


RULES = [
    ("[[exclude]]\nmethod = 'dense'\nseed = 1", "re0 re1 dense0"),
    ("[[exclude]]\nseed = [0, 1]\nmethod = 're'", "dense0 dense1"),
    ("[[exclude]]\nmethod = 're'\n[[exclude]]\nseed = 0", "dense1"),
    ("[[only]]\nmethod = 're'\n[[only]]\nseed = 0", "re0 re1 dense0"),
    ("[[only]]\nseed = 1\n[[exclude]]\nmethod = 'dense'", "re1"),
]


@pytest.mark.parametrize(("rules", "left"), RULES)
def test_combinations_can_be_left_out(grid, rules, left):
    names = [run.name.replace("-seed_", "") for run in grid(TWO + rules).runs]
    assert names == left.split()


def test_variables_and_flag_files_beside(grid, tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGES", "/some/where.zip")
    (tmp_path / "base.flags").write_text("--steps=3\n")
    found = grid(
        "run_root = '${IMAGES}.runs'\nflags = ['--data_path=${IMAGES}']\n"
        "[axes.arch]\nmine = ['--flagfile=base.flags']\n"
        "theirs = ['--flagfile=configs/sngan.flags']\n"
    )
    assert found.run_root == "/some/where.zip.runs"
    data = "--data_path=/some/where.zip"
    assert [run.words for run in found.runs] == [
        (data, f"--flagfile={tmp_path}/base.flags"),
        (data, "--flagfile=configs/sngan.flags"),
    ]


MISTAKES = [
    ("[axes\n", "is not TOML: Expected ']' at the end of a table"),
    ("x = 1\ny = {\n", "(at line 2, column 6)"),
    ("seed = [1]", "the file's keys must be among flags, run_root, axes"),
    ("run_root = 1", "run_root must be a folder's name. Received: 1"),
    ("flags = '--seed=1'\n[axes]\nseed = [1]", "flags must be a list of flags"),
    ("flags = ['seed=1']\n[axes]\nseed = [1]", "flags must be a list of flags"),
    ("flags = []", "[axes] must be a table of at least one axis"),
    ("[axes]\nseed = []", "axes.seed must be a list of a flag's values"),
    ("[axes]\nseed = {}", "axes.seed must be a list of a flag's values"),
    ("[axes]\nseed = 3", "axes.seed must be a list of a flag's values"),
    ("[axes]\nseed = [[1]]", "values of axes.seed must be numbers, texts"),
    ("[axes]\nseed = [1, 1]", "axes.seed must be unlike values"),
    ("[axes]\nm = { a = '--apa' }", "axes.m.a must be a list of flags"),
    (
        "[axes]\ndata_path = ['a/b']",
        "names in axes.data_path must be of letters",
    ),
    ("[axes.m]\n'..' = []", "names in axes.m must be of letters"),
    ("[axes.m]\na = []\na = []\n", "Cannot overwrite a value (at line 3"),
    ("[axes]\na = {x-y = [], x = []}\nb = {z = [], y-z = []}", "'x-y-z'"),
    ("[axes]\nseed = ['${REGAN_NO_SUCH}']", "the environment has no REGAN_NO"),
    (TWO + "[exclude]\nseed = 0", "exclude must be tables, each after a line"),
    (TWO + "[[only]]\nsede = 0", "only must be of axes method, seed"),
    (TWO + "[[exclude]]\nseed = 2", "exclude.seed must be among 0, 1. Rec"),
    (TWO + "[[exclude]]\nseed = [0, 1]", "such that a run is left"),
    (f"[axes.m]\n{'a' * 201} = []", "at most 200 bytes joined. Received"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_each_mistake_is_one_line_that_names_the_file(grid, text, message):
    with pytest.raises(UserError) as error:
        grid(text)
    assert message in str(error.value)
    assert "mine.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there():
    with pytest.raises(UserError, match=r"Received: 'no\.toml' \(No such file"):
        read_grid("no.toml")
