"""What is on disk is what `python -m regan_tf.paper.write` writes."""

import shutil
from pathlib import Path

import pytest

import train_main  # noqa: F401 - defines the flags
from regan_tf.errors import UserError
from regan_tf.metrics.gpu_hours import gpu_hours, said_hours
from regan_tf.paper.expected import expected
from regan_tf.paper.page import PAGE, page
from regan_tf.paper.run_file import FOLDER
from regan_tf.paper.runs import runs
from regan_tf.paper.write import flag_file, main


def test_the_folder_holds_these_files_and_no_others():
    texts = {Path(run.path): flag_file(run) for run in runs().values()}
    assert set(Path(FOLDER).iterdir()) == set(texts)
    stale = [x for x, text in texts.items() if x.read_text("utf-8") != text]
    assert stale == [], "run python -m regan_tf.paper.write"


@pytest.mark.parametrize("name", runs())
def test_each_file_says_what_to_expect_of_it(name):
    lines = Path(runs()[name].path).read_text("utf-8").splitlines()
    said = {line[2:].partition(":")[0] for line in lines}
    assert {"Command", "Published", "Protocol", "Cost"} <= said


def test_the_page_is_the_one_written():
    assert Path(PAGE).read_text("utf-8") == page()


def test_costs_by_hand():
    # 2·1e5·(704·G + 2,176·D), with the data sheet's counts of G and D.
    flops = 2e5 * (704 * 1_681_129_472 + 2_176 * 272_072_832)
    cost = expected(runs()["table4_re_sngan"])
    assert (cost.images, cost.flops) == (32_000_000, flops)
    assert str(cost) == "32M real images, 2.1 h"
    ticket = expected(runs()["table4_st_sngan_20"])
    assert (ticket.images, ticket.flops) == (96_000_000, 3 * flops)


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (0.0617, "0.062 h"),
        (0.96, "0.96 h"),
        (9.96, "10 h"),
        (123.4, "120 h"),
        (1234, "1,200 h"),
        (0, "0.0 h"),
    ],
)
def test_hours_have_two_digits(hours, said):
    flops = hours * 3600 * 0.3 * 156e12
    assert gpu_hours(flops) == pytest.approx(hours)
    assert said_hours(flops) == said


def test_it_writes_what_differs_and_names_strangers(
    tmp_path, monkeypatch, capsys
):
    shutil.copytree("configs", tmp_path / "configs")
    shutil.copytree("docs", tmp_path / "docs")
    monkeypatch.chdir(tmp_path)
    main([])
    assert capsys.readouterr().out == ""
    changed = Path(FOLDER, "table4_sngan.flags")
    changed.write_text("--steps=1\n")
    stranger = Path(FOLDER, "table9.flags")
    stranger.write_text("")
    with pytest.raises(UserError, match="Received: configs/paper/table9"):
        main([])
    assert capsys.readouterr().out == f"{changed}\n"
    assert "--steps" not in changed.read_text("utf-8")


def test_it_must_be_run_in_the_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="root of the repository"):
        main([])
