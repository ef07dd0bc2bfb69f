"""Lines of seeds, and what never stands in one column."""

import math

import pytest

from regan_tf.report.group import label_of, mean_of, sections_of
from regan_tf.report.missing import missing_in
from regan_tf.report.read import read_runs
from regan_tf.report.tables import all_scores, score_table
from tests.report.made import dense, halves, line, made_result, made_run


def _sections(*paths):
    runs, left_out = read_runs([str(path) for path in paths])
    assert left_out == []
    return sections_of(runs)


def test_means_and_deviations_by_hand():
    assert mean_of([]) is None
    assert mean_of([3.0]) == (3.0, None, 1)
    mean, deviation, count = mean_of([1.0, 2.0, 6.0])
    # Squares of -2, -1 and 3 sum to 14, over n - 1.
    assert (mean, count) == (3.0, 3)
    assert deviation == pytest.approx(math.sqrt(7))


def test_seeds_are_one_line_for_each_half_and_checkpoint(tmp_path):
    for seed, (sparse, full) in enumerate([(10.0, 20.0), (14.0, 21.0)]):
        lines = [line("dense", 10, full - 2), *halves(sparse, full)]
        made_run(tmp_path / f"re-seed_{seed}", lines, f"--seed={seed}")
    (section,), left_out = _sections(tmp_path)
    assert left_out == []
    (group,) = section.groups
    assert (group.label, group.seeds) == ("re", [0, 1])
    means = {
        (kind, which): group.mean(kind, which, "fid")
        for kind in group.kinds
        for which in ("best", "last")
    }
    assert means["sparse", "last"] == (12.0, pytest.approx(math.sqrt(8)), 2)
    assert means["dense", "last"] == (20.5, pytest.approx(math.sqrt(0.5)), 2)
    assert means["dense", "best"] == (18.5, pytest.approx(math.sqrt(0.5)), 2)
    table = score_table(section)
    cells = [(r["generator"], r["checkpoint"], r["seeds"]) for r in table.rows]
    assert cells == [
        ("sparse", "best and last", 2),
        ("dense", "best", 2),
        ("dense", "last", 2),
    ]
    assert "12.00 ± 2.83" in table.markdown()


UNLIKE = [
    {"name": "paper@1000"},
    {"num_fake": 1000},
    {"num_reference": 9000},
    {"reference_sha256": "00" * 32},
    {"resize": "clean"},
    {"resolution": 64},
    {"feature_network": "other"},
    {"feature_sha256": "00" * 32},
    {"splits": 5},
]


@pytest.mark.parametrize("field", UNLIKE)
def test_unlike_protocols_are_sections_of_their_own(tmp_path, field):
    made_run(tmp_path / "a", dense(1.0), "--seed=0")
    made_run(tmp_path / "b", dense(3.0, protocol=field), "--seed=1")
    sections, _ = _sections(tmp_path)
    assert [len(x.groups) for x in sections] == [1, 1]
    assert [len(x.groups[0].runs) for x in sections] == [1, 1]


def test_fractions_are_sections_of_their_own(tmp_path):
    made_run(tmp_path / "a", dense(1.0))
    less = dense(3.0, data_fraction=0.1, num_training=5000)
    made_run(tmp_path / "b", less, "--data_fraction=0.1")
    sections, _ = _sections(tmp_path)
    titles = [section.title for section in sections]
    assert [title.rpartition("on ")[2] for title in titles] == [
        "10% of the images",
        "100% of the images",
    ]


def test_a_fraction_is_one_in_run_directories_and_results(tmp_path):
    whole, short = 100 / 4317, 0.023164  # as `train.result` writes it
    made_run(tmp_path / "a", dense(5.0, data_fraction=whole))
    path = made_result(
        tmp_path / "b.json", dense(6.0, data_fraction=short), "--seed=1"
    )
    runs, _ = read_runs([str(tmp_path / "a"), path])
    ((section,), _) = sections_of(runs)
    assert section.groups[0].seeds == [0, 1]


def test_what_may_differ_does_not_part(tmp_path):
    made_run(tmp_path / "a", dense(1.0))
    free = {"latent_seed": 7, "reference_set": "a copy"}
    made_run(tmp_path / "b", dense(2.0, protocol=free), "--seed=1")
    (section,), _ = _sections(tmp_path)
    assert section.groups[0].seeds == [0, 1]


def test_other_minor_versions_are_lines_of_their_own(tmp_path):
    for seed, version in enumerate(("2.21.0", "2.21.1", "2.22.0")):
        made_run(tmp_path / f"{seed}", dense(1.0), f"--seed={seed}")
        file = tmp_path / f"{seed}" / "config.json"
        file.write_text(file.read_text().replace("2.21.0", version))
    (section,), _ = _sections(tmp_path)
    assert [group.seeds for group in section.groups] == [[0, 1], [2]]


def test_a_second_run_of_a_seed_does_not_count(tmp_path):
    made_run(tmp_path / "b", dense(3.0))
    made_run(tmp_path / "c", dense(5.0))
    made_result(tmp_path / "a.json", dense(7.0))
    (section,), left_out = _sections(tmp_path, tmp_path / "a.json")
    (group,) = section.groups
    assert group.mean("dense", "last", "fid") == (3.0, None, 1)
    assert [x.source for x in left_out] == ["c", "a"]
    assert all("seed (0)" in x.reason for x in left_out)


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (["one"], "one"),
        (["re-seed_0", "re-seed_1"], "re"),
        (["re_s1", "re_s12"], "re"),
        (["seed_0-re", "seed_1-re"], "re"),
        (["figure4_10_sngan", "figure4_100_sngan"], "figure4…sngan"),
        (["x", "y"], "x, y"),
    ],
)
def test_labels(names, label):
    assert label_of(names) == label


def test_groups_of_one_label_are_told_apart_by_their_runs(tmp_path):
    for rate in (0.1, 0.2):
        for seed in (0, 1):
            words = f"--learning_rate={rate}", f"--seed={seed}"
            made_run(tmp_path / f"re-{rate}{seed}", dense(1.0), *words)
    (section,), _ = _sections(tmp_path)
    assert [group.label for group in section.groups] == [
        "re-0.10, re-0.11",
        "re-0.20, re-0.21",
    ]


def test_what_is_missing_is_named(tmp_path):
    lines = halves(3.0, 2.0, recall=0.5)
    made_run(tmp_path / "a0", lines)
    made_run(tmp_path / "a1", halves(3.0, 2.0), "--seed=1")
    made_run(tmp_path / "b", dense(1.0, recall=0.5), "--learning_rate=0.1")
    (section,), _ = _sections(tmp_path)
    assert missing_in(section) == [
        *(
            f"a, {kind}, {which}: no recall (seed 1)"
            for kind in ("sparse", "dense")
            for which in ("best", "last")
        ),
        "b: no run of seed 1",
        "b: no score of the sparse half",
    ]
    assert "0.50" in score_table(section).markdown()


def test_a_missing_cell_says_so(tmp_path):
    made_run(tmp_path / "a", dense(1.0, recall=0.5))
    made_run(tmp_path / "b", dense(1.0), "--learning_rate=0.1")
    (section,), _ = _sections(tmp_path)
    table = score_table(section)
    assert table.markdown().splitlines()[-1].endswith("missing |")
    row = next(
        row
        for row in all_scores([section]).rows
        if (row["configuration"], row["score"]) == ("b", "recall")
    )
    assert (row["mean"], row["seeds"]) == ("missing", 0)


def test_names_of_scores_are_shortened_but_never_to_those_of_inception(
    tmp_path,
):
    figures = {"is_own": 2.0, "is_own_std": 0.1, "modes": 3, "of_modes": 5}
    made_run(tmp_path / "a", dense(1.0, name="fd_own", **figures))
    (section,), _ = _sections(tmp_path)
    names = score_table(section).markdown().splitlines()[0]
    columns = [name.strip() for name in names.strip("|").split("|")]
    assert columns[6:] == ["fd_…", "is_…", "modes", "of_modes"]
