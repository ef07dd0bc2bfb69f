"""Scores side by side: the table, and what does not compare."""

import csv
import json
import subprocess
import sys

import pytest

from regan_tf.compare import compare, main, read_scores, unlike
from regan_tf.errors import UserError

PROTOCOL = {
    "name": "paper@1000",
    "num_fake": 1000,
    "resize": "tf2-bilinear",
    "latent_seed": 2,
    "num_reference": 359,
    "reference_set": "digits test",
    "reference_sha256": "ab12cd34" * 8,
    "feature_network": "digits_cnn",
    "feature_sha256": "21daff93" * 8,
}


def _line(of_step, distance, kind="dense", data_fraction=0.1, **protocol):
    return {
        "step": of_step + 5,
        "kind": kind,
        "of_step": of_step,
        "fd_digits_cnn": distance,
        "is_digits_cnn": 8.1566,
        "is_digits_cnn_std": 0.1512,
        "modes": 9,
        "class_histogram": [5, 5],
        "images_shown": 64 * of_step,
        "train_seconds": 138.25,
        "data_fraction": data_fraction,
        "protocol": PROTOCOL | protocol,
    }


@pytest.fixture
def source(tmp_path):
    """Function of a name and lines that makes a run directory."""

    def make(name, *lines, tail=""):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "scores.jsonl").write_text(text + tail)
        return str(folder)

    return make


def _rows(text):
    """A Markdown table as a list of dicts of its cells."""
    lines = [x for x in text.splitlines() if x.startswith("|")]
    cells = [[c.strip() for c in x.strip("|").split(" | ")] for x in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def _rows_of(text, *names):
    return [tuple(row[name] for name in names) for row in _rows(text)]


def test_a_row_holds_every_figure_of_its_line(source):
    text = compare([source("a", _line(20, 2.784))])
    assert _rows(text) == [
        {
            "source": "a",
            "kind": "dense",
            "line": "best and last",
            "of_step": "20",
            "images_shown": "1280",
            "fd_digits_cnn": "2.78",
            "is_digits_cnn": "8.16 ± 0.15",
            "modes": "9",
            "data_fraction": "0.1",
        }
    ]


def test_the_columns_are_aligned_and_the_protocol_is_below(source):
    text = compare([source("a", _line(20, 2.784), _line(1000, 12.5))])
    *table, empty, protocol = text.splitlines()
    assert len({len(line) for line in table}) == 1
    assert empty == ""
    assert protocol == (
        "protocol paper@1000: 1000 images against 359 of digits test "
        "(ab12cd34), resize tf2-bilinear, features of digits_cnn (21daff93)"
    )


def test_best_and_last_of_each_kind(source):
    lines = [
        _line(1, 3.0, "sparse"),
        _line(2, 1.0),
        _line(3, 2.0, "sparse"),
        _line(4, float("nan")),
        _line(5, 1.0),
        _line(6, 5.0),
    ]
    text = compare([source("a", *lines), source("b", _line(7, float("nan")))])
    assert _rows_of(text, "source", "kind", "line", "of_step") == [
        ("a", "sparse", "best and last", "3"),
        ("a", "dense", "best", "5"),
        ("a", "dense", "last", "6"),
        ("b", "dense", "last", "7"),
    ]
    assert _rows(text)[3]["fd_digits_cnn"] == "nan"


def test_fid_comes_before_other_distances(source):
    lines = [_line(1, 1.0) | {"fid": 9.0}, _line(2, 2.0) | {"fid": 8}]
    text = compare([source("a", *lines, _line(3, 3.0) | {"fid": None})])
    assert _rows_of(text, "line", "of_step", "fid") == [
        ("best", "2", "8"),
        ("last", "3", "–"),
    ]


def test_small_figures_keep_three_digits(source):
    small = {"kd": 0.0123456, "kd_std": 0.00123, "precision": 0.5}
    rows = _rows(compare([source("a", _line(1, 2.0) | small)]))
    assert rows[0]["kd"] == "0.0123 ± 0.0012"
    assert rows[0]["precision"] == "0.500"


def test_lines_of_other_fields_leave_gaps(source):
    bare = {"protocol": PROTOCOL, "data_fraction": 0.1, "modes": True}
    odd = _line(1, 10**400) | {"kind": ["a|b"], "of_step": 1.5, "is": "x"}
    text = compare([source("a", bare, odd), source("b", {**bare, "kd": 2.0})])
    rows = _rows(text)
    assert rows[0]["kind"] == rows[0]["of_step"] == rows[0]["kd"] == "–"
    assert rows[1]["kind"] == '["a\\|b"]'
    assert rows[2]["kd"] == "2.00"


def test_sources_are_called_by_what_tells_them_apart(source, tmp_path):
    paths = [source(f"{x}/run", _line(1, 1.0)) for x in "ab"]
    paths += [source("c", _line(1, 1.0)), source("d", _line(1, 1.0))]
    paths[3] += "/scores.jsonl"
    (tmp_path / "e.jsonl").write_text(json.dumps(_line(1, 1.0)))
    # The same run again, by another name, is no further source.
    paths += [str(tmp_path / "e.jsonl"), f"{paths[0]}/scores.jsonl"]
    names = _rows_of(compare(paths), "source")
    assert [x for (x,) in names] == ["a/run", "b/run", "c", "d", "e.jsonl"]


def test_unlike_names_fields_and_values():
    a = _line(1, 1.0, num_fake=10)
    b = _line(2, 2.0, data_fraction=1.0, latent_seed=3, extra=None)
    assert unlike(a, b) == [
        ("protocol.num_fake", 10, 1000),
        ("data_fraction", 0.1, 1.0),
        ("protocol.extra", "missing", None),
    ]
    across = ("num_fake", "protocol.extra", "data_fraction")
    assert unlike(a, b, across) == []
    assert unlike(a, a | {"modes": 2, "num_training": 3}) == []
    odd = _line(1, 1.0, num_fake=float("nan"))
    assert unlike(odd, odd) == []


def test_unlike_scores_are_refused_in_one_line(source, capsys):
    a = source("a", _line(1, 1.0))
    b = source("b", _line(1, 1.0, num_fake=9, feature_sha256="0" * 64))
    assert main([a, a, b]) == 2
    out, error = capsys.readouterr()
    assert (out, error) == (
        "",
        f"error: scores of {a} and {b} do not compare: protocol.num_fake is "
        "1000 and 9, protocol.feature_sha256 is 21daff9321da and "
        "000000000000; score both under one --protocol with python -m "
        "regan_tf.evaluate, or pass --across=num_fake,feature_sha256 to print "
        "them all the same\n",
    )


def test_what_is_refused_can_be_allowed(source, capsys):
    a = source("a", _line(1, 1.0))
    b = source("b", _line(1, 1.0, data_fraction=None, reference_sha256="0"))
    assert main([a, "--across=reference_sha256", b]) == 2
    error = capsys.readouterr().err
    assert "name runs that were trained on one fraction" in error
    option = next(x for x in error.split() if x.startswith("--across"))
    assert main([a, option, b]) == 0
    text = capsys.readouterr().out
    assert _rows_of(text, "reference_sha256", "data_fraction") == [
        ("ab12cd34ab12", "0.1"),
        ("0", "–"),
    ]
    assert "(ab12cd34/0)" in text


def test_a_field_of_across_must_be_there(source):
    paths = [source("a", _line(1, 1.0))]
    assert "num_fake" not in _rows(compare(paths, ["num_fake"]))[0]
    for name in ("nope", "fd_digits_cnn"):
        with pytest.raises(UserError, match=f"Received: '{name}'"):
            compare(paths, ["num_fake", name])


def test_a_run_resumed_under_another_protocol(source, capsys):
    lines = [_line(1, 1.0, num_fake=9), _line(2, 3.0), _line(3, 2.0)]
    path = source("a", lines[0], _line(1, 1.0, num_fake=8), *lines[1:])
    rows = _rows_of(compare([path]), "line", "of_step")
    assert rows == [("best and last", "3")]
    error = capsys.readouterr().err
    assert error.startswith(f"note: 2 of 4 lines of {path} are left out")
    assert "(protocol.num_fake)" in error
    # Allowed to differ, they are generators of their own.
    text = compare([path], ["num_fake"])
    assert [x for (x,) in _rows_of(text, "num_fake")] == ["9", "8", "1000"]
    assert capsys.readouterr().err == ""


BROKEN = [
    ("", "holds no score line yet"),
    ("\n \n", "holds no score line yet"),
    ("{}\n{", 'line 1, has no "protocol"'),
    ('{"protocol": "paper"}\n', 'line 1, has no "protocol"'),
    ("\nnope\n", "line 2, is not JSON"),
    ("[" * 100_000 + "\n", "line 1, is not JSON"),
    ("\x00\n", "line 1, is not JSON"),
    ("[1]", "line 1, is not a JSON object"),
    ("null\n", "line 1, is not a JSON object"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_a_broken_line_is_named(source, text, message):
    with pytest.raises(UserError) as error:
        read_scores(source("a", tail=text))
    assert message in str(error.value)
    assert "scores.jsonl" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_line_that_is_being_written_is_left_out(source, capsys):
    path = source("a", _line(1, 1.0), tail=json.dumps(_line(2, 0.5))[:-9])
    assert [line["of_step"] for line in read_scores(path)] == [1]
    assert "line 2, is cut off" in capsys.readouterr().err
    whole = source("b", _line(1, 1.0), tail=json.dumps(_line(2, 0.5)))
    assert [line["of_step"] for line in read_scores(whole)] == [1, 2]


def test_csv_has_every_digit(source, tmp_path, capsys):
    figures = _line(1, 2.0 / 3), _line(2, float("nan"), num_fake=7)
    paths = [source("a", figures[0]), source("b", figures[1])]
    file = tmp_path / "out.csv"
    file.write_text("old")
    assert main([*paths, f"--csv={file}", "--across=num_fake"]) == 0
    assert len(_rows(capsys.readouterr().out)) == 2
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert rows[0]["fd_digits_cnn"] == repr(2.0 / 3)
    assert rows[0]["is_digits_cnn_std"] == "0.1512"
    assert (rows[1]["fd_digits_cnn"], rows[1]["num_fake"]) == ("nan", "7")
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("name", ["", ".", "x.jsonl", "link", "no/x.csv"])
def test_csv_replaces_nothing_but_a_plain_file(source, tmp_path, name, capsys):
    (tmp_path / "link").symlink_to("there.csv")
    path = str(tmp_path / name) if name else ""
    assert main([source("a", _line(1, 1.0)), "--csv", path]) == 2
    assert capsys.readouterr().err.startswith("error: --csv")
    assert {x.name for x in tmp_path.iterdir()} == {"a", "link"}


MISTAKES = [
    ((), "required: RUN"),
    (("nowhere",), "no such file or directory: 'nowhere'"),
    (("",), "no such file or directory: ''"),
    (("tests",), "tests holds no scores.jsonl"),
    (("pyproject.toml",), "pyproject.toml, line 1, is not JSON"),
    (("tests", "--nope"), "unrecognized arguments: --nope"),
    (("tests", "--csv"), "expected one argument"),
]


@pytest.mark.parametrize(("words", "message"), MISTAKES)
def test_each_mistake_is_one_line(words, message, capsys):
    assert main(words) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("error: ") and error.count("\n") == 1
    assert message in error


def test_the_command_loads_no_tensorflow(source):
    path = source("a", _line(1, 1.0))
    code = (
        "import sys, regan_tf.compare as c; status = c.main(sys.argv[1:]); "
        "sys.exit(status + ('tensorflow' in sys.modules))"
    )
    for words in (["-c", code, path], ["-m", "regan_tf.compare", "--help"]):
        result = subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, check=True
        )
        assert "a" in result.stdout
        assert result.stderr == ""
