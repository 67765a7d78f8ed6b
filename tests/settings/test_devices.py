"""A device is refused by its name, before torch is loaded, where the installed torch has none such."""

from importlib import metadata

import pytest

from pipelines.errors import UsageError
from pipelines.settings import knobs

ANYWHERE = [
    ("auto", "2.13.0+cpu", "linux"),
    ("cpu", "2.13.0+cpu", "linux"),
    ("cuda", "2.13.0", "linux"),  # as Linux has it from the usual registry: whether there is a GPU, torch says
    ("cuda:1", "2.13.0+cu130", "win32"),
    ("cuda", "2.13.0+rocm6.4", "linux"),
    ("cuda", "", "linux"),
    ("mps", "2.13.0", "darwin"),
]
NOWHERE = [
    ("tpu", "2.13.0", "linux", "known: auto, cpu, cuda, mps"),
    ("cuda:x", "2.13.0", "linux", "known: auto, cpu, cuda, mps"),
    ("cuda", "2.13.0+cpu", "linux", r"torch 2\.13\.0\+cpu is the one for the CPU"),
    ("cuda:1", "2.13.0", "darwin", "a Mac has no CUDA, its GPU is mps"),
    ("cuda", "", "darwin", "a Mac has no CUDA, its GPU is mps"),
    ("mps", "2.13.0+cpu", "linux", "mps is a Mac's"),
]
NEXT = {"darwin": "leave --device out, or use --device mps", "linux": "leave --device out, or use --device cpu"}


@pytest.mark.parametrize(("device", "torch", "system"), ANYWHERE)
def test_what_may_be_there_is_left_to_torch(device, torch, system):
    assert knobs.refuse_device(device, torch, system) is None


@pytest.mark.parametrize(("device", "torch", "system", "why"), NOWHERE)
def test_what_cannot_be_there_is_refused_with_the_reason(device, torch, system, why):
    with pytest.raises(UsageError, match=f"device '{device}' is not available here; {why}") as refused:
        knobs.refuse_device(device, torch, system)
    hint, more = refused.value.hint.partition("; ")[::2]
    assert (hint, "torch for CUDA" in more) == (NEXT[system], torch.endswith("+cpu") and device == "cuda")


def test_a_torch_that_names_no_version_is_asked_itself(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    assert knobs.torch_version() == metadata.version("torch")
    monkeypatch.setattr(metadata, "version", lambda _name: None)
    assert knobs.torch_version() == ""
    monkeypatch.setattr(metadata, "version", absent)
    assert knobs.torch_version() == ""
