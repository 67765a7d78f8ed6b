"""Ideas tried on the made rows of Titanic, with models that take no time."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.competition import Preset, Variant
from pipelines.encoders import DefaultEncoder, TabularEncoder
from pipelines.errors import UsageError
from pipelines.ideas.idea import read_idea, with_idea
from pipelines.models import MLP
from pipelines.settings import lookup
from pipelines.submission.record import Record

ROOT = Path(__file__).resolve().parents[2]
QUICK = ["--data", "sample", "--folds", "2", "--seeds", "1"]
NOISE = (
    "import numpy as np\n\ndef add_features(rows):\n    return rows.assign(noise=np.arange(len(rows)) * 7919 % 101)\n"
)
SEX = "def add_features(rows):\n    return rows.assign(is_female=rows['Sex'] == 'female')\n"


@pytest.fixture(scope="module")
def few_rows(titanic):
    """300 made passengers with their fate and 100 without, made once."""
    return {name: frame[: 300 if name == "train.csv" else 100] for name, frame in titanic.make_sample().items()}


@pytest.fixture
def invoke(tmp_path, monkeypatch, titanic, few_rows):
    """Run the command line in an empty folder; Titanic has a linear model of the fare and another of the class."""
    linear = [
        Variant(make_encoder=lambda names=names: TabularEncoder(names), make_estimator=LogisticRegression)
        for names in (("Fare",), ("Pclass",))
    ]
    quick = replace(
        titanic, variants={"linear": linear[0], "class": linear[1]}, baselines={}, published=None,
        make_sample=lambda: few_rows, presets={"fast": Preset(folds=2, seeds=1, variants=("linear",))},
    )  # fmt: skip
    monkeypatch.setattr(lookup, "_import", lambda _folder: quick)
    monkeypatch.setattr(lookup.Outline, "variants", ["linear", "class"])
    monkeypatch.chdir(tmp_path)

    def go(*arguments, file=None):
        if file is not None:
            (tmp_path / "idea.py").write_text(file)
            arguments = (*arguments, "--features", "idea.py")
        return CliRunner().invoke(app, ["try", "titanic", *QUICK, *map(str, arguments)])

    return go


def runs(tmp_path):
    return sorted(path.name for path in (tmp_path / "runs" / "titanic").glob("2*"))


def ledger(tmp_path):
    path = tmp_path / "runs" / "titanic" / "ideas.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_an_idea_is_held_against_the_plain_way_and_counted_once(invoke, tmp_path):
    first = invoke("--json", file=NOISE)
    assert first.exit_code == 0, first.output
    found = json.loads(first.stdout)
    assert (found["outcome"], found["number"], found["tried"]) == ("not told apart", 1, 1)
    assert found["line"].endswith("1 idea tried on these folds; 2.0 errors are needed")
    assert found["comparison"]["gain"] == pytest.approx(found["comparison"]["score_b"] - found["comparison"]["score_a"])
    assert all(np.isfinite(found[name]) for name in ("best_of_useless", "errors_needed"))
    assert runs(tmp_path) == sorted([found["plain"], found["run"]])
    assert (tmp_path / "runs" / "titanic" / found["run"] / "idea.py").read_text() == NOISE
    (tmp_path / "rows.csv").write_text("PassengerId\n1\n")
    refused = CliRunner().invoke(app, ["predict", "titanic", "rows.csv", "--run", found["run"]])
    assert refused.exit_code == 2
    assert "is a run of try: what its idea.py adds is not in the competition" in refused.stderr
    (line,) = ledger(tmp_path)
    assert (line["gain"], line["se"]) == (found["comparison"]["gain"], found["comparison"]["se"])
    again = invoke("--json", file=f"# the same in other words\n{NOISE}")
    assert json.loads(again.stdout) == found
    assert runs(tmp_path) == sorted([found["plain"], found["run"]])  # both are found: no third, no fourth
    assert len(ledger(tmp_path)) == 1


def test_what_helps_is_told_even_after_others_and_the_best_useless_one_is_said(invoke, tmp_path):
    folds = ("--folds", "5")  # of two folds' scores next to nothing can be told
    assert invoke("-q", *folds, file=NOISE).exit_code == 0
    done = invoke(*folds, file=SEX)
    assert done.exit_code == 0, done.output
    line = done.stdout.splitlines()[-1]
    assert line.startswith("helps: +0.")
    assert " accuracy, 5 of 5 folds better; 2 ideas tried on these folds; the best of 2 useless ones would show" in line
    assert [each["what"] for each in ledger(tmp_path)] == ["add_features of idea.py"] * 2
    assert ledger(tmp_path)[0]["rows"] == ledger(tmp_path)[1]["rows"]
    assert ledger(tmp_path)[0]["plain"] == ledger(tmp_path)[1]["plain"]
    assert len(runs(tmp_path)) == 3
    listed = CliRunner().invoke(app, ["runs", "titanic", "--json"])
    assert [row["note"] for row in json.loads(listed.stdout)][-1] == "try: the plain way"
    other_folds = invoke(*folds, "--seed", "1", "--json", file=SEX)
    assert json.loads(other_folds.stdout)["number"] == 1


def test_a_variant_is_tried_beside_the_others(invoke, tmp_path):
    found = json.loads(invoke("--variants", "class", "--json").stdout)
    assert found["what"] == "class beside the others"
    record = json.loads((tmp_path / "runs" / "titanic" / found["run"] / "record.json").read_text())
    assert [each["name"] for each in record["variants"]] == ["linear", "class"]
    taken = invoke("--variants", "linear")
    assert taken.exit_code == 2
    assert "linear is one of the variants of the preset fast already" in taken.stderr


def test_an_idea_that_changes_nothing_is_not_counted(invoke, tmp_path):
    done = invoke("-q", file="def add_features(rows):\n    return rows\n")
    assert done.stdout.startswith("changes nothing: both ways say the same of every row")
    assert ledger(tmp_path) == []
    ideas = [(tmp_path / "runs" / "titanic" / name / "idea.py").exists() for name in runs(tmp_path)]
    assert ideas == [False, True]  # `predict` goes on taking the plain one


def test_the_file_of_an_idea_is_in_its_run_before_the_record_is(invoke, monkeypatch):
    saved, save = [], Record.save

    def watched(record, path):
        saved.append((path.parent / "idea.py").exists())
        save(record, path)

    monkeypatch.setattr(Record, "save", watched)
    assert invoke("-q", file=NOISE).exit_code == 0
    assert saved == [False, True]


WRONG = {
    "no file": (None, ["--features", "nowhere.py"], "nowhere.py cannot be read: No such file"),
    "no Python": ("def (", [], "idea.py cannot be read: line 1: "),
    "nothing in it": ("x = 1\n", [], "idea.py holds none of add_features, make_encoder, make_model"),
    "nothing at all": (None, [], "nothing is to be tried"),
    "an unknown variant": (None, ["--variants", "forest"], "titanic has no variant 'forest'"),
    "it fails": ("1 / 0\n\ndef add_features(rows):\n    return rows\n", [], "idea.py fails: ZeroDivisionError"),
    "no such column": ("def add_features(rows):\n    return rows.assign(a=rows['b'])\n", [], "KeyError: 'b'"),
    "no return": ("def add_features(rows):\n    rows.assign(a=1)\n", [], "returns NoneType"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_tried_is_said(invoke, tmp_path, wrong):
    file, arguments, says = WRONG[wrong]
    done = invoke(*arguments, file=file)
    assert done.exit_code == 2, done.output
    assert says in done.stderr
    assert "怎么办" in done.stderr
    assert ledger(tmp_path) == []


def competition_with(titanic, tmp_path, text, **changes):
    (tmp_path / "idea.py").write_text(text)
    return with_idea(replace(titanic, **changes), read_idea(tmp_path / "idea.py", ()))


def test_features_come_after_the_competitions_own_and_get_the_tables_that_they_name(titanic, tmp_path):
    text = "def add_features(rows, stores):\n    return rows.assign(more=rows['own'] + len(stores))\n"
    changed = competition_with(titanic, tmp_path, text, add_features=lambda rows, **_tables: rows.assign(own=1))
    rows = pd.DataFrame({"PassengerId": [1, 2]})
    found = changed.add_features(rows, stores=rows, others=None)
    assert found["more"].tolist() == [3, 3]
    assert list(rows) == ["PassengerId"]
    assert changed.add_features.columns == ("more",)
    alone = competition_with(titanic, tmp_path, SEX, add_features=None)
    assert list(alone.add_features(pd.DataFrame({"Sex": ["male"]}))) == ["Sex", "is_female"]


def test_an_encoder_and_a_network_take_the_place_of_the_competitions_own(titanic, tmp_path):
    text = (
        "from pipelines.encoders import DefaultEncoder as make_encoder\nfrom pipelines.models import MLP\n"
        "def make_model(n_features, n_classes):\n    return MLP([n_features, n_classes])\n"
    )
    changed = competition_with(titanic, tmp_path, text)
    network, trees = changed.variants["network"], changed.variants["hist-gradient-boosting"]
    assert isinstance(network.make_encoder(), DefaultEncoder)
    assert isinstance(trees.make_encoder(), DefaultEncoder)
    assert isinstance(network.make_model(3, 2), MLP)
    assert trees.make_model is None
    assert changed.add_features is titanic.add_features


def test_comments_do_not_change_an_idea_and_code_does(tmp_path):
    path, found = tmp_path / "idea.py", []
    for text in (SEX, f"# why\n{SEX}\n", SEX.replace("female'", "male'")):
        path.write_text(text)
        found.append(read_idea(path, ()).sha256)
    assert found[0] == found[1] != found[2]
    assert read_idea(path, ("a",)).sha256 != found[2]
    with pytest.raises(UsageError, match="nothing is to be tried"):
        read_idea(None, ())


@pytest.mark.parametrize("arguments", [["--features", "nowhere.py"], ["--variants", "forest"], []])
def test_what_is_wrong_is_answered_before_anything_heavy_is_loaded(arguments):
    script = (
        "import sys\nfrom pipelines.__main__ import app\n"
        f"try:\n    app({['try', 'titanic', *arguments]!r})\nexcept SystemExit as end:\n    code = end.code\n"
        "print(code, sorted({'torch', 'pandas', 'sklearn', 'kagglehub'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split("\n")[-2] == "2 []", done.stdout + done.stderr
