"""Every test here has an empty HOME and a stand-in for Kaggle; tests/conftest.py bars every other host."""

import io
import os
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import trustme
from made import COMPLETE, record_of
from stand_in import API, KEY, SIGNATURE, STORAGE, TOKEN, USERNAME, StandIn, make_zip
from typer.testing import CliRunner

from competitions.titanic.sample import make_sample
from pipelines.__main__ import app
from pipelines.data import manifest
from pipelines.kaggle import commands
from pipelines.submission import writer
from pipelines.web.patience import Patience

SECRETS = (KEY, TOKEN, SIGNATURE)


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture(scope="session")
def certificate(authority):
    return authority.issue_cert(API, STORAGE)


@pytest.fixture(scope="session")
def titanic_files():
    return {name: frame.to_csv(index=False).encode() for name, frame in make_sample(0).items()}


@dataclass
class Clock:
    """Time that passes only when somebody sleeps, on a day that ends only when a test says so."""

    now: float = 0.0
    date: datetime = datetime(2026, 2, 28, 12, tzinfo=UTC)
    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def patience(clock, request):
    """Waits that do not pass; where a test is about silence, a short limit for it."""
    read = 1.5 if any(word in request.node.name for word in ("silen", "stall")) else 10
    return Patience(connect=10, read=read, sleep=clock.sleep, clock=lambda: clock.now, now=lambda: clock.date)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty HOME and a working folder; nothing of the user's environment."""
    for name in list(os.environ):
        if name.upper().startswith("KAGGLE_") or name.lower().endswith("_proxy") or "CA_BUNDLE" in name:
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name, value in {"HOME": folder, "USERPROFILE": folder, "XDG_CONFIG_HOME": folder / "config"}.items():
        monkeypatch.setenv(name, str(value))
    return folder


@pytest.fixture
def site(home, authority, certificate, titanic_files, monkeypatch, tmp_path):
    stand_in = StandIn(certificate)
    stand_in.archives["titanic"] = make_zip(titanic_files)
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(authority.cert_pem.bytes())
    monkeypatch.setenv("https_proxy", stand_in.proxy)
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("KAGGLE_USERNAME", USERNAME)
    monkeypatch.setenv("KAGGLE_KEY", KEY)
    monkeypatch.setenv("VERBOSE", "1")
    yield stand_in
    stand_in.close()
    assert stand_in.strangers == []
    for path in Path.cwd().rglob("*"):
        if path.is_file():
            assert not [secret for secret in SECRETS if secret.encode() in path.read_bytes()], path


@pytest.fixture
def cli(monkeypatch, patience):
    """Run a command in this process, with time that does not pass; its output holds no secret."""
    monkeypatch.setattr(commands, "_patience", lambda _timeout: patience)

    def run(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert not [secret for secret in SECRETS if secret in result.output]
        assert "Traceback" not in result.output
        return SimpleNamespace(code=result.exit_code, out=result.stdout, text=result.output)

    return run


@pytest.fixture
def python():
    """Our command line as a process of its own, for a Titanic and a linter that do not wait for torch and pandas."""
    code = (
        "from types import SimpleNamespace\n"
        "from pipelines.settings import lookup\n"
        "from pipelines.submission import candidate\n"
        "files = ('train.csv', 'test.csv', 'gender_submission.csv')\n"
        "titanic = SimpleNamespace(slug='titanic', files=files, sample_submission=files[-1])\n"
        "lookup.load = lambda name: titanic\n"
        "candidate.check = lambda *_: None\n"
        "from pipelines.__main__ import main\n"
        "main()\n"
    )
    return [sys.executable, "-c", code]


@pytest.fixture
def ready(site, titanic_files):
    """The data folder, and one csv with its record; returns a function that makes another."""
    folder = Path("data/titanic")
    folder.mkdir(parents=True)
    for name, content in titanic_files.items():
        (folder / name).write_bytes(content)
    manifest.write(folder, "titanic", "kaggle")
    sample = titanic_files["gender_submission.csv"]

    def make(seed=0, **changes):
        frame = pd.read_csv(io.BytesIO(sample))
        frame["Survived"] = np.random.default_rng(seed).integers(0, 2, len(frame))
        csv = frame.to_csv(index=False).encode()
        record = replace(record_of("titanic", "gender_submission.csv", sample, csv), **changes)
        return writer.save(Path("submissions/titanic"), "fast", csv, record)

    site.verdicts = [{"status": "PENDING"}, COMPLETE]
    make()
    return make
