"""The numbers behind the figures."""

import json

import pytest

from regan_tf.paper import rows
from regan_tf.report.bars import cost_by_fraction
from regan_tf.report.chosen import KINDS
from regan_tf.report.group import sections_of
from regan_tf.report.pictures import pictures_of
from regan_tf.report.read import read_runs
from tests.report.made import (
    add_curve,
    dense,
    halves,
    line,
    made_result,
    made_run,
)


def _pictures(path):
    sections, _ = sections_of(read_runs([str(path)])[0])
    pictures, left_out = pictures_of(sections)
    return {picture.name: picture for picture in pictures}, left_out


def _values(curve):
    return [(point.x, point.y.value) for point in curve.points]


def test_scores_over_images_are_means_where_all_seeds_have_one(tmp_path):
    made_run(tmp_path / "a0", dense(8.0, 4.0, 3.0), "--seed=0")
    made_run(tmp_path / "a1", dense(6.0, 2.0), "--seed=1")
    pictures, _ = _pictures(tmp_path)
    (panel,) = pictures["section-1-images"].panels
    (curve,) = panel.curves
    assert (panel.y, curve.label, curve.kind) == ("fid", "a", "dense")
    assert _values(curve) == [(10.0, 7.0), (20.0, 3.0)]
    assert curve.points[0].y.deviation == pytest.approx(2**0.5)


def test_the_halves_are_curves_of_their_own(tmp_path):
    lines = [line(kind, s, s) for kind in KINDS for s in (10, 20)]
    made_run(tmp_path / "a", lines)
    pictures, _ = _pictures(tmp_path)
    (panel,) = pictures["section-1-images"].panels
    assert [curve.kind for curve in panel.curves] == ["sparse", "dense"]


def test_a_result_file_has_the_curves_of_its_run(tmp_path):
    lines = [line(k, s, s + (k == "dense")) for s in (10, 20) for k in KINDS]
    made_result(tmp_path / "a.json", lines)
    pictures, _ = _pictures(tmp_path)
    sparse, whole = pictures["section-1-images"].panels[0].curves
    assert _values(sparse) == [(10.0, 10.0), (20.0, 20.0)]
    assert _values(whole) == [(10.0, 11.0), (20.0, 21.0)]


def test_scores_without_costs_draw_no_cost(tmp_path):
    lines = dense(5.0, 2.0, theoretical_sparse_flops=None, train_seconds=None)
    made_run(tmp_path / "a", lines)
    pictures, _ = _pictures(tmp_path)
    assert "section-1-cost" not in pictures


def test_cost_of_the_best_and_the_last(tmp_path):
    made_run(tmp_path / "a", dense(5.0, 2.0, 3.0))
    pictures, _ = _pictures(tmp_path)
    flops, seconds = pictures["section-1-cost"].panels
    assert _values(flops.curves[0]) == [(20.0, 2.0), (30.0, 3.0)]
    assert _values(seconds.curves[0]) == [(20.0, 2.0), (30.0, 3.0)]


@pytest.mark.parametrize("made", [made_run, made_result])
def test_stability_compares_equal_distances_only(tmp_path, made):
    for name, every in (("a", 10), ("b", 10), ("c", 5)):
        lines = dense(3.0, 2.0, mse_to_previous=0.5)
        words = f"--eval_every={every}", f"--learning_rate=0.0{ord(name)}"
        end = ".json" if made is made_result else ""
        made(tmp_path / f"{name}{end}", lines, *words)
    pictures, _ = _pictures(tmp_path)
    labels = {
        every: [
            curve.label
            for curve in pictures[f"section-1-stability-{every}"]
            .panels[0]
            .curves
        ]
        for every in (10, 5)
    }
    assert labels == {10: ["a", "b"], 5: ["c"]}


def test_figure_6_has_a_curve_for_each_network_and_the_baseline(tmp_path):
    for prune in ("generator", "both"):
        for percent in (10, 30):
            words = f"--prune={prune}", f"--sparsity={percent / 100}"
            name = tmp_path / f"{prune}_{percent}"
            made_run(name, halves(percent, percent + 1.0), *words)
    made_run(tmp_path / "base", dense(25.0), "--prune=none")
    # Another rate is another experiment.
    words = "--sparsity=0.5", "--learning_rate=0.1"
    made_run(tmp_path / "other", dense(25.0), *words)
    pictures, _ = _pictures(tmp_path)
    best, last = pictures["section-1-sparsity"].panels
    assert (best.title, last.title) == ("best", "last")
    curves = {(x.label, x.kind): _values(x) for x in last.curves}
    assert curves == {
        (f"sngan, prune={name}", kind): [(0.1, 10.0 + more), (0.3, 30.0 + more)]
        for name in ("both", "generator")
        for kind, more in (("sparse", 0), ("dense", 1))
    }
    assert [(x.label, x.points[0].y.value) for x in last.levels] == [
        ("base", 25.0)
    ]
    assert "section-1-update_interval" not in pictures


def test_intervals(tmp_path):
    for interval in (5, 10):
        words = (f"--update_interval={interval}",)
        made_run(tmp_path / f"every_{interval}", halves(1.0, 2.0), *words)
    pictures, _ = _pictures(tmp_path)
    best, _ = pictures["section-1-update_interval"].panels
    assert best.log
    assert _values(best.curves[0]) == [(5.0, 1.0), (10.0, 1.0)]


def _fraction(folder, share, fid, *words, **more):
    figures = {"data_fraction": share, "num_training": int(50_000 * share)}
    lines = dense(fid, **figures, **more)
    made_run(folder, lines, f"--data_fraction={share}", *words)


def test_figure_4_joins_fractions_whose_lengths_may_differ(tmp_path):
    _fraction(tmp_path / "f_10_x", 0.1, 9.0, "--steps=30")
    _fraction(tmp_path / "f_50_x", 0.5, 5.0)
    made_run(tmp_path / "f_100_x", dense(4.0))
    _fraction(tmp_path / "odd", 0.2, 1.0, protocol={"resize": "clean"})
    pictures, _ = _pictures(tmp_path)
    (name,) = [x for x in pictures if x.startswith("sections-")]
    _, last = pictures[name].panels
    (curve,) = last.curves
    assert curve.label == "sngan"
    assert _values(curve) == [(0.1, 9.0), (0.5, 5.0), (1.0, 4.0)]


def test_figure_4_does_not_join_two_lengths_of_one_fraction(tmp_path):
    for steps in (30, 40):
        word = f"--steps={steps}"
        _fraction(tmp_path / f"a{steps}", 0.1, 9.0, word)
        _fraction(tmp_path / f"b{steps}", 0.5, steps, word)
    pictures, _ = _pictures(tmp_path)
    (name,) = [x for x in pictures if x.startswith("sections-")]
    _, last = pictures[name].panels
    assert sorted(_values(curve) for curve in last.curves) == [
        [(0.1, 9.0), (0.5, 30.0)],
        [(0.1, 9.0), (0.5, 40.0)],
    ]


def test_figure_4_passes_over_other_intervals_of_one_fraction(tmp_path):
    for share, steps in ((0.1, 30), (0.5, 40)):
        _fraction(tmp_path / f"a{steps}", share, 9.0, f"--steps={steps}")
    _fraction(tmp_path / "b", 0.5, 7.0, "--update_interval=5")
    pictures, _ = _pictures(tmp_path)
    (name,) = [x for x in pictures if x.startswith("sections-")]
    _, last = pictures[name].panels
    assert [_values(x) for x in last.curves] == [[(0.1, 9.0), (0.5, 9.0)]]


def test_precision_recall_curves_must_be_of_their_scores(tmp_path):
    for name, f8 in (("a", 0.5), ("b", 0.7), ("c", 0.5)):
        rate = f"--learning_rate=0.0{ord(name)}"
        lines = dense(3.0, prd_f8=f8)
        lines[0]["step"] = 40
        made_run(tmp_path / name, lines, rate)
        add_curve(tmp_path / name, "dense")
    broken = tmp_path / "c/evaluation/step-0000040-dense-prd.json"
    broken.write_text(json.dumps({"precision": [1]}))
    pictures, left_out = _pictures(tmp_path)
    (panel,) = pictures["section-1-precision-recall"].panels
    assert [curve.label for curve in panel.curves] == ["a"]
    assert _values(panel.curves[0]) == [(0.5, 0.5)] * 3
    assert [x.source for x in left_out] == ["b", "c"]
    assert "F8 is 0.5 and 0.7" in left_out[0].reason


def test_unlike_sections_share_no_figure(tmp_path):
    made_run(tmp_path / "a", dense(3.0, 2.0))
    other = {"feature_sha256": "00" * 32}
    made_run(tmp_path / "b", dense(3.0, 2.0, protocol=other), "--seed=1")
    pictures, _ = _pictures(tmp_path)
    for picture in pictures.values():
        for panel in picture.panels:
            assert len({curve.label for curve in panel.curves}) == 1


def test_figure_1_has_the_published_bars_beside_ours(tmp_path):
    for stem, fraction in (("10_stylegan2", 0.1), ("100_re_stylegan2", 1.0)):
        lines = dense(
            36.0, num_training=round(50_000 * fraction), data_fraction=fraction
        )
        words = f"--flagfile=configs/paper/figure1_{stem}.flags"
        made_run(tmp_path / stem, lines, words)
    sections, _ = sections_of(read_runs([str(tmp_path)])[0])
    (picture,) = cost_by_fraction(rows(), sections)
    theirs, ours = picture.panels
    bars = {
        c.label: [(p.x, p.y.value) for p in c.points] for c in theirs.curves
    }
    assert bars["Re-StyleGAN2"] == [
        (0.1, 7.8),
        (0.2, 19.3),
        (0.5, 20.4),
        (1, 60),
    ]
    found = [(c.label, c.kind, c.points[0].x) for c in ours.curves]
    assert found == [("StyleGAN2", "dense", 0.1), ("Re-StyleGAN2", "dense", 1)]
    assert ours.curves[0].points[0].y.value == 0.01  # 10 steps of 1e12
    assert cost_by_fraction(rows(), []) == []
