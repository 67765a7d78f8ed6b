"""`lecture 13-names --name WORD`: trained once, kept, and asked again."""

import gzip
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from lectures.course import name_classifier
from lectures.course.data import made_files
from lectures.course.lecture import Setting
from lectures.course.name_classifier import classifier, say_country
from lectures.course.program import FOLDER
from pipelines.__main__ import app
from pipelines.errors import UsageError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with 200 training names and 20 to test with, and the cache beside it."""
    folder = tmp_path_factory.mktemp("names")
    (folder / "names").mkdir()
    for place, content in made_files("names").items():
        rows = content.splitlines()[: 200 if "train" in place else 20]
        (folder / f"{place}.gz").write_bytes(gzip.compress(b"\n".join(rows)))
    return folder


@pytest.fixture
def setting(folder):
    """Its `said` are the lines that were said."""
    said = []
    return Setting(data=folder, cache=folder / "cache", pictures=folder / "pictures", say=said.append), said


def test_the_network_is_trained_once_and_a_damaged_one_again(setting, monkeypatch):
    made, said = setting
    trained = classifier(made)
    assert any("the program trains one" in line for line in said)
    [path] = (made.cache / "names").glob("classifier-*-0.safetensors")
    whole = path.read_bytes()
    monkeypatch.setattr(name_classifier, "run_program", lambda *_: pytest.fail("trained again"))
    kept = classifier(made)
    assert kept.countries == trained.countries
    assert kept.characters == trained.characters
    assert dict(kept.probabilities("Chenwang")) == pytest.approx(dict(trained.probabilities("Chenwang")))
    path.write_bytes(whole[:-1])
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        classifier(made)
    path.write_bytes(whole)


def test_a_word_gets_three_countries_and_what_was_not_read_is_said(setting):
    made, said = setting
    trained = classifier(made)
    assert sum(share for _, share in trained.probabilities("Bergmann")) == pytest.approx(1)
    said.clear()
    say_country("Bérg王mann", made)
    assert said[-5:-3] == ["no training name has 王: left out", "Bergmann may come from"]
    best = trained.probabilities("Bergmann")[:3]
    assert [line.split()[0] for line in said[-3:]] == [country for country, _ in best]
    assert [line.split()[1] for line in said[-3:]] == [f"{share:.1%}" for _, share in best]


def test_a_word_of_letters_that_were_never_seen_is_refused(setting):
    with pytest.raises(UsageError, match="no training name has a character of '王'"):
        classifier(setting[0]).reading("王")


def test_on_the_command_line(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(name_classifier, "classifier", lambda setting: classifier_of(setting, folder))
    done = CliRunner().invoke(app, ["lecture", "13-names", "--name", "Montville", "--data", str(folder)])
    assert done.exit_code == 0, done.output
    assert "Montville may come from" in done.output
    assert "%" in done.output.splitlines()[-1]


def classifier_of(setting, folder):
    return classifier(Setting(data=setting.data, cache=folder / "cache", pictures=folder, seed=setting.seed))


@pytest.mark.parametrize("arguments", [["13", "--name", "Bo"], ["13-names", "--name", " "]])
def test_wrong_use_is_answered_before_torch(arguments):
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom pipelines.__main__ import app\n"
        f"done = CliRunner().invoke(app, {['lecture', *arguments]!r})\nprint(done.exit_code, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=FOLDER.parent)
    assert done.stdout.split()[-2:] == ["2", "False"], done.stderr
