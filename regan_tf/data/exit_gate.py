"""Lets a program end while a tf.data pipeline still reads through Python.

Pipelines read ahead in threads of their own. Once the interpreter begins to
finalize, such a thread waits for it forever, and the iterator's destructor
waits for the thread: without this gate a program that ends, or fails, while
an iterator is alive hangs instead.
"""

import atexit
import threading
import time
from collections.abc import Callable
from typing import Any

from regan_tf.errors import UserError

_QUIET_SECONDS = 0.1
_PATIENCE_SECONDS = 10.0


class ExitGate:
    """Counts the calls of guarded functions, and refuses them once closed.

    Attributes:
        failure: the `UserError` that a guarded function has raised, which
            TensorFlow wraps into an error and a traceback of its own.
    """

    def __init__(self) -> None:
        self.failure: UserError | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._entered = 0
        self._inside = 0

    def guard(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, raising RuntimeError once the gate is closed."""

        def guarded(*args: Any) -> Any:
            with self._lock:
                self._entered += 1
                if self._closed:
                    raise RuntimeError("the program is ending")
                self._inside += 1
            try:
                return function(*args)
            except UserError as error:
                self.failure = error
                raise
            finally:
                with self._lock:
                    self._inside -= 1

        return guarded

    def close(self) -> None:
        """Refuses new calls and waits until none has come for a moment.

        A pipeline whose reads fail soon stops asking, as its buffers are
        full of errors; that takes it far less than the moment waited.
        """
        self._closed = True
        deadline = time.monotonic() + _PATIENCE_SECONDS
        seen = -1
        while time.monotonic() < deadline:
            if seen == self._entered and not self._inside:
                return
            seen = self._entered
            time.sleep(_QUIET_SECONDS)


reads = ExitGate()
# Runs before finalization, while other threads can still get the interpreter.
atexit.register(reads.close)
