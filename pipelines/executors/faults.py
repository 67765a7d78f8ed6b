"""What can go wrong between this process and those that compute for it, in words."""

import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from pipelines.errors import HomeworkError, TrainingError, UsageError


class ClusterError(HomeworkError):
    """A cluster cannot be reached, is lost, or has nobody who works."""

    exit_code = 6


LOCAL = "local:"  # and a number: workers that are started on this computer
SECONDS = 5.0  # in which somebody has to answer at a scheduler's address


def refuse_silent(address: str | None, seconds: float = SECONDS) -> None:
    """Say, before anything heavy is loaded, that nobody answers at a scheduler's address.

    Raises: ClusterError.
    """
    if address is None or address.startswith(LOCAL):
        return
    where = urlsplit(address)
    try:
        socket.create_connection((where.hostname or "", where.port or 0), timeout=seconds).close()
    except (OSError, ValueError, OverflowError) as error:  # the latter for what is no port
        silent = f"it has said nothing within {seconds:g} s" if isinstance(error, TimeoutError) else str(error)
        raise unreachable(address, getattr(error, "strerror", None) or silent) from None


def unreachable(address: str, why: str) -> ClusterError:
    """There is no scheduler at an address."""
    return ClusterError(
        f"the scheduler {address} cannot be reached: {why}",
        "start one (dask scheduler; then dask worker ADDRESS on each machine) or correct --cluster; --cluster local:2 "
        "starts two workers on this computer",
        "请先启动 dask scheduler，并在各台机器上运行 dask worker 地址，或更正 --cluster；"
        "--cluster local:2 会在本机启动两个 worker",
    )


def lost(address: str) -> ClusterError:
    """A scheduler went away while it was needed."""
    return ClusterError(
        f"the scheduler {address} is gone",
        "start it and its workers again, then the same command: what is finished is kept, the rest is trained",
        "请重新启动 scheduler 和 worker，再运行同一命令：已完成的会保留，其余的继续训练",
    )


def idle(address: str, seconds: float) -> ClusterError:
    """A cluster without workers."""
    return ClusterError(
        f"the scheduler {address} has no workers, after {seconds:.0f} s",
        f"start some in the project's environment, on each machine: dask worker {address}",
        f"请在各台机器的项目环境中启动 worker：dask worker {address}",
    )


def deserted(address: str, seconds: float) -> ClusterError:
    """A cluster whose workers have all gone while they were needed."""
    return ClusterError(
        f"all workers of the scheduler {address} are gone, for {seconds:.0f} s",
        "start some again (dask worker, on each machine), then the same command: what is finished is kept, the rest is "
        "trained",
        "请在各台机器上重新启动 worker（dask worker），再运行同一命令：已完成的会保留，其余的继续训练",
    )


def foreign(worker: str, theirs: Mapping[str, str], ours: Mapping[str, str]) -> UsageError:
    """A worker whose project, Python or packages are others."""
    other = [name for name in ours if theirs.get(name) != ours[name]]
    said = "; ".join(f"{name} {theirs.get(name, 'not installed')} there, here {ours[name]}" for name in other)
    return UsageError(
        f"the worker {worker} has other versions: {said}",
        "give all machines the same environment and the same commit of the project, competitions/ too, then start the "
        "workers anew",
        "请让所有机器使用相同的环境和相同版本的项目（包括 competitions/），然后重新启动 worker",
    )


def without_project(worker: str, error: BaseException) -> UsageError:
    """A worker that cannot import the project."""
    return UsageError(
        f"the worker {worker} cannot load the project: {type(error).__name__}: {error}",
        "install it on that machine (pip install -e . in its folder), then start the worker anew",
        "请在该机器上安装本项目（在项目文件夹中运行 pip install -e .），然后重新启动 worker",
    )


def deadly(name: str, times: int) -> TrainingError:
    """A task whose process has ended each time."""
    return TrainingError(
        f"{name}: the process that computes it has ended {times} times before it was done",
        "the system ends processes where memory is full: train less at the same time (--jobs, --memory 500), or a "
        "smaller network; what else is finished is kept",
        "内存不足时系统会终止进程：请减少同时训练的数量（--jobs、--memory 500），或选较小的网络；其他已完成的会保留",
    )
