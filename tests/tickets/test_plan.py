"""Rounds of a ticket: shares, configurations, flag files."""

import os
from itertools import pairwise

import pytest

from regan_tf.config import config_from_dict
from regan_tf.errors import UserError
from regan_tf.run import dry_run
from regan_tf.tickets.plan import removed_after, rounds_of, wants_ticket
from tests.tiny import TINY, config_of, tiny_config

TICKET = "--method=ticket", "--rounds=2", "--sparsity=0.2"


def _rounds(*words):
    return list(rounds_of(tiny_config(*TICKET, *words).at(40)))


def test_the_ladder_of_fifths():
    # Chen et al. 2021: 20% of what is left goes in each of ten rounds.
    kept = [1 - removed_after(r, 10, 1 - 0.8**10) for r in range(11)]
    expected = [1, 0.8, 0.64, 0.512, 0.4096, 0.32768, 0.262144]
    assert kept[:7] == pytest.approx(expected, abs=1e-9)
    assert kept[10] == pytest.approx(0.1074, abs=1e-4)


@pytest.mark.parametrize(
    ("sparsity", "rounds", "share"), [(0.2, 2, 0.1056), (0.46, 4, 0.1428)]
)
def test_each_round_removes_the_same_share(sparsity, rounds, share):
    removed = [removed_after(r, rounds, sparsity) for r in range(rounds + 1)]
    assert removed[0] == 0 and removed[-1] == sparsity
    for before, after in pairwise(removed):
        gone = (after - before) / (1 - before)
        assert gone == pytest.approx(share, abs=1e-4)


def test_rounds_are_ordinary_runs(tmp_path):
    dense, first, last = _rounds(f"--run_dir={tmp_path}/t", "--rewind=3")
    methods = [r.config.method for r in (dense, first, last)]
    assert [m.method for m in methods] == ["ticket", "fixed", "fixed"]
    assert [m.prune for m in methods] == ["none", "generator", "generator"]
    assert [r.removed for r in (dense, first, last)] == [0, 0.105572809, 0.2]
    assert [m.masks for m in methods] == [
        None,
        f"{tmp_path}/t/masks_1.npz",
        f"{tmp_path}/t/masks_2.npz",
    ]
    for method in methods[1:]:
        start = os.path.join(dense.run_dir, "rewind.npz")
        assert method.initial_weights == start
    assert last.run_dir == f"{tmp_path}/t/round_2"
    assert config_from_dict(last.config.as_dict()) == last.config


def test_only_a_ticket_that_prunes_has_rounds():
    assert wants_ticket(tiny_config(*TICKET))
    assert not wants_ticket(tiny_config(*TICKET, "--prune=none"))
    assert not wants_ticket(tiny_config())


def test_flag_files_of_rounds_give_the_rounds(tmp_path):
    (tmp_path / "t").mkdir()
    words = f"--run_dir={tmp_path}/t", "--prune_scope=global", "--rewind=1"
    text = "\n".join((*TICKET, *words[1:])) + "\n"
    for round_ in _rounds(*words):
        method = round_.config.method
        for path in filter(None, (method.masks, method.initial_weights)):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "w").close()
        flags = round_.flags_text(text).split()
        same = config_of(*TINY, *flags, f"--run_dir={round_.run_dir}")
        got, expected = (c.as_dict() for c in (same.at(40), round_.config))
        if round_.number:  # told by the masks
            del got["method.sparsity"], expected["method.sparsity"]
        assert got == expected


@pytest.mark.parametrize("rewind", ["10", "100", "50ep"])
def test_rewinding_to_the_end_is_refused(rewind):
    with pytest.raises(UserError, match="--rewind must be a point of tr"):
        _rounds(f"--rewind={rewind}")


def test_a_dry_run_tells_every_round(capsys):
    dry_run(config_of("--flagfile=configs/sngan_ticket20.flags"))
    said = capsys.readouterr().out
    # Convolutions of the generator (Chen et al. 2021), not its dense layer.
    assert "3,742,464 weights that may be pruned, survivors rewound to" in said
    assert "round 1: 10.56% removed   100,000 steps    32,000,000" in said
    assert "round 2: 20% removed      100,000 steps    32,000,000" in said
    assert "in total                  300,000 steps    96,000,000" in said
    # Three times the dense total of tests/test_dry_run.py.
    assert "FLOPs 1.065e+18 (kept entries " in said


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--mask_exclude=nothing", "must name layers"),
        ("--mask_exclude=dense,up,to_rgb", "nothing to prune"),
        ("--rewind=20", "--rewind must be"),
    ],
)
def test_a_dry_run_finds_mistakes(word, message):
    with pytest.raises(UserError, match=message):
        dry_run(tiny_config(*TICKET, word))
