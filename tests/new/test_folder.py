"""The folder that is written: code that is in order, made rows that fit and are nobody's, whole or not at all."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_files import FIVE, written
from test_found import REAL, grouped, table, three

from pipelines import made
from pipelines.new import commands
from pipelines.new.commands import examine, package_name, texts_of, write_folder
from pipelines.new.roles import Said

ROOT = Path(__file__).resolve().parents[2]


def digits():
    """No ids: pixels, and a label that the sample submission calls Label."""
    rng = np.random.default_rng(0)
    pixels = pd.DataFrame(rng.integers(0, 256, (180, 20)), columns=[f"pixel{i}" for i in range(20)])
    sample = pd.DataFrame({"ImageId": np.arange(1, 61), "Label": 0})
    train = pixels[:120].assign(label=np.arange(120) % 10)
    return {"train.csv": train, "test.csv": pixels[120:], "sample_submission.csv": sample}


def sentences():
    """Phrases of sentences: text, and a column of groups."""
    rng = np.random.default_rng(0)
    words = np.array(["the", "film", "plot", "actor", "was", "is", "dull", "bright", "long", "short", "fine", "poor"])
    phrases = [" ".join(rng.choice(words, 8)) for _ in range(240)]
    files = three(table(240, phrase=phrases).assign(y=rng.integers(0, 3, 240)))
    files["train.csv"]["sentence"] = np.arange(160) // 4
    files["test.csv"]["sentence"] = np.arange(80) // 4 + 40
    return files


def states():
    """Columns of the sample submission that are not called as the classes, odd names, truth values with gaps."""
    rows = table(awake=["True", "False", None] * 20).assign(y=["D", "C", "CL"] * 20)
    rows['a "quoted" {name}'] = np.arange(60) / 7
    return three(rows, sample={"Status_C": 0.6, "Status_CL": 0.1, "Status_D": 0.3})


def prices():
    """Numbers that are written as text, and training rows without a target."""
    rng = np.random.default_rng(0)
    rows = table(240, price=[f"${value:,.2f}" for value in rng.uniform(1e7, 9e7, 240)])
    rows["share"] = [f"{value:.3f}%" for value in 100 * rng.random(240)]
    files = three(rows)
    files["train.csv"].loc[[3, 7], "y"] = None
    return files


FORMS = {
    **FIVE, "digits": digits, "sentences": sentences, "prefixes": grouped, "states": states, "prices": prices,
}  # fmt: skip


@pytest.fixture(params=FORMS)
def form(request, found):
    files = FORMS[request.param]()
    return files, found(files)


def loaded(texts, name, folder):
    """A module of the folder, its text run."""
    (folder / f"{name}_of_test.py").write_text(texts[f"{name}.py"], encoding="utf-8")
    spec = importlib.util.spec_from_file_location(f"{name}_of_test", folder / f"{name}_of_test.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def schema_of(texts, folder):
    """The schema alone, wherever it stands."""
    text = texts["columns.py"]
    written = re.search(r"^SCHEMA = .*?^\)  # fmt: skip$", text, re.DOTALL | re.MULTILINE)
    return loaded({"schema.py": f"import pandera.pandas as pa\n\n{written[0]}\n"}, "schema", folder).SCHEMA


def test_the_code_is_formatted_linted_and_short_and_says_what_is_assumed(form, tmp_path):
    _, it = form
    texts = texts_of(it)
    write_folder(tmp_path / "competitions" / "made_up", texts)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "pipelines", tmp_path / "pipelines")  # imports are sorted by what is there
    for command in (["format", "--diff"], ["check", "--no-cache"]):
        ruff = [sys.executable, "-m", "ruff", *command, "competitions"]
        done = subprocess.run(ruff, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(texts["competition.py"].splitlines()) <= 50
    assert texts["competition.py"].count("  # assumed: ") + texts["competition.py"].count("# assumed: ") >= 1


def test_made_rows_have_the_files_form_and_fit_the_schema_as_the_real_ones_do(form, tmp_path):
    files, it = form
    texts = texts_of(it)
    sample, schema = loaded(texts, "sample", tmp_path), schema_of(texts, tmp_path)
    frames = sample.make_sample()
    assert set(frames) >= {it.roles.train.name, it.roles.test.name, it.roles.sample.name}
    kept = [name for name in files["train.csv"].columns if name not in it.roles.left_out]
    assert sorted(frames["train.csv"]) == sorted(kept)
    assert list(frames[it.roles.sample.name]) == list(files[it.roles.sample.name])
    assert (len(frames["train.csv"]), len(frames["test.csv"])) == (made.N_TRAIN, made.N_TEST)
    for rows in (frames["train.csv"], files["train.csv"], files["test.csv"]):
        declared = {}
        for name, column in schema.columns.items():
            members = [n for n in rows if re.fullmatch(name, n)] if column.regex else [name]
            declared |= dict.fromkeys(members, column)
        for name, column in declared.items():
            known = rows[name].dropna()
            assert column.nullable or len(known) == len(rows), name
            for check in column.checks:
                assert check(known).check_passed, name
    again = sample.make_sample()
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(frame, again[name])


def cells_of(frame):
    """Rows as text, numbers as numbers are written."""
    return frame.map(lambda cell: f"{cell:g}" if isinstance(cell, float) else str(cell))


def test_no_row_and_no_text_is_copied(form, tmp_path):
    files, it = form
    texts = texts_of(it)
    frames = loaded(texts, "sample", tmp_path).make_sample()
    features = [column.name for column in it.columns]
    real = {tuple(row) for name in ("train.csv", "test.csv") for row in cells_of(files[name][features]).to_numpy()}
    for name in ("train.csv", "test.csv"):
        invented = {tuple(row) for row in cells_of(frames[name][features]).to_numpy()}
        assert len(features) < 5 or not invented & real  # few values in few columns agree by chance
    # Numbers that are written with signs agree by chance.
    for column in (column for column in it.columns if column.kind == "text" and not column.decimal):
        cells = set(files["train.csv"][column.name].dropna()) | set(files["test.csv"][column.name].dropna())
        assert not cells & set(frames["train.csv"][column.name])
        assert not [cell for cell in cells if any(str(cell) in text for text in texts.values())]


@pytest.mark.real_data
@pytest.mark.parametrize("slug", REAL)
def test_no_real_row_and_no_real_text_is_copied(slug, real_data, tmp_path):
    it = examine(slug, slug.replace("-", "_"), real_data / slug, Said())
    texts = texts_of(it)
    frames = loaded(texts, "sample", tmp_path).make_sample()
    tables, features = (it.roles.train, it.roles.test), [column.name for column in it.columns]
    real = {tuple(row) for each in tables for row in cells_of(each.frame[features].replace("", None)).to_numpy()}
    for each in tables:
        assert not {tuple(row) for row in cells_of(frames[each.name][features]).to_numpy()} & real
    everything = "\n".join(texts.values())
    for column in (column for column in it.columns if column.kind == "text"):
        cells = {cell for each in tables for cell in each.frame[column.name].unique() if len(cell) > 3}
        assert not cells & set(frames[it.roles.train.name][column.name])
        assert not [cell for cell in cells if " " in cell and f'"{cell}"' in everything]


def test_groups_and_times_of_made_rows_are_split_as_the_files_were(found, tmp_path):
    frames = loaded(texts_of(found(sentences())), "sample", tmp_path).make_sample()
    train, test = frames["train.csv"]["sentence"], frames["test.csv"]["sentence"]
    assert not set(train) & set(test)
    assert train.value_counts().median() > 2
    frames = loaded(texts_of(found(grouped())), "sample", tmp_path).make_sample()
    groups = [frames[name]["id"].str.split("_").str[0] for name in ("train.csv", "test.csv")]
    assert not set(groups[0]) & set(groups[1])
    frames = loaded(texts_of(found(FIVE["store-days"]())), "sample", tmp_path).make_sample()
    assert frames["train.csv"]["date"].max() < frames["test.csv"]["date"].min()
    assert set(frames["stores.csv"]["store_nbr"]) >= set(frames["test.csv"]["store_nbr"])


def test_every_class_has_made_rows_enough_for_folds(found, tmp_path):
    frames = loaded(texts_of(found(FIVE["leaf-species"]())), "sample", tmp_path).make_sample()
    assert frames["train.csv"]["species"].value_counts().min() >= 10
    assert frames["train.csv"]["species"].nunique() == 99


def test_no_more_folds_than_rows_of_the_rarest_class(found):
    rows = table().assign(y=["a"] * 28 + ["b"] * 12 + ["a", "b"] * 10)
    rows.loc[[3, 4, 5], "y"] = "c"
    text = texts_of(found(three(rows, sample={"y": "a"})))["competition.py"]
    assert '"fast": Preset(folds=3, ' in text
    assert '"best": Preset(folds=3, ' in text


def test_the_command_prints_what_it_found_what_it_assumes_and_what_comes_next(new, competitions, tmp_path):
    data = written(FIVE["loans"](), tmp_path / "files")
    done = new("loan-status", "--data", data)
    assert done.exit_code == 0, done.output
    for line in (
        "train   train.csv: 3,000 rows, 9 columns",
        "row id:  id (in train.csv, test.csv and sample_submission.csv; no value twice)",
        "columns: 7: 3 numbers, 3 categories, 1 texts",
        "assumed: metric auc: two classes, and the sample submission holds numbers that are no labels (else --metric",
        "not known: whether rows belong together, or come later: --groups COLUMN, --time COLUMN",
        "written: competitions/loan_status: __init__.py, competition.py, columns.py, sample.py",
        f"next: python -m pipelines cv loan_status --data {data}",
        f"python -m pipelines run loan_status --data {data}",
    ):
        assert line in done.stdout
    assert sorted(path.name for path in (competitions / "loan_status").iterdir()) == [
        "__init__.py", "columns.py", "competition.py", "sample.py"
    ]  # fmt: skip
    assert [path.name for path in competitions.iterdir()] == ["loan_status"]


def test_a_folder_that_is_there_is_not_touched_and_with_force_what_was_changed_is_kept(new, competitions, tmp_path):
    data = written(three(table()), tmp_path / "files")
    assert new("two-colours", "--data", data).exit_code == 0
    path = competitions / "two_colours" / "competition.py"
    path.write_text("changed = True\n")
    (path.parent / "features.py").write_text("own = True\n")
    done = new("two-colours", "--data", data)
    assert done.exit_code == 2
    assert "competitions/two_colours is there already" in done.stderr
    assert path.read_text() == "changed = True\n"
    assert new("two-colours", "--data", data, "--force").exit_code == 0
    assert "COMPETITION" in path.read_text()
    assert (path.parent / "competition.py.old-1").read_text() == "changed = True\n"
    assert (path.parent / "features.py").read_text() == "own = True\n"
    assert not list(path.parent.glob("sample.py.old*"))  # which is the same


def test_another_name_for_what_has_a_folder_already(new, competitions, tmp_path):
    data = written(three(table()), tmp_path / "files")
    assert new("two-colours", "--data", data, "--name", "mine").exit_code == 0
    done = new("two-colours", "--data", data)
    assert done.exit_code == 2
    assert "competitions/mine is two-colours already" in done.stderr
    assert sorted(path.name for path in competitions.iterdir()) == ["mine"]


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    place = tmp_path / "competitions" / "half"
    place.mkdir(parents=True)
    (place / "competition.py").write_text("before\n")
    real = Path.write_text

    def full(self, text, **more):
        if self.name == "sample.py":
            raise OSError(28, "No space left on device")
        return real(self, text, **more)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        write_folder(place, {"competition.py": "after\n", "sample.py": ""})
    assert (place / "competition.py").read_text() == "before\n"
    assert [path.name for path in place.parent.iterdir()] == ["half"]


def test_names_of_folders(new, tmp_path):
    assert package_name("spaceship-titanic") == "spaceship_titanic"
    assert package_name("2019-nfl.Draft") == "competition_2019_nfl_draft"
    assert package_name("import") == "import_"
    done = new("titanic", "--data", tmp_path, "--name", "!!")
    assert (done.exit_code, "is no name for a folder" in done.stderr) == (2, True)


def test_wrong_options_and_places_are_told_and_nothing_is_written(new, competitions, tmp_path):
    for arguments, says in (
        (["a-b", "--data", tmp_path / "nowhere"], "there is no folder"),
        (["a-b", "--data", competitions], "holds no table"),
        (["a-b", "--metric", "gini"], "choose one of accuracy, balanced-accuracy"),
        (["a/b"], "is no competition's name or URL"),
        (["a-b"], "no Kaggle credentials were found"),
    ):
        done = new(*arguments)
        assert done.exit_code in (2, 3), done.output
        assert says in done.stderr
        assert "怎么办" in done.stderr
    assert list(competitions.iterdir()) == []


def test_files_that_lie_in_data_are_used_without_a_word(new, competitions, tmp_path):
    written(three(table()), tmp_path / "data" / "two-colours")
    done = new("https://www.kaggle.com/competitions/two-colours/data")
    assert done.exit_code == 0, done.output
    assert "next: python -m pipelines cv two_colours\n" in done.stdout


def test_what_kaggle_sends_is_fetched(new, competitions, tmp_path, monkeypatch):
    from pipelines.kaggle import download

    def fetched(_kaggle, target, _show):
        written(three(table()), target.folder)

    monkeypatch.setattr(download, "download", fetched)
    done = new("two-colours")
    assert done.exit_code == 0, done.output
    assert (competitions / "two_colours" / "competition.py").is_file()


def test_wrong_options_load_nothing_heavy():
    code = (
        "import sys\nfrom pipelines.__main__ import app\n"
        "try:\n    app(['new', 'titanic'])\nexcept SystemExit as end:\n    code = end.code\n"
        "print(code, sorted({'torch', 'pandas', 'sklearn', 'kagglehub'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split("\n")[-2] == "2 []", done.stdout + done.stderr
    assert "competitions/titanic is there already" in done.stderr
    assert commands.INTERRUPTED
