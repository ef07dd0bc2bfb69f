"""The folder that the command makes."""

import csv
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from regan_tf.report.__main__ import main
from regan_tf.report.curves import Curve, Panel, Point
from regan_tf.report.draw import _label
from regan_tf.report.group import Mean
from tests.report.made import (
    add_curve,
    add_grid,
    dense,
    halves,
    line,
    made_result,
    made_run,
)


@pytest.fixture
def runs(tmp_path):
    """A folder of two seeds of a pair and a baseline, and a damaged run."""
    folder = tmp_path / "runs"
    for seed in (0, 1):
        lines = [
            line("dense", 10, 9.0, mse_to_previous=0.1),
            line("dense", 20, 8.0 + seed, mse_to_previous=0.2),
            *halves(3.0 + seed, 4.0, prd_f8=0.5),
        ]
        made_run(folder / f"re-seed_{seed}", lines, f"--seed={seed}")
    for kind in ("sparse", "dense"):
        add_curve(folder / "re-seed_0", kind)
        add_grid(folder / "re-seed_0", kind)
    made_run(folder / "plain", dense(5.0), "--prune=none")
    made_run(folder / "cut", dense(5.0), "--seed=7")
    (folder / "cut/summary.json").write_text('{"steps": 4')
    return folder


def _bytes(folder):
    return {x.name: x.read_bytes() for x in sorted(folder.iterdir())}


def test_the_report(runs, tmp_path, capsys):
    out = tmp_path / "out"
    assert main([str(runs), f"--out={out}"]) == 0
    said, errors = capsys.readouterr()
    assert said == f"3 runs in 1 sections: {out}/report.md\n"
    assert errors == ("left out: cut: summary.json is cut off, or no JSON\n")
    text = (out / "report.md").read_text()
    for part in (
        "3.50 ± 0.71",
        "- Section 1, plain: no run of seed 1",
        "- cut: summary.json is cut off, or no JSON",
        "- Table 4, cifar10, all images: no run of `table4_sngan`",
    ):
        assert part in text
    linked = [x.split("(")[1][:-1] for x in text.splitlines() if x[:1] == "!"]
    assert sorted(linked) == sorted(
        x.name for x in out.iterdir() if x.suffix in (".png", ".jpg")
    )
    assert len(linked) == 5
    rows = csv.DictReader((out / "scores.csv").read_text().splitlines())
    found = [
        x for x in rows if (x["score"], x["generator"]) == ("fid", "sparse")
    ]
    assert {(x["mean"], x["seeds"]) for x in found} == {("3.5", "2")}
    assert str(tmp_path) not in text


def test_figures_are_drawn(runs, tmp_path):
    out = tmp_path / "out"
    main([str(runs), f"--out={out}"])
    for path in [*out.glob("*.png"), *out.glob("*.jpg")]:
        assert path.stat().st_size < 200_000
        pixels = np.asarray(Image.open(path).convert("RGB"))
        assert pixels.shape[0] > 250 and pixels.shape[1] > 250
        # White, and something on it, in more colours than one.
        assert (pixels == 255).all(-1).mean() > 0.01
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50


def test_labels_of_a_wide_axis_are_few_enough_to_read():
    points = [Point(x, Mean(y, None, 1)) for x, y in ((0, 18.0), (1, 1300.0))]
    axes = Figure().add_subplot()
    axes.plot([x for x, _ in points], [y.value for _, y in points])
    _label(axes, Panel("x", "y", [Curve("a", "dense", points)]))
    low, high = axes.get_ylim()
    shown = [y for y in axes.get_yticks() if low <= y <= high]
    assert shown == [20, 50, 100, 200, 500, 1000]
    assert len(axes.get_yticks(minor=True)) == 0


def test_the_same_runs_give_the_same_bytes(runs, tmp_path):
    made = []
    for paths in ([runs], [runs / "re-seed_1", runs]):
        out = tmp_path / f"out{len(made)}"
        assert main([*map(str, paths), f"--out={out}"]) == 0
        made.append(_bytes(out))
    assert made[0] == made[1]


def test_a_report_replaces_a_report_and_nothing_else(runs, tmp_path, capsys):
    out = tmp_path / "out"
    words = [str(runs), f"--out={out}", "--nofigures"]
    assert main(words) == main(words) == 0
    (out / "mine.txt").write_text("keep")
    assert main(words) == 2
    assert "it holds mine.txt" in capsys.readouterr().err
    assert (out / "mine.txt").read_text() == "keep"


@pytest.mark.parametrize("what", ["folder", "file", "link", "runs"])
def test_what_no_report_made_is_kept(runs, tmp_path, capsys, what):
    out = tmp_path / "out"
    if what == "folder":
        out.mkdir()
        (out / "a").write_text("")
    elif what == "file":
        out.write_text("")
    elif what == "link":
        out.symlink_to(runs)
    else:
        out = runs
    assert main([str(runs), f"--out={out}"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --out must be") and error.count("\n") == 1
    assert len(list(runs.iterdir())) == 4


def test_nothing_to_report_makes_nothing(tmp_path, capsys):
    (tmp_path / "a.json").write_text("{")
    assert main([str(tmp_path / "a.json"), f"--out={tmp_path / 'out'}"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: no finished run to report")
    assert "a.json is cut off" in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_failed_report_leaves_the_old_one(runs, tmp_path, monkeypatch):
    out = tmp_path / "out"
    words = [str(runs), f"--out={out}"]
    main([*words, "--nofigures"])
    before = _bytes(out)

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("regan_tf.report.page.draw", fail)
    with pytest.raises(KeyboardInterrupt):
        main(words)
    assert _bytes(out) == before
    assert {x.name for x in tmp_path.iterdir()} == {"runs", "out"}


def test_a_damaged_grid_is_left_out(runs, tmp_path, capsys):
    grid = runs / "re-seed_0/samples/step-0000040-dense.png"
    grid.write_bytes(grid.read_bytes()[:60])
    assert main([str(runs), f"--out={tmp_path / 'out'}"]) == 0
    error = capsys.readouterr().err
    assert "re-seed_0: samples/step-0000040-dense.png is damaged" in error


def test_other_networks_stand_without_published_scores(tmp_path):
    words = ["--flagfile=configs/paper/table4_sngan.flags"]
    words += ["--steps=100000", "--warmup=20000", "--update_interval=100"]
    path = made_result(
        tmp_path / "a.json", dense(21.0, name="fd_cifar10_cnn"), *words
    )
    assert main([path, f"--out={tmp_path / 'out'}", "--nofigures"]) == 0
    text = (tmp_path / "out/report.md").read_text()
    assert "20.12" not in text
    assert "SNGAN@0%: no FID under protocol paper; scored otherwise: a" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out=x"], "the following arguments are required: RUN"),
        (["nowhere", "--out=x"], "no such file or directory: 'nowhere'"),
        (["tests/report", "--out=x"], "no finished run to report"),
        (["tests", "--out=x", "--nope"], "unrecognized arguments: --nope"),
    ],
)
def test_each_mistake_is_one_line(words, message, capsys):
    assert main(words) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_the_command_loads_no_tensorflow(tmp_path):
    path = made_run(tmp_path / "a", dense(3.0, 2.0))
    code = (
        "import sys; from regan_tf.report.__main__ import main; "
        "sys.exit(main(sys.argv[1:]) + ('tensorflow' in sys.modules))"
    )
    words = ["-c", code, path, f"--out={tmp_path / 'out'}"]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)


def test_the_results_of_this_repository(tmp_path, capsys):
    words = ["docs/results", f"--out={tmp_path / 'out'}", "--nofigures"]
    assert main(words) == 0
    assert capsys.readouterr().err == ""


def test_what_the_papers_figures_lack_is_named(tmp_path, capsys):
    words = ["--flagfile=configs/paper/figure4_10_sngan.flags"]
    lines = dense(30.0, data_fraction=0.1, num_training=5000)
    path = made_run(tmp_path / "a", lines, *words)
    out = tmp_path / "out"
    assert main([path, f"--out={out}", "--nofigures"]) == 0
    text = (out / "report.md").read_text()
    assert "- Figure 4: no run of `figure4_10_re_sngan`" in text
    assert "`figure4_10_sngan`" not in text
    assert main([path, f"--out={out}", "--nofigures", "--configs=none"]) == 0
    assert "left out: none: no such folder" in capsys.readouterr().err
