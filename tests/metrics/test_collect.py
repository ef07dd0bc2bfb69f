"""Images to features: batches, rows kept, threads, failures."""

import threading

import numpy as np
import pytest

from regan_tf.errors import UserError
from regan_tf.metrics import Features
from regan_tf.metrics.collect import BATCH, collect


class _First:
    """Feature: the first pixel's red, twice; logits: its place of three."""

    def __init__(self, fail_at=None):
        self.threads, self.fail_at = set(), fail_at

    def __call__(self, images):
        self.threads.add(threading.get_ident())
        red = images[:, 0, 0, 0].astype(np.float32)
        if self.fail_at is not None and self.fail_at in red:
            raise UserError("broken")
        return Features(np.stack([red, red], 1), np.eye(3)[images[:, 0, 0, 1]])


def _numbered(count, start):
    """Image i: red i modulo 256, green i modulo 3."""
    images = np.zeros((count, 4, 4, 3), np.uint8)
    numbers = np.arange(start, start + count)
    images[..., 0] = (numbers % 256)[:, None, None]
    images[..., 1] = (numbers % 3)[:, None, None]
    return images


def _collect(networks, count=250, rows=(0,), **options):
    return collect(
        networks,
        [_numbered] * len(networks),
        count,
        resolution=4,
        rows=np.array(rows, int),
        **options,
    )


@pytest.mark.parametrize("devices", [1, 2, 4])
def test_order_rows_and_counts_by_hand(devices):
    networks = [_First() for _ in range(devices)]
    found = _collect(networks, rows=(0, 99, 100, 249), keep_logits=True)
    assert found.rows[:, 0].tolist() == [0, 99, 100, 249]
    assert found.class_counts.tolist() == [84, 83, 83]
    assert found.logits.argmax(1).tolist() == [i % 3 for i in range(250)]
    assert found.statistics.count == 250
    assert found.statistics.total[0] == sum(range(250))


def test_every_device_gets_its_share_in_a_thread_of_its_own():
    networks = [_First() for _ in range(2)]
    asked = []

    def source(count, start):
        asked.append((start, count))
        return _numbered(count, start)

    collect(networks, [source] * 2, 250, resolution=4, rows=np.array([], int))
    assert sorted(asked) == [(0, BATCH), (100, BATCH), (200, 50)]
    assert all(n.threads for n in networks)


def test_no_logits_and_no_rows():
    class Bare(_First):
        def __call__(self, images):
            return super().__call__(images)._replace(logits=None)

    found = _collect([Bare()], rows=(), keep_logits=True)
    assert found.rows.shape == (0, 2)
    assert found.class_counts is None
    assert found.logits is None


@pytest.mark.parametrize("devices", [1, 3])
def test_a_failure_on_any_device_ends_it(devices):
    networks = [_First(fail_at=120) for _ in range(devices)]
    with pytest.raises(UserError, match="broken"):
        _collect(networks)


def test_progress_is_shown(capsys, monkeypatch):
    monkeypatch.setattr("regan_tf.metrics.collect._DELAY", 0)
    _collect([_First()], progress="features of noise")
    assert "features of noise" in capsys.readouterr().err
