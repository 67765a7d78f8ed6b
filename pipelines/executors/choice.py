"""The executor that was asked for: `--jobs`, `--cluster`, or a process for each GPU where there are several."""

import torch

from pipelines.executors.threads import THREADS, Executor
from pipelines.settings.knobs import Knobs
from pipelines.settings.lookup import folder_of


def executor_of(knobs: Knobs, device: torch.device, slug: str) -> Executor:
    """What is to be entered while a competition is cross-validated; threads, where nothing else is asked for."""
    if knobs.cluster is not None:
        from pipelines.executors.cluster import Cluster

        return Cluster(knobs.cluster, folder_of(slug))
    devices = devices_of(device)
    if knobs.jobs is None and not devices:
        return THREADS

    from pipelines.executors.processes import Processes

    return Processes(knobs.jobs or len(devices), devices)


def devices_of(device: torch.device) -> tuple[str, ...]:
    """All GPUs where one is meant that has no number, and there are several."""
    n_gpus = torch.cuda.device_count() if device.type == "cuda" and device.index is None else 0
    return tuple(f"cuda:{i}" for i in range(n_gpus)) if n_gpus > 1 else ()
