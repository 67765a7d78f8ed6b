"""A place for competitions' folders, and the ways to make one."""

import pytest
from made_files import written
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.new.commands import examine
from pipelines.new.roles import Said
from pipelines.settings import lookup


@pytest.fixture
def competitions(tmp_path, monkeypatch):
    """An empty folder in the place of `competitions/`."""
    folder = tmp_path / "competitions"
    folder.mkdir()
    monkeypatch.setattr(lookup, "FOLDER", folder)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def new(competitions):
    """Run the command."""

    def go(*arguments):
        return CliRunner().invoke(app, ["new", *map(str, arguments)])

    return go


@pytest.fixture
def found(tmp_path):
    """What is found out about files: frames by name."""

    def go(files, **said):
        return examine("made-up", "made_up", written(files, tmp_path / "files"), Said(**said))

    return go
