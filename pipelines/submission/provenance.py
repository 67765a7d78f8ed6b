"""Where a number came from: versions, commit, memory."""

import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("torch", "numpy", "pandas", "scikit-learn", "scipy", "rtdl_num_embeddings", "tabm")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that the numbers depend on."""
    return {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}}


def git_commit() -> str | None:
    """The commit of this source tree, with `-dirty` after it if files differ; None outside git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(  # noqa: S603 a fixed command
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def peak_memory_mb() -> float | None:
    """The largest resident memory of this process so far, in 10^6 bytes; None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)
