"""Whole tiny tickets: rewound, nested, broken and gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
import weakref

import numpy as np
import pytest
import tensorflow as tf

import regan_tf.tickets.run as tickets
from regan_tf.errors import UserError
from regan_tf.evaluate import Request, evaluate
from regan_tf.run import load_images, prepare, run
from regan_tf.tickets.plan import rounds_of
from regan_tf.train.callbacks import StopOnSignal
from tests.tiny import TINY, joined_run, tiny_config

WORDS = (
    "--method=ticket",
    "--rounds=2",
    "--sparsity=0.5",
    "--rewind=2",
    "--prune=both",
    "--prune_scope=global",
    "--mask_exclude=dense",
    "--ema_decay=0.5",
    "--lr_decay=linear",
    "--steps=4",
    "--checkpoint_every=2",
)


def _config(run_dir, *words):
    return tiny_config(*WORDS, *words, f"--run_dir={run_dir}")


def _checkpoint(run_dir, step=4):
    reader = tf.train.load_checkpoint(f"{run_dir}/checkpoints/ckpt-{step}")
    return {
        n.removeprefix("state/").split("/.A")[0].replace(".S", "/"): (
            reader.get_tensor(n)
        )
        for n in reader.get_variable_to_shape_map()
        if "GRAPH" not in n and "seconds" not in n and "counter" not in n
    }


def _arrays(path):
    with np.load(path) as file:
        return dict(file)


def _ticket(run_dir):
    with open(f"{run_dir}/ticket.json", encoding="utf-8") as file:
        return json.load(file)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The directory of a ticket that nothing disturbed."""
    run_dir = tmp_path_factory.mktemp("whole") / "ticket"

    def noted(*args):
        prepared = prepare(*args)
        NETWORKS.append(weakref.ref(prepared.experiment.gan.generator))
        return prepared

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tickets, "prepare", noted)
        assert run(_config(run_dir), flags_text="--rounds=2\n") is None
    return run_dir


NETWORKS = []  # of the rounds of `whole`


def test_a_round_leaves_no_networks_in_memory(whole):
    assert [network() for network in NETWORKS] == [None] * 3


def test_the_dense_round_saves_the_point_to_rewind_to(whole):
    saved = _arrays(whole / "round_0/rewind.npz")
    state = _checkpoint(whole / "round_0", step=2)
    assert len(saved) == 61 - 11 + 32
    for name, value in saved.items():
        np.testing.assert_array_equal(value, state[f"gan/{name}"], name)


@pytest.mark.parametrize("number", [1, 2])
def test_survivors_are_rewound_exactly(whole, number):
    config = _config(whole)
    images = load_images(config)
    round_ = list(rounds_of(config.at(len(images.train))))[number]
    experiment = prepare(round_.config, images).experiment
    experiment.regan.on_train_begin()
    experiment.regan.on_epoch_begin(0)
    experiment.regan.on_train_batch_begin(0)
    state = {n: v.numpy() for n, v in experiment.gan.state.items()}
    masks = _arrays(whole / f"masks_{number}.npz")
    for name, value in _arrays(whole / "round_0/rewind.npz").items():
        expected = value * masks.get(name, 1)
        np.testing.assert_array_equal(state[name], expected, name)
        if name.startswith("generator/"):
            copy = state[name.replace("generator", "average")]
            np.testing.assert_array_equal(copy, expected, name)
    assert state["generator_optimizer/adam/iteration"] == 0


def test_masks_are_the_smallest_survivors_of_the_round_before(whole):
    before = None
    # 1 − 0.5^(1/2), and 0.5: of all convolutions of a network together.
    for number, removed in (1, 1 - 0.5**0.5), (2, 0.5):
        trained = _checkpoint(whole / f"round_{number - 1}")
        masks = _arrays(whole / f"masks_{number}.npz")
        assert not any("dense" in name for name in masks)
        for network, size in ("generator", 1020), ("discriminator", 1144):
            names = [n for n in masks if n.startswith(network)]
            kernels = [trained[f"gan/{n}"].ravel() for n in names]
            kernels = np.abs(np.concatenate(kernels))
            kept = np.concatenate([masks[n].ravel() for n in names])
            assert len(kept) == size
            assert (~kept).sum() == int(removed * len(kept))
            top = [max(np.abs(trained[f"gan/{n}"]).ravel()) for n in names]
            least = np.sort(kernels[kept])
            largest = kernels[~kept].max()
            # But for the largest of a kernel, which always stays.
            assert all(x in top for x in least[least < largest])
        for name, mask in (before or {}).items():
            assert not (masks[name] & ~mask).any()
        before = masks


def test_totals_add_up(whole):
    ticket = _ticket(whole)
    rounds = ticket["rounds"]
    assert ticket["finished"]
    assert [x["round"] for x in rounds] == [0, 1, 2]
    assert [x["images_shown"] for x in rounds] == [4 * 2 * 4] * 3
    for name, value in ticket["total"].items():
        assert value == pytest.approx(sum(x[name] for x in rounds)), name
    sparse = [x["theoretical_sparse_flops"] for x in rounds]
    assert sparse[0] > sparse[1] > sparse[2]
    assert sparse[0] == rounds[1]["theoretical_flops"]
    with open(whole / "result.json", encoding="utf-8") as file:
        result = json.load(file)
    assert result["images_shown"] == 96 and result["cost"] == ticket["total"]
    assert result["name"] == "ticket" and result["flags"] == ["--rounds=2"]


def test_a_round_delivers_its_own_half(whole):
    for number, kind in enumerate(("dense", "sparse", "sparse")):
        folder = whole / f"round_{number}/saved_model"
        assert os.listdir(folder) == [kind]
    with open(folder / "sparse/about.json", encoding="utf-8") as file:
        about = json.load(file)
    zeros = [~m for n, m in _arrays(whole / "masks_2.npz").items()]
    names = list(_arrays(whole / "masks_2.npz"))
    mine = [z.sum() for n, z in zip(names, zeros, strict=True) if "gen" in n]
    assert about["kernel_zeros"] == sum(mine)


def test_a_finished_ticket_says_so(whole, capsys):
    before = _ticket(whole)
    assert run(_config(whole), flags_text="--rounds=2\n") is None
    said = capsys.readouterr().out
    assert said.count("finished before") == 3
    assert "this ticket is finished, 96 images shown in all" in said
    assert _ticket(whole) == before


def test_scores_are_those_of_a_round(whole):
    with pytest.raises(UserError, match=r"rounds, such as .*ticket/round_0$"):
        evaluate(Request("run_dir", str(whole), {}, {}))
    assert not (whole / "evaluation").exists()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--sparsity=0.4", r"method.sparsity: 0.5 → 0.4"),
        ("--rounds=3", r"method.rounds: 2 → 3"),
        ("--steps=6", r"ticket.steps: 4 → 6"),
    ],
)
def test_another_ticket_is_refused(whole, word, message):
    with pytest.raises(UserError, match=message) as error:
        run(_config(whole, word))
    assert "\n" not in str(error.value)


def test_names_are_the_same_in_every_round(whole):
    names = [_checkpoint(whole / f"round_{n}").keys() for n in (1, 2)]
    assert names[0] == names[1]
    assert "gan/generator/up1_conv1/kernel" in names[0]
    # The dense round has no masks and no pruner; all else is called alike.
    dense = _checkpoint(whole / "round_0").keys()
    more = names[0] ^ dense
    assert {n.partition("/")[0] for n in more} == {
        "pair",
        "pruner_generator",
        "pruner_discriminator",
        "scorer",
        "gan",
    }
    assert all("kernel_mask" in n for n in more if n.startswith("gan/"))


class Killed(Exception):
    """Stands for the end of the process."""


def _breaking(step, how):
    """`StopOnSignal.on_train_batch_end` that is disturbed once."""
    original, disturbed = StopOnSignal.on_train_batch_end, []

    def disturb(self, batch, logs=None):
        if batch + 1 == step and not disturbed:
            disturbed.append(batch)
            how()
        original(self, batch, logs)

    return disturb


def _kill():
    raise Killed


def _terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def _assert_same(expected, got):
    for number in range(3):
        folders = [x / f"round_{number}" for x in (expected, got)]
        one, two = map(_checkpoint, folders)
        assert one.keys() == two.keys()
        for name, value in one.items():
            np.testing.assert_array_equal(two[name], value, name)
    tickets = [_ticket(x) for x in (expected, got)]
    for ticket in tickets:
        for part in (ticket["total"], *ticket["rounds"]):
            del part["train_seconds"]
    assert tickets[0] == tickets[1]


@pytest.mark.slow
def test_broken_everywhere_it_goes_on_as_if_never(
    whole, tmp_path, monkeypatch, capsys
):
    config = _config(tmp_path / "ticket")
    with monkeypatch.context() as patch:  # within the dense round
        hook = _breaking(3, _kill)
        patch.setattr(StopOnSignal, "on_train_batch_end", hook)
        with pytest.raises(Killed):
            run(config)
    with monkeypatch.context() as patch:  # between two rounds
        patch.setattr(tickets, "save_arrays", lambda *_: _kill())
        with pytest.raises(Killed):
            run(config)
    assert "going on after step 2" in capsys.readouterr().out
    assert not _ticket(tmp_path / "ticket")["finished"]
    with monkeypatch.context() as patch:  # within a later round
        hook = _breaking(3, _terminate)
        patch.setattr(StopOnSignal, "on_train_batch_end", hook)
        assert run(config) == "SIGTERM"
    assert "stopped by SIGTERM after step 3" in capsys.readouterr().out
    assert not (tmp_path / "ticket/round_2").exists()
    assert run(config) is None
    _assert_same(whole, tmp_path / "ticket")


@pytest.mark.slow
def test_killed_in_another_process_it_is_the_same(whole, tmp_path):
    run_dir = tmp_path / "ticket"
    command = [sys.executable, "train_main.py", *TINY, *WORDS]
    command.append(f"--run_dir={run_dir}")
    log = run_dir / "round_1/metrics.jsonl"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not log.exists():
            time.sleep(0.02)
        process.kill()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "round 0 of 2, dense: finished before" in done.stdout
    _assert_same(whole, run_dir)


def test_a_signal_between_rounds_keeps_the_next_from_starting(
    whole, tmp_path, monkeypatch, capsys
):
    class Prepared:
        def __init__(self, config, images, overwrite=False):
            self.config = config

        def execute(self, flags_text):
            number = os.path.basename(self.config.output.run_dir)
            os.symlink(whole / number, self.config.output.run_dir)
            return "SIGTERM" if number == "round_1" else None

    monkeypatch.setattr(tickets, "prepare", Prepared)
    assert run(_config(tmp_path / "t")) == "SIGTERM"
    assert "stopped by SIGTERM after round 1; the" in capsys.readouterr().out
    assert len(_ticket(tmp_path / "t")["rounds"]) == 2
    assert not (tmp_path / "t/round_2").exists()
    # The masks of round 1 come from the same checkpoint of round 0.
    for name, mask in _arrays(tmp_path / "t/masks_1.npz").items():
        expected = _arrays(whole / "masks_1.npz")[name]
        np.testing.assert_array_equal(mask, expected)
    assert run(_config(tmp_path / "t")) is None
    assert _ticket(tmp_path / "t")["finished"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--mask_exclude=nothing", "must name layers"),
        ("--rewind=4", "--rewind must be"),
        ("--num_images=5000", "1438"),
        ("--features=classifier", "classifier"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_mistakes_leave_everything_as_it_was(
    tmp_path, word, message, overwrite, monkeypatch
):
    if "classifier" in word:
        monkeypatch.setattr(
            "regan_tf.evaluation._why_no_classifier", lambda _: "no classifier"
        )
    with pytest.raises(UserError, match=message) as error:
        run(_config(tmp_path / "t", word), overwrite=overwrite)
    assert "\n" not in str(error.value)
    assert os.listdir(tmp_path) == []


def test_several_workers_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tickets, "num_workers", lambda: 2)
    with pytest.raises(UserError, match="trains in one process"):
        run(_config(tmp_path / "t"))


def test_a_damaged_round_is_told(whole, tmp_path, monkeypatch):
    run_dir = tmp_path / "t"
    run_dir.mkdir()
    for name in ("config.json", "flags.txt"):
        (run_dir / name).write_bytes((whole / name).read_bytes())
    (run_dir / "round_0").mkdir()
    for name in ("summary.json", "result.json"):
        path = run_dir / "round_0" / name
        path.write_bytes((whole / "round_0" / name).read_bytes())
    with pytest.raises(UserError, match=r"checkpoint in .* cannot be read"):
        run(_config(run_dir))


def test_a_dense_round_alone_is_an_ordinary_run(tmp_path):
    config = _config(tmp_path / "r", "--prune=none", "--rewind=0")
    experiment = joined_run(config)
    assert experiment.regan is None
    first = experiment.callbacks()[1]
    assert first.next_stop(0) == sys.maxsize
    first.on_train_batch_begin(0)
    saved = _arrays(tmp_path / "r/rewind.npz")
    for name, value in saved.items():
        got = experiment.gan.state[name].numpy()
        np.testing.assert_array_equal(got, value)
