"""The run directory: where everything a run makes is, and who may use it."""

import contextlib
import glob
import json
import os
import re
import shutil
import time

try:
    import fcntl
except ImportError:  # Windows has none; two runs in a folder go unnoticed
    fcntl = None

from regan_tf.config import differences
from regan_tf.errors import UserError


def write_atomically(path, content):
    """Writes a file, text or bytes, under a temporary name; then renames it.

    A reader, or a run that is killed, never sees a half-written file.
    """
    temporary = f"{path}.{os.getpid()}.tmp"
    if isinstance(content, str):
        content = content.encode()
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


@contextlib.contextmanager
def writing(path):
    """Turns the failure to write below `path` into one clear line.

    Raises:
        UserError: the disk is full, or `path` may not be written to.
    """
    try:
        yield
    except Exception as error:
        # TensorFlow's own errors are no OSError; known by module, so that
        # this file does not import TensorFlow.
        foreign = type(error).__module__.startswith("tensorflow")
        if not (isinstance(error, OSError) or foreign):
            raise
        reason = (str(error) or repr(error)).splitlines()[0][:200]
        raise UserError(
            f"cannot write to {path} ({reason}); make room or mend its "
            "permissions, and the same command goes on from the newest "
            "checkpoint"
        ) from None


@contextlib.contextmanager
def folder_atomically(path):
    """Yields a temporary folder that becomes `path` when the block ends.

    An older folder at `path` is replaced; if the block raises, it stays.
    """
    temporary = f"{path}.{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    os.makedirs(temporary)
    try:
        yield temporary
        old = f"{path}.{os.getpid()}.old"
        if os.path.exists(path):
            os.replace(path, old)
        os.replace(temporary, path)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def lock_folder(path, refusal):
    """Keeps other processes out of a folder.

    Args:
        path: the folder.
        refusal: what to say to those who come too late.

    Returns:
        An open file: closing it, or the end of the process, lets others in.
        None on Windows.

    Raises:
        UserError: another process is in.
    """
    if fcntl is None:
        return None
    file = open(os.path.join(path, ".lock"), "w")  # noqa: SIM115
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UserError(refusal) from None
    return file


_LAYOUT = {
    "config": ("config.json", "resolved configuration, versions"),
    "flags": ("flags.txt", "the same as flags: --flagfile=… runs it again"),
    "subset": ("subset.json", "indices of the training images used"),
    "metrics": ("metrics.jsonl", "one line a log: losses, phase, sparsity"),
    "scores": ("scores.jsonl", "one line a score"),
    "tensorboard": ("tensorboard", "tensorboard --logdir here"),
    "summary": ("summary.json", "the finished run: scores, cost, layers"),
    "result": ("result.json", "the same in short, to keep with the code"),
    "samples": ("samples", "image grids from fixed latents"),
    "evaluation": (
        "evaluation",
        "precision-recall curves, nearest training images",
    ),
    "checkpoints": ("checkpoints", "newest ones, and the best of each half"),
    "saved_model": (
        "saved_model",
        "generators to use: sparse, dense, best_sparse, best_dense",
    ),
}


class RunDir:
    """Paths of one run.

    Attributes are the paths of the layout: `config`, `flags`, `subset`,
    `metrics`, `scores`, `tensorboard`, `summary`, `result`, `samples`,
    `evaluation`,
    `checkpoints`, `saved_model`. Not every run has the others: `masks`, those
    of a file that it was given, and `rewind`, the weights that the later
    rounds of a ticket start from.

    Args:
        root: the run directory.
    """

    def __init__(self, root):
        self.root = root
        self._locked = None
        for name, (file, _) in _LAYOUT.items():
            setattr(self, name, os.path.join(root, file))
        self.masks = os.path.join(root, "masks.npz")
        self.rewind = os.path.join(root, "rewind.npz")

    def layout(self):
        """The layout, a line a part."""
        lines = [f"run directory {self.root}"]
        for file, meaning in _LAYOUT.values():
            lines.append(f"  {file:<14} {meaning}")
        return "\n".join(lines)

    def holds(self, facts):
        """Whether this very run is there to be resumed.

        Args:
            facts: flat dict, `ExperimentConfig.as_dict` in steps and whatever
                else makes a run what it is, such as its data's fingerprint.

        Raises:
            UserError: the directory holds another run, or something that is
                no run.
        """
        if os.path.exists(self.config):
            self._check_same(facts)
            return True
        if os.path.isdir(self.root) and os.listdir(self.root):
            raise UserError(
                f"--run_dir={self.root} is not empty and holds no run; name "
                "another folder, or pass --overwrite to move it aside"
            )
        return False

    def create(self, facts, flags_text, overwrite=False):
        """Makes the directory, locks it, and notes the run in it.

        Args:
            facts: as in `holds`.
            flags_text: the run as a flag file.
            overwrite: move what is there aside first.

        Raises:
            UserError: the directory cannot be made, or another process is
                training in it.
        """
        try:
            if overwrite and os.path.exists(self.root):
                if os.path.isdir(self.root):
                    self._lock()
                self._move_aside()
            for folder in self._folders():
                os.makedirs(folder, exist_ok=True)
            self._lock()
        except OSError as error:
            raise UserError(
                f"--run_dir={self.root} cannot be made: {error.strerror}"
            ) from None
        self._sweep()
        document = {"config": facts, "versions": versions()}
        with writing(self.root):
            text = json.dumps(document, indent=1) + "\n"
            write_atomically(self.config, text)
            write_atomically(self.flags, flags_text)

    def _folders(self):
        return self.root, self.samples, self.evaluation, self.saved_model

    def _sweep(self):
        """Removes what a killed process left under temporary names."""
        for folder in self._folders():
            for name in os.listdir(folder):
                if name.endswith((".tmp", ".old")):
                    path = os.path.join(folder, name)
                    if os.path.isdir(path):
                        shutil.rmtree(path, ignore_errors=True)
                    else:
                        os.remove(path)

    def _lock(self):
        """Keeps other processes out until this one ends, however it ends."""
        self._locked = lock_folder(
            self.root,
            f"another process is training in --run_dir={self.root}; wait "
            "for it, stop it, or name another folder",
        )

    def unlock(self):
        """Lets other processes in."""
        if self._locked is not None:
            self._locked.close()

    def _move_aside(self):
        stamp = time.strftime("%Y%m%d-%H%M%S")
        aside = f"{self.root.rstrip('/')}.old-{stamp}"
        os.rename(self.root, aside)
        print(f"moved the old run directory to {aside}")

    def _check_same(self, new):
        try:
            with open(self.config, encoding="utf-8") as file:
                old = dict(json.load(file)["config"])
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            raise UserError(
                f"{self.config} is damaged; pass --overwrite to start afresh"
            ) from None
        new = json.loads(json.dumps(new))
        changed = differences(old, new)
        if changed:
            listed = "; ".join(f"{n}: {a!r} → {b!r}" for n, a, b in changed)
            raise UserError(
                f"--run_dir={self.root} holds a run with another "
                f"configuration ({listed}); go back to it, name another "
                "--run_dir, or pass --overwrite"
            )
        self._check_length(new)
        steps = [facts.get("training.steps") for facts in (old, new)]
        if steps[0] != steps[1] and new.get("training.lr_decay") != "none":
            print(
                f"note: --steps was {steps[0]} and is {steps[1]}; the "
                "learning rate decays over the new length from here on"
            )

    def _check_length(self, new):
        """Refuses fewer steps than are trained, before anything is written."""
        names = glob.glob(
            os.path.join(glob.escape(self.checkpoints), "ckpt-*.index")
        )
        found = [re.search(r"ckpt-(\d+)\.index$", name) for name in names]
        trained = max((int(x.group(1)) for x in found if x), default=0)
        steps = new.get("training.steps", trained)
        if trained > steps:
            raise UserError(
                f"--steps={steps} is less than the {trained} steps that this "
                f"run has been trained for; pass --steps={trained} or more"
            )


def versions():
    """Versions of Python and of the packages that results depend on."""
    import platform
    from importlib.metadata import version

    packages = ("tensorflow", "keras", "numpy", "tensorflow-gan")
    return {"python": platform.python_version()} | {
        name: version(name) for name in packages
    }
