"""Two worker processes on this machine, as TF_CONFIG describes them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.test_end_to_end import _checkpoint, _figures, _last_step
from tests.tiny import TINY


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _start(run_dir, steps):
    workers = [f"127.0.0.1:{port}" for port in _free_ports(2)]
    processes = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        cluster = {"cluster": {"worker": workers}, "task": task}
        words = (*TINY, f"--steps={steps}", f"--run_dir={run_dir}")
        processes.append(
            subprocess.Popen(
                [
                    sys.executable,
                    "train_main.py",
                    *words,
                    "--log_every=2",
                    "--lr_decay=none",
                ],
                env={**os.environ, "TF_CONFIG": json.dumps(cluster)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    return processes


def _wait(processes):
    outputs = [p.communicate(timeout=300)[0] for p in processes]
    assert [p.returncode for p in processes] == [0, 0], outputs
    return outputs


@pytest.mark.slow
def test_two_workers_train_stop_and_go_on(tmp_path):
    run_dir = tmp_path / "run"
    first = _start(run_dir, 400)
    while first[0].poll() is None and _last_step(run_dir) < 20:
        time.sleep(0.05)
    first[1].send_signal(signal.SIGTERM)  # to the one that is not the chief
    outputs = _wait(first)
    assert "stopped by a signal to another worker" in outputs[0]
    stopped = _figures(run_dir)[-1]["step"]
    _wait(_start(run_dir, stopped + 40))
    assert _figures(run_dir)[-1]["step"] == stopped + 40
    whole = tmp_path / "whole"
    _wait(_start(whole, stopped + 40))
    expected, got = _checkpoint(whole), _checkpoint(run_dir)
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-5, err_msg=name)
