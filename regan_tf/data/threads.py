"""Runs a function over many images in a shared pool of threads."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

T = TypeVar("T")

# More threads than this decode no faster: Pillow's Python parts share a lock.
NUM_THREADS = min(8, os.cpu_count() or 1)
_CHUNK = 64  # images a task at most, so that small images outweigh its cost
# Below this many seconds an image is mostly Python, which threads only slow
# down (CIFAR-10's JPEGs: 5,000 images/s by two threads, 9,600 by one).
_WORTH_A_THREAD = 2e-4
_TIMED = 8


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(NUM_THREADS, thread_name_prefix="decode")


def map_in_threads(
    function: Callable[[int], T], items: Sequence[int]
) -> list[T]:
    """`[function(i) for i in items]` in this order, in threads if that helps.

    The first items are timed; quick ones are all done by the calling thread.
    `function` must be thread-safe and must not call `map_in_threads` itself
    (it would wait for its own thread). Its first exception is raised here.
    """
    done: list[T] = []
    quickest = float("inf")
    for item in items[:_TIMED]:
        begin = time.perf_counter()
        done.append(function(item))
        quickest = min(quickest, time.perf_counter() - begin)
    rest = items[_TIMED:]
    if quickest < _WORTH_A_THREAD:
        return done + [function(item) for item in rest]

    def run(part: Sequence[int]) -> list[T]:
        return [function(item) for item in part]

    chunk = max(1, min(_CHUNK, -(-len(rest) // NUM_THREADS)))
    parts = [rest[i : i + chunk] for i in range(0, len(rest), chunk)]
    return done + [y for part in _pool().map(run, parts) for y in part]
