"""What goes up to Kaggle, and what becomes of it there: the script is run where only the image's packages are."""

import ast
import base64
import io
import json
import lzma
import os
import re
import subprocess
import sys
import venv
import zipfile
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from made import COMPLETE
from stand_in import KEY, TOKEN

from pipelines.data.sources import from_sample
from pipelines.errors import UsageError
from pipelines.kaggle.remote import aboard, away, pack, script
from pipelines.settings import lookup
from pipelines.submission.record import Record, beside


@pytest.fixture(scope="module")
def packed():
    return pack.make("titanic")


@pytest.fixture(scope="module")
def job(packed):
    new = script.new_job("titanic", "titanic", ["--folds", "2", "--seeds", "1", "--epochs", "1"], "", "a" * 40)
    return replace(new, pack=packed.sha256)


@pytest.fixture(scope="module")
def text(job, packed):
    return script.text(job, packed)


def test_code_goes_up_and_nothing_else(packed):
    names = set(packed.sizes)
    assert {"pipelines/__main__.py", "competitions/titanic/features.py", "pipelines/pages/templates/style.css"} <= names
    assert {name.partition("/")[0] for name in names} == {"pipelines", "competitions", "carried"}
    assert not [name for name in names if "/otto/" in name or "__pycache__" in name or "/." in name or ".po" in name]
    endings = {Path(name).suffix for name in names if not name.startswith("carried/")}
    assert endings == {".py", ".css", ".jinja"}


def test_carried_packages_are_pure_and_have_their_licences(packed):
    assert {"tabm", "rtdl_num_embeddings", "skops", "pandera"} <= set(packed.carried)
    for package in packed.carried:
        own = [name for name in packed.sizes if name.startswith(f"carried/{package}/")]
        assert any(re.search("licen[cs]e|copying", name, re.IGNORECASE) for name in own), package
        assert not [name for name in own if name.endswith((".so", ".pyd", ".pth"))]
    assert packed.carried["tabm"] == (metadata.version("tabm"), "0.0.3")
    assert packed.image["scikit-learn"] == "1.7"
    assert not {"kaggle", "kagglehub", "tabm"} & set(packed.image)


def test_a_package_without_a_licence_or_with_compiled_code_is_not_carried():
    assert list(pack.of_package("numpy")) == []
    assert list(pack.of_package("no-such-package")) == []


def test_the_same_files_make_the_same_bytes(packed):
    assert pack.make("titanic").content == packed.content


def test_the_script_says_what_it_is_and_parses_with_the_oldest_python(text, job):
    assert script.job_of(text) == job
    assert script.job_of("print('somebody else's')") is None
    ast.parse(text, feature_version=(3, 11))
    assert len(text.encode()) < script.LARGEST


def test_a_script_that_is_too_large_is_refused_with_what_makes_it_so(job, packed, monkeypatch):
    monkeypatch.setattr(script, "LARGEST", 1000)
    with pytest.raises(UsageError, match="1 kB are allowed") as refused:
        script.text(job, packed)
    assert "competitions/titanic/" in refused.value.hint


@pytest.fixture
def keyed(tmp_path, monkeypatch, home):
    """A competition into whose code a key was written, and an account of whose it is."""
    monkeypatch.setattr(lookup, "FOLDER", tmp_path / "competitions")
    folder = tmp_path / "competitions" / "own"
    folder.mkdir(parents=True)
    (folder / "competition.py").write_text(f"KEY = {KEY!r}\n")
    return folder


def test_a_credential_in_the_code_is_found_and_nothing_is_made_of_it(keyed):
    with pytest.raises(UsageError, match="competitions/own/competition.py holds a credential"):
        pack.make("own", [KEY])
    (keyed / "competition.py").write_text(f"TOKEN = {TOKEN!r}\n")
    with pytest.raises(UsageError, match="competitions/own/competition.py holds a credential"):
        pack.make("own")
    (keyed / "competition.py").write_text("")
    (keyed / ".env").write_text(KEY)
    (keyed / "train.csv").write_text(KEY)
    assert {name for name in pack.make("own", [KEY]).sizes if "/own/" in name} == {"competitions/own/competition.py"}


HEX = "0123456789abcdef" * 2  # a key of nobody's
LIKE_CREDENTIALS = {
    "another account's": ("table.json", f'{{"username": "bob", "key": "{HEX}"}}'),
    "on lines of its own": ("table.json", f'{{\n  "key"\n:\n   "{HEX.upper()}"\n}}'),
    "by PowerShell": ("table.json", f'{{"key":"{HEX}"}}'.encode("utf-16")),
    "a JSON in a JSON": ("table.json", json.dumps({"was": json.dumps({"key": HEX})})),
    "single quotes": ("features.py", f"LOGIN = {{'key': '{HEX}'}}"),
    "an argument": ("features.py", f"login(key={HEX!r})"),
    "a variable": ("features.py", f'os.environ["KAGGLE_KEY"] = "{HEX}"'),
    "a default": ("features.py", f'os.environ.setdefault("KAGGLE_KEY", "{HEX}")'),
    "a line of a shell": ("features.py", f"# export KAGGLE_KEY={HEX}"),
    "toml": ("table.toml", f"key = '{HEX}'"),
    "OAuth": ("table.json", '{"refresh_token": "abcdefghijklmnopqrst", "scopes": []}'),
}
NAMES = ("kaggle.json", "Kaggle.json", "credentials.json", "access_token.toml", "deep/access_token_old.json")


@pytest.mark.parametrize("case", LIKE_CREDENTIALS)
def test_what_looks_like_a_credential_of_anybody_s_does_not_go_up(keyed, case):
    name, content = LIKE_CREDENTIALS[case]
    (keyed / "competition.py").write_text("")
    (keyed / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=f"competitions/own/{name} holds what looks like a key or token") as refused:
        pack.refuse_secrets(dict(pack.code("own")), [])
    assert HEX not in str(refused.value).lower()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_with_the_name_of_credentials_does_not_go_up(keyed, name):
    (keyed / "competition.py").write_text("")
    (keyed / name).parent.mkdir(exist_ok=True)
    (keyed / name).write_text("{}")
    with pytest.raises(UsageError, match=f"competitions/own/{name} has the name of a file of credentials"):
        pack.refuse_secrets(dict(pack.code("own")), [])


def test_keys_and_hashes_that_are_no_credentials_go_up(keyed):
    (keyed / "competition.py").write_text(f"SHA256, MONKEY = '{HEX * 2}', '{HEX}'\nkey = 'Ticket'  # {HEX}\n")
    (keyed / "kaggle_table.json").write_text(f'{{"key": "{HEX * 2}", "md5": "{HEX}", "access_token": ""}}')
    going = dict(pack.code("own"))
    pack.refuse_secrets(going, [KEY])
    assert {"competitions/own/competition.py", "competitions/own/kaggle_table.json"} <= set(map(str, going))


def test_no_credential_is_in_the_pack_the_script_the_log_or_any_file(site, cli, monkeypatch, patience):
    """The files here are looked through when the test ends, the lines when the command does."""
    monkeypatch.setattr(away, "_patience", lambda: patience)
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    site.kernels.log, site.kernels.states = [f"{KEY} {TOKEN}"], [("RUNNING", ""), ("ERROR", KEY)]
    failed = cli("run", "titanic", "--on", "kaggle")
    assert failed.code == 1, failed.text
    assert "  | *** ***" in failed.text
    [pushed] = site.kernels.pushes
    content = lzma.decompress(
        base64.b85decode("".join(re.findall(r'PACK = """\n(.*?)"""', pushed["text"], re.DOTALL)[0].split()))
    )
    for form in (KEY, TOKEN, base64.b64encode(f"anna:{KEY}".encode()).decode()):
        assert form not in json.dumps(pushed)
        assert form.encode() not in content
    noted = cli("run", "titanic", "--on", "kaggle", "--note", f"key {KEY}")
    assert (noted.code, len(site.kernels.pushes)) == (2, 1)
    assert "another option holds a credential" in noted.text


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """An environment with what Kaggle's image has of ours, and without what is carried along."""
    place = tmp_path_factory.mktemp("bare")
    venv.create(place, with_pip=False, symlinks=True)
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    found = subprocess.run(
        [python, "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True, check=True
    )
    for name in _needed(pack.make("titanic").image):
        files = metadata.distribution(name).files or []
        tops = {file.parts[0] for file in files if file.parts[0] != ".." and file.parts[0] != "__pycache__"}
        for top in tops:
            target = Path(found.stdout.strip()) / top
            if not target.exists():
                target.symlink_to(metadata.distribution(name).locate_file(top))
    return python


def _needed(names):
    """The packages and all that they require, but for what is carried along."""
    seen, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in seen or re.sub(r"[-_.]+", "-", name.lower()) in {
            re.sub(r"[-_.]+", "-", carried.lower()) for carried in pack.CARRIED
        }:
            continue
        try:
            required = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        seen.add(name)
        waiting += [re.match(r"[\w.-]+", each)[0] for each in required if "extra ==" not in each]
    return seen - {"kaggle-homework"}


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="its environment is made of symbolic links")
def test_the_script_runs_where_only_the_image_s_packages_are_and_its_run_comes_back(
    site, cli, monkeypatch, patience, bare, tmp_path, titanic
):
    """All the way: packed here, run as Kaggle runs it, brought back, linted, ready to be submitted."""
    monkeypatch.setattr(away, "_patience", lambda: replace(patience, read=600))  # the answer waits for the run
    files = from_sample(titanic).files
    for folder in (Path("data/titanic"), tmp_path / "input" / "titanic"):
        folder.mkdir(parents=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
    working, ran = tmp_path / "working", []

    def on_push(text):
        (tmp_path / "script.py").write_text(text, encoding="utf-8")
        around = {
            "PATH": os.environ["PATH"], "HOME": str(tmp_path), "HOMEWORK_INPUT": str(tmp_path / "input"),
            "HOMEWORK_WORKING": str(working), "KAGGLE_API_TOKEN": TOKEN, "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        ran.append(
            subprocess.run([bare, tmp_path / "script.py"], env=around, cwd=tmp_path, capture_output=True, text=True)
        )
        site.kernels.log = ran[0].stdout.splitlines()
        return {p.relative_to(working).as_posix(): p.read_bytes() for p in working.rglob("*") if p.is_file()}

    site.kernels.on_push = on_push
    done = cli("run", "titanic", "--on", "kaggle", "--folds", "2", "--seeds", "1", "--epochs", "1", "--note", "a b")
    assert done.code == 0, done.text + ran[0].stderr
    log = ran[0].stdout
    assert f"homework: tabm {metadata.version('tabm')} is carried along: the image has none, 0.0.3 is needed" in log
    assert "MISSING" not in log + ran[0].stderr
    assert "titanic: 2 folds x 1 seed" in log
    [csv] = Path("submissions/titanic").glob("*.csv")
    record = beside(csv, "titanic")
    assert isinstance(record, Record), record
    assert (record.data, record.folds, record.note, record.run) == ("folder", 2, "a b", csv.stem)
    assert record.ran_on == f"Kaggle ({aboard.accelerator() or 'no GPU'}), anna/homework-titanic version 1"
    assert Record.load(Path("runs/titanic") / csv.stem / "record.json").cv_mean == record.cv_mean
    assert sorted(Path("runs/titanic").glob("*/networks/network-*.safetensors"))
    assert not list(working.glob("**/*.py"))
    site.verdicts = [COMPLETE]
    assert cli("submit", "titanic").code == 0
    assert site.submissions[0]["bytes"] == csv.read_bytes()


BOOT = {"id": "1", "slug": "titanic", "name": "titanic", "options": [], "image": {}, "carried": {}}


def boot(tmp_path, monkeypatch, capsys, beside=None, **changes):
    """What the program says and gives back with a pack of one empty command line."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("pipelines/__main__.py", "import os, sys; print(sys.argv[1:3], 'KAGGLE_KEY' in os.environ)")
        for name, text in (beside or {}).items():
            archive.writestr(f"beside/{name}", text)
    content = buffer.getvalue()
    monkeypatch.setenv("HOMEWORK_INPUT", str(tmp_path / "input"))
    monkeypatch.setenv("HOMEWORK_WORKING", str(tmp_path / "working"))
    sha256 = pack.sha256(content)
    packed = base64.b85encode(lzma.compress(content)).decode()
    code = aboard.main({**BOOT, "pack": sha256} | changes, packed)
    return code, capsys.readouterr().out, json.loads((tmp_path / "working" / "homework.json").read_text())


def test_what_the_image_lacks_is_named_before_anything_runs(tmp_path, monkeypatch, capsys):
    (tmp_path / "input" / "titanic").mkdir(parents=True)
    image = {"numpy": "99.1", "no-such-package": "1.0"}
    code, said, left = boot(tmp_path, monkeypatch, capsys, image=image, carried={"pandas": ["98.0", "97.0"]})
    assert (code, left["exit"], left["files"]) == (2, 2, {})
    lines = said.splitlines()
    assert (
        f"homework: pandas 98.0 is carried along: the image has {metadata.version('pandas')}, 97.0 is needed" in lines
    )
    assert "homework: MISSING: no-such-package is not in the image, and not carried along" in lines
    assert f"homework: older than what this project is tested with: numpy {metadata.version('numpy')}" in said


def test_a_competition_that_is_not_attached_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "input" / "otto").mkdir(parents=True)
    code, said, left = boot(tmp_path, monkeypatch, capsys)
    assert (code, left["exit"]) == (2, 2)
    assert f"MISSING: the files of titanic are not in {tmp_path / 'input'}, which holds otto" in said


@pytest.mark.parametrize("mount", ["titanic", "competitions/titanic"])
def test_the_run_hears_nothing_of_kaggle_s_tokens(tmp_path, monkeypatch, capfd, mount):
    (tmp_path / "input" / mount).mkdir(parents=True)
    monkeypatch.setenv("KAGGLE_KEY", "k")
    code, said, left = boot(tmp_path, monkeypatch, capfd)
    assert (code, left["exit"]) == (0, 0)
    assert "['run', 'titanic'] False" in said


def test_files_beside_are_where_the_run_looks_for_them(tmp_path, monkeypatch, capsys, keyed):
    (keyed / "competition.py").write_text("")
    (tmp_path / "input" / "titanic").mkdir(parents=True)
    packed = pack.make("own", beside={"runs/titanic/tuned.json": b"{}"})
    assert packed.sizes["beside/runs/titanic/tuned.json"] == 2
    _, _, left = boot(tmp_path, monkeypatch, capsys, beside={"runs/titanic/tuned.json": "{}"})
    assert left["files"]["runs/titanic/tuned.json"]["size"] == 2


def test_a_damaged_pack_does_not_run(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit, match="the pack is damaged"):
        boot(tmp_path, monkeypatch, capsys, pack="0" * 64)
    assert sys.modules.get("carried") is None
