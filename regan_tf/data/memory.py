"""How much memory the images may take."""

import os

_SHARE = 0.4  # of the memory available now; the rest is for the training
_FALL_BACK_BYTES = 2**31


def default_memory_limit() -> int:
    """Bytes that the images of one set may take: 40% of what is available.

    Available is what Linux reports, within a container at most its limit;
    elsewhere the free pages, and 2 GiB where nothing is known.
    """
    available = _meminfo_available() or _free_pages() or _FALL_BACK_BYTES
    container = _container_limit()
    if container is not None:
        available = min(available, container)
    return int(_SHARE * available)


def _meminfo_available() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _free_pages() -> int | None:
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):  # not known to this system
        return None


def _container_limit() -> int | None:
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            return int(file.read())  # "max", without a limit, is no int
    except (OSError, ValueError):
        return None
