"""Shared fixtures: fixed seeds, no network, the embedded sample as files, and the real files where they are."""

import os
import signal
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: as the command line has it, see __main__.main

from pipelines.competition import Number, Variant
from pipelines.data.sources import from_sample
from pipelines.encoders import TabularEncoder
from pipelines.metrics import rmse
from pipelines.models import MLP
from pipelines.settings.knobs import Knobs
from pipelines.settings.lookup import load

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell does in the background; programs inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item):
    import torch

    wanted = os.environ.get("HOMEWORK_DEVICE", "cuda")
    if item.get_closest_marker("cuda") and wanted.startswith("cuda") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


@pytest.fixture(autouse=True)
def fixed_seeds():
    import torch

    np.random.seed(0)  # noqa: NPY002 scikit-learn's own checks draw from the global state
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch):
    connect = socket.socket.connect

    def guarded(self, address):
        host = address[0] if isinstance(address, tuple) else address
        assert self.family == getattr(socket, "AF_UNIX", None) or str(host) in {"127.0.0.1", "::1"}, (
            f"a test called {host}"
        )
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def nobody_signed_in(monkeypatch, tmp_path_factory):
    """No credentials: a test of `run` must not download with those of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("KAGGLE_")]:
        monkeypatch.delenv(name)
    home = str(tmp_path_factory.mktemp("home"))
    for name in ("HOME", "USERPROFILE", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, home)


@pytest.fixture(autouse=True)
def runs_of_their_own(monkeypatch, tmp_path):
    """What one test has trained is not there for another; the command line has an option of its own."""
    monkeypatch.setitem(Knobs.__init__.__kwdefaults__, "runs", tmp_path / "runs")


@pytest.fixture(scope="session")
def titanic():
    return load("titanic")


@pytest.fixture
def toy(titanic):
    """Titanic's shell around a linear model of plain columns; no baselines but the two of every competition."""
    encoder, linear = lambda: TabularEncoder(("signal", "noise")), lambda d, c: MLP([d, c])
    variant = Variant(make_encoder=encoder, make_model=linear)
    return replace(titanic, variants={"network": variant}, baselines={}, published=None)


@pytest.fixture
def number_toy(toy):
    """The same shell around a target that is a number."""
    return replace(toy, classes=(), number=Number(), metric=rmse, submit="values")


@pytest.fixture(scope="session")
def sample_files(titanic) -> dict[str, bytes]:
    return dict(from_sample(titanic).files)


@pytest.fixture
def sample_folder(sample_files, tmp_path) -> Path:
    folder = tmp_path / "given"
    folder.mkdir()
    for name, data in sample_files.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the competitions' own files, one folder per slug; tests that need it are marked `real_data`."""
    root = os.environ.get("HOMEWORK_DATA")
    if not root:
        pytest.skip("HOMEWORK_DATA does not name a folder with the competitions' own files")
    return Path(root)
