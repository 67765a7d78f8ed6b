"""Memory that is freed stays with the process: asking for it again costs a page fault for every 4 KB."""

import ctypes
import sys

# Of glibc's malloc.h: which knob, and bytes.
KNOBS = {"M_TRIM_THRESHOLD": (-1, 256 << 20), "M_TOP_PAD": (-2, 64 << 20), "M_MMAP_THRESHOLD": (-3, 32 << 20)}


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed blocks below 32 MB; False where there is no glibc, and nothing is changed.

    A stack of a hundred small networks allocates and frees the same megabytes in each step; without
    this a quarter of its time goes into page faults (LOG.md, 2026-11-23).
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return all(mallopt(knob, size) == 1 for knob, size in KNOBS.values())
