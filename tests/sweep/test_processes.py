"""Child processes: how many, where, and how they end."""

import os
import signal
import sys

import pytest

from regan_tf.errors import UserError
from regan_tf.sweep.processes import Job, run_all
from regan_tf.sweep.slots import Slot, make_slots
from regan_tf.train.run_dir import lock_folder

# Says that it has begun, and ends of its own accord only after a minute.
WAITS = "trap 'echo saved; exit 0' TERM INT; echo ready; sleep 60 & wait"


class Told:
    """A watcher that keeps what it is told, and may act on a tick."""

    def __init__(self, on_tick=lambda running: None):
        self.starts, self.ends, self.most = [], {}, 0
        self.tick = on_tick

    def started(self, child):
        self.starts.append(child.job.name)
        self.most = max(self.most, len(self.starts) - len(self.ends))

    def ended(self, child, stopping):
        self.ends[child.job.name] = child.code, child.last_lines()


@pytest.fixture
def job(tmp_path):
    """Function of a name and a shell script that makes a job."""

    def make(name, script):
        return Job(name, ("sh", "-c", script), str(tmp_path / f"{name}.log"))

    return make


def test_at_most_so_many_run_at_once(job, tmp_path):
    script = f"echo a >> {tmp_path}/n; sleep 0.3; echo e >> {tmp_path}/n"
    told = Told()
    jobs = [job(str(i), script) for i in range(5)]
    assert run_all(jobs, [Slot()] * 2, told) is None
    assert told.starts == list("01234")
    assert told.most == 2
    assert [code for code, _ in told.ends.values()] == [0] * 5
    lines = (tmp_path / "n").read_text().split()
    running = [lines[:i].count("a") - lines[:i].count("e") for i in range(11)]
    assert max(running) == 2


def test_a_failure_has_its_status_and_last_lines(job, tmp_path):
    told = Told()
    (tmp_path / "a.log").write_text("of an earlier start\n")
    jobs = [
        job("a", "echo x; echo; echo y >&2; exit 3"),
        job("b", "kill -9 $$"),
    ]
    run_all(jobs, [Slot()], told)
    assert told.ends == {"a": (3, ["x", "y"]), "b": (-9, [])}
    text = (tmp_path / "a.log").read_text()
    assert text.startswith("of an earlier start\n$ sh -c 'echo x;")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_passed_on_and_nothing_more_starts(job, tmp_path, number):
    def when_ready(running):
        if "ready" in running[0].last_lines():
            os.kill(os.getpid(), number)
            told.tick = lambda running: None

    told = Told(when_ready)
    before = signal.getsignal(number)
    jobs = [job("a", WAITS), job("b", "true")]
    assert run_all(jobs, [Slot()], told) == number
    assert told.ends == {"a": (0, ["ready", "saved"])}
    assert signal.getsignal(number) is before


def test_processes_end_when_the_watcher_fails(job):
    children = []

    def fail(running):
        children[:] = running
        if "ready" in running[0].last_lines():
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run_all([job("a", WAITS)], [Slot()], Told(fail))
    assert children[0].code == 0
    assert children[0].last_lines() == ["ready", "saved"]


def test_a_process_keeps_a_lock_that_its_parent_loses(job, tmp_path):
    lock = lock_folder(tmp_path, "in use")
    found = []

    def lose(running):
        if lock.closed:
            return
        lock.close()
        with pytest.raises(UserError, match="in use") as error:
            lock_folder(tmp_path, "in use")
        found.append(error)

    run_all([job("a", "sleep 0.4")], [Slot()], Told(lose), keep_open=lock)
    assert len(found) == 1
    lock_folder(tmp_path, "in use").close()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
def test_a_slot_has_its_cores_and_its_gpu(tmp_path):
    code = (
        "import os, time; time.sleep(0.3); "
        "print(os.sched_getaffinity(0), os.environ['CUDA_VISIBLE_DEVICES'])"
    )
    core = max(os.sched_getaffinity(0))
    slot = Slot((core,), {"CUDA_VISIBLE_DEVICES": "7"})
    told = Told()
    command = sys.executable, "-c", code
    run_all([Job("a", command, str(tmp_path / "log"))], [slot], told)
    assert told.ends["a"] == (0, [f"{{{core}}} 7"])


def test_slots_share_no_core_and_no_gpu(monkeypatch):
    monkeypatch.setattr("regan_tf.sweep.slots._cores", lambda: [0, 1, 2, 5, 6])
    slots = make_slots(2, 2)
    assert [slot.cores for slot in slots] == [(0, 1), (2, 5)]
    gpus = make_slots(None, gpus=["3", "1"])
    names = [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in gpus]
    assert names == ["3", "1"]
    assert make_slots(None) == [Slot()]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((0,), "--jobs must be at least 1. Received: 0"),
        ((2, 3), "--cores_per_job must be from 0 to 2: 2 jobs share 5 cores"),
        ((3, 0, ["0", "1"]), "--gpus must be 3 unlike GPUs, one a job"),
        ((None, 0, ["1", "1"]), "--gpus must be 2 unlike GPUs, one a job"),
    ],
)
def test_what_the_machine_has_not(monkeypatch, words, message):
    monkeypatch.setattr("regan_tf.sweep.slots._cores", lambda: [0, 1, 2, 5, 6])
    with pytest.raises(UserError) as error:
        make_slots(*words)
    assert message in str(error.value)
