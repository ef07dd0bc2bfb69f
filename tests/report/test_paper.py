"""Ours beside the published figures, where they compare."""

import pytest

from regan_tf.paper import Metric, Row, rows
from regan_tf.paper.runs import runs
from regan_tf.report.group import sections_of
from regan_tf.report.identity import asked
from regan_tf.report.paper import all_rows, paper_table
from regan_tf.report.read import read_runs
from regan_tf.report.rows import missing_rows, parts_of
from tests.report.made import (
    FLAGS,
    TICKET,
    dense,
    halves,
    made_result,
    made_run,
    made_ticket,
)

METRICS = {
    "fid": Metric(20.0, None, ""),
    "is": Metric(8.0, 0.2, ""),
    "images_shown": Metric(30_000, None, "images"),
}


def _row(config, method="Re-X", **changes):
    row = {
        "table": 4,
        "figure": None,
        "dataset": "cifar10",
        "data_fraction": 1.0,
        "num_images": None,
        "method": method,
        "learning_rate": None,
        "protocol": "paper",
        "config": config,
        "metrics": METRICS,
    }
    return Row(**row | changes)


ROWS = (
    _row("re_x"),
    _row("x", "X"),
    _row("rest", "Rest"),
    _row(None, "real images", metrics={"is": Metric(11.0, None, "")}),
    _row("re_x", table=None, figure=1),
)


@pytest.fixture
def configs(tmp_path):
    """A folder of the rows' flag files."""
    folder = tmp_path / "configs"
    folder.mkdir()
    words = {"re_x": [], "x": ["--prune=none"], "rest": ["--arch=dcgan"]}
    for name, more in words.items():
        text = "\n".join([*FLAGS, "--eval_every=9", "--seed=5", *more])
        (folder / f"{name}.flags").write_text(f"# A row.\n{text}\n")
    return str(folder)


def _parts(tmp_path, configs, some=ROWS):
    runs, _ = read_runs([str(tmp_path / "runs")])
    sections, _ = sections_of(runs)
    return parts_of(some, sections, configs), sections


def _cells(part, number=1):
    table = paper_table(part, number)
    lines = table.markdown().splitlines()
    rows = [[c.strip() for c in x.strip("|").split("|")] for x in lines]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def test_differences_by_hand(tmp_path, configs):
    for seed, fid in enumerate((17.0, 18.0, 22.0)):
        path = tmp_path / f"runs/a{seed}"
        scores = {"is": 8.5 + seed, "is_std": 0.1}
        made_run(path, halves(fid, fid + 1, **scores), f"--seed={seed}")
    (part,), _ = _parts(tmp_path, configs)
    rows = _cells(part)
    first = rows[0]
    assert (first["method"], first["generator"]) == ("Re-X", "sparse")
    assert first["FID"] == "19.00 ± 2.65"
    assert first["FID published"] == "20.00"
    assert first["FID difference"] == "-1.00"
    assert first["IS"] == "9.50 ± 1.00"
    assert first["IS published"] == "8.00 ± 0.20"
    assert first["IS difference"] == "+1.50"
    assert first["images (M) difference"] == "+0.01"
    assert first["seeds"] == "3"
    assert [row["generator"] for row in rows[:4]] == [
        *("sparse", "sparse", "dense", "dense")
    ]
    assert [row["method"] for row in rows[4:]] == ["X", "Rest", "real images"]
    assert rows[4]["FID"] == "missing"
    assert rows[4]["FID published"] == "20.00"
    assert (rows[6]["FID"], rows[6]["FID published"]) == ("–", "–")
    assert (rows[6]["IS"], rows[6]["IS published"]) == ("–", "11.00")


def test_numbers_for_a_spreadsheet(tmp_path, configs):
    made_run(tmp_path / "runs/a", dense(30.0, 21.5), "--prune=none")
    parts, _ = _parts(tmp_path, configs)
    rows = [x for x in all_rows(parts).rows if x["config"] == "x"]
    found = {(x["score"], x["checkpoint"]): x for x in rows}
    assert found["fid", "last"]["difference"] == 1.5
    images = found["images_shown", "last"]
    assert (images["mean"], images["published"]) == (20_000, 30_000)
    assert found["is", "last"]["mean"] == "missing"
    rest = [x for x in all_rows(parts).rows if x["config"] == "rest"]
    assert [x["mean"] for x in rest] == ["missing"] * 3


def test_flops_of_another_count_are_not_missing(tmp_path, configs):
    metrics = METRICS | {"flops_total": Metric(1e17, None, "FLOP")}
    some = (_row("re_x", metrics=metrics), _row("x", "X", metrics=metrics))
    made_run(tmp_path / "runs/a", halves(17.0, 18.0, paper_flops=None))
    lines = dense(19.0, paper_flops=2 * 10**17)
    made_run(tmp_path / "runs/b", lines, "--prune=none")
    parts, _ = _parts(tmp_path, configs, some)
    rows = _cells(parts[0])
    found = {x["method"]: (x["PFLOP"], x["PFLOP difference"]) for x in rows}
    assert found == {"Re-X": ("–", "–"), "X": ("200.00", "+100.00")}
    table = [x for x in all_rows(parts).rows if x["score"] == "flops_total"]
    assert {x["mean"] for x in table} == {"–", 2e17}


def test_a_ticket_is_its_row_with_the_images_of_all_rounds(tmp_path, configs):
    with open(f"{configs}/ticket.flags", "w", encoding="utf-8") as file:
        file.write("\n".join([*FLAGS, *TICKET]))
    made_ticket(tmp_path / "runs/t", "--seed=1")
    some = (*ROWS, _row("ticket", "ST"))
    (part,), _ = _parts(tmp_path, configs, some)
    row = next(x for x in _cells(part) if x["method"] == "ST")
    assert (row["generator"], row["FID"]) == ("sparse", "5.00")
    assert row["images (M)"] == "0.120"
    dense_row = next(x for x in _cells(part) if x["method"] == "X")
    assert dense_row["FID"] == "9.00"  # its dense round


OTHERWISE = [
    {"name": "fd_cifar10_cnn"},
    {"protocol": {"name": "paper@1000", "num_fake": 1000}},
    {"protocol": {"num_fake": 1000}},
    {"protocol": {"name": "standard"}},
    {"protocol": {"resize": "clean"}},
    {"protocol": {"reference": "train"}},
    {"protocol": {"num_reference": 500}},
]


@pytest.mark.parametrize("scored", OTHERWISE)
def test_scores_of_other_protocols_never_stand_beside_it(
    tmp_path, configs, scored
):
    made_run(tmp_path / "runs/a", halves(17.0, 18.0, **scored))
    (part,), sections = _parts(tmp_path, configs)
    assert part.sections == []
    otherwise, none = missing_rows([part], sections, configs)
    assert otherwise == (
        "Table 4, cifar10, all images, Re-X: no FID under protocol paper; "
        "scored otherwise: a (section 1)"
    )
    assert none == "Table 4, cifar10, all images: no run of `x`, `rest`"


@pytest.mark.parametrize(
    "word",
    [
        "--sparsity=0.3",
        "--steps=50",
        "--prune=both",
        "--data_fraction=0.5",
        "--generator_width=8",
    ],
)
def test_a_run_with_other_settings_is_not_the_rows(tmp_path, configs, word):
    made_run(tmp_path / "runs/a", halves(17.0, 18.0), word)
    (part,), sections = _parts(tmp_path, configs)
    assert part.sections == [] and len(sections) == 1


def test_parts_of_a_table_hold_one_data_set_and_fraction(tmp_path, configs):
    made_run(tmp_path / "runs/a", halves(17.0, 18.0))
    some = (
        _row("re_x"),
        _row("re_x", data_fraction=0.1),
        _row("re_x", dataset="ffhq", data_fraction=None, num_images=1000),
    )
    parts, _ = _parts(tmp_path, configs, some)
    assert [part.data for part in parts] == [
        "cifar10, all images",
        "cifar10, 10% of the images",
        "ffhq, 1000 images",
    ]


def test_two_references_of_one_row_are_two_tables(tmp_path, configs):
    made_run(tmp_path / "runs/a", dense(17.0), "--prune=none")
    other = {"reference_sha256": "00" * 32}
    words = "--prune=none", "--seed=1"
    made_run(tmp_path / "runs/b", dense(19.0, protocol=other), *words)
    (part,), _ = _parts(tmp_path, configs)
    assert part.sections == [1, 2]
    for number in (1, 2):
        rows = [x for x in _cells(part, number) if x["method"] == "X"]
        assert [row["seeds"] for row in rows] == ["1", "1"]


def _beside(path, name):
    """Cells of the rows of the paper's `name`, with what is at `path`."""
    sections, _ = sections_of(read_runs([str(path)])[0])
    parts = [part for part in parts_of(rows(), sections) if part.sections]
    found = [
        (part.where, cells)
        for part in parts
        for cells, (row, _) in zip(_cells(part), part.found, strict=False)
        if row.config == name
    ]
    return found


@pytest.mark.parametrize("end", ["", ".json"])
def test_the_papers_rows_know_their_runs(tmp_path, end):
    words = ["--flagfile=configs/paper/table4_sngan.flags", "--seed=2"]
    # What FLAGS and the file leave to the recipe stays what it was.
    lines = dense(21.12, num_training=50_000)
    make = made_result if end else made_run
    make(tmp_path / f"a{end}", lines, *words, *_OWN)
    ((where, cells),) = _beside(tmp_path, "table4_sngan")
    assert where == "Table 4"
    assert (cells["FID"], cells["FID published"]) == ("21.12", "20.12")
    assert cells["FID difference"] == "+1.00"
    assert cells["hours"] == "0.167"
    assert "hours difference" not in cells
    ((where, cells),) = _beside(tmp_path, "table7_sngan")  # the same run
    assert (where, cells["FID published"]) == ("Table 7", "20.12")


_OWN = ("--warmup=20000", "--update_interval=100", "--steps=100000")


def test_files_of_one_run_ask_for_the_same():
    aliases = [run for run in runs().values() if run.same_as]
    assert len(aliases) > 10
    for run in aliases:
        first = runs()[run.same_as]
        one, other = (
            asked([f"--flagfile={x.path}"], 50_000) for x in (run, first)
        )
        assert one == other


def test_few_shot_sets_are_told_apart_by_their_names(tmp_path):
    few = {
        "num_fake": 5000,
        "reference": "train",
        "max_reference": None,
        "num_reference": 100,
    }
    lines = dense(90.0, protocol=few, num_training=100)
    name = "table5_obama_stylegan2"
    words = (
        f"--flagfile=configs/paper/{name}.flags",
        "--data_path=/some/where/100-shot-obama (1).zip",
    )
    made_run(tmp_path / "a", lines, *words)
    ((where, cells),) = _beside(tmp_path, name)
    assert (where, cells["FID published"]) == ("Table 5", "86.67")
    assert _beside(tmp_path, "table5_panda_stylegan2") == []


def test_flag_files_that_are_not_there_match_nothing(tmp_path):
    made_run(tmp_path / "runs/a", halves(17.0, 18.0))
    (part,), _ = _parts(tmp_path, str(tmp_path / "nowhere"))
    assert part.sections == []
