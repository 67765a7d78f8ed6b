"""Each lecture's notebook is its program, cut into cells, with the course's words around it; a clean kernel runs it."""

import gzip
import hashlib
import re
import sys
import urllib.request
import warnings
from types import SimpleNamespace

import nbformat
import pytest

from lectures.course import notebooks
from lectures.course.data import made_files
from lectures.course.data_cell import data_cell, get_file
from lectures.course.fetching import CHECKSUMS, MIRRORS

PROGRAMS = {path.stem: path for path in notebooks.programs()}


def saved(name):
    return nbformat.read(notebooks.NOTEBOOKS / f"{name}.ipynb", as_version=4)


def sources(notebook, cell_type):
    return [cell.source for cell in notebook.cells if cell.cell_type == cell_type]


def test_each_program_has_a_notebook_and_no_other():
    assert len(PROGRAMS) >= 14
    assert sorted(path.stem for path in notebooks.NOTEBOOKS.iterdir()) == sorted(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_is_what_is_made_now(name):
    made = notebooks.notebook(PROGRAMS[name])
    there = (notebooks.NOTEBOOKS / f"{name}.ipynb").read_bytes()
    assert there == made, "`make notebooks` makes them anew, after a change in a program or in the course's pages"


@pytest.mark.parametrize("name", PROGRAMS)
def test_its_cells_are_the_program(name):
    notebook = saved(name)
    nbformat.validate(notebook)
    program = PROGRAMS[name].read_text(encoding="utf-8")
    needed = [data_cell(group) for group in CHECKSUMS if f"/{group}" in program]
    code = sources(notebook, "code")
    assert code[: len(needed)] == needed
    assert bool(needed) == ("sys.argv" in program)
    docstring, paragraphs = program.split("\n\n", 1)
    assert "\n\n".join(code[len(needed) :]) == re.sub(r"\n{3,}", "\n\n", paragraphs).strip()
    title = sources(notebook, "markdown")[0].split("\n\n")[:2]
    said = re.fullmatch(r'"""(.+?)\.? (第.+?)。?"""', docstring)
    assert title == [f"# {said[1]}", f"# {said[2]}"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_has_no_outputs_and_the_courses_words_in_both_languages(name):
    notebook = saved(name)
    assert [cell.id for cell in notebook.cells] == [f"cell-{n:02}" for n in range(len(notebook.cells))]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all((cell.outputs, cell.execution_count) == ([], None) for cell in code)
    text = "\n\n".join(sources(notebook, "markdown"))
    number = name.split("_")[1]
    for page in notebooks.PAGES:
        heading, paragraphs = notebooks.section(page, number)
        assert f"## {heading}" in text
        assert [each for each in paragraphs if each not in text] == []
    before = sources(notebook, "markdown")[1]
    assert before.count(f"(../../lectures/{name}.py)") == 2  # the program is told before it stands there


@pytest.mark.parametrize("name", PROGRAMS)
def test_links_lead_somewhere(name):
    links = re.findall(r"\]\(([^)]+)\)", "\n".join(sources(saved(name), "markdown")))
    assert links
    assert [link for link in links if not (notebooks.NOTEBOOKS / link).exists()] == []


def test_a_repository_that_is_known_is_opened_by_links(monkeypatch):
    monkeypatch.setattr(notebooks, "REPOSITORY", "someone/kaggle-homework")
    program = PROGRAMS["lecture_05_linear_regression"]
    opening = notebooks.opening('"""Lecture 5: a line. 第 5 讲：直线。"""', program.read_text("utf-8"), program.stem)
    place = "someone/kaggle-homework/blob/main/docs/notebooks/lecture_05_linear_regression.ipynb"
    assert opening.startswith("# Lecture 5: a line\n\n# 第 5 讲：直线\n\n")
    assert re.findall(r"\]\((https:[^)]+)\)(?!\])", opening) == [
        f"https://colab.research.google.com/github/{place}",
        f"https://kaggle.com/kernels/welcome?src=https://github.com/{place}",
    ]
    assert "Upload notebook" not in opening


def test_a_picture_is_begun_and_shown_in_one_cell():
    source = (
        "import torch\n\nimport matplotlib.pyplot as plt\n\nx = 1\n\nplt.plot(x)\n\ny = 2\n\nplt.show()\n\nprint(y)\n"
    )
    assert notebooks.code_cells(source) == [
        "import torch\n\nimport matplotlib.pyplot as plt", "x = 1", "plt.plot(x)\n\ny = 2\n\nplt.show()", "print(y)",
    ]  # fmt: skip


def test_a_lecture_that_the_pages_do_not_have_is_said():
    with pytest.raises(LookupError, match=r"docs/course\.md has no lecture 99"):
        notebooks.section("course.md", "99")


@pytest.fixture
def net(monkeypatch):
    """Mirrors: what each answers, packed, by its address; the rest is not reached. Also the addresses asked."""
    answers, asked, real = {}, [], urllib.request.urlopen

    def urlopen(address, timeout):
        asked.append(address)
        if address.startswith("file:"):
            return real(address, timeout=timeout)
        if address not in answers:
            raise urllib.error.URLError("no network")
        return real(answers[address].as_uri(), timeout=timeout)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return SimpleNamespace(answers=answers, asked=asked)


CONTENT = b"1,2\n" * 1000
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


def test_a_file_comes_from_the_first_mirror_that_has_it_and_once(net, tmp_path, capsys):
    damaged, other, right = (tmp_path / name for name in ("damaged", "other", "right"))
    damaged.write_bytes(gzip.compress(CONTENT)[:-9])
    other.write_bytes(gzip.compress(b"another"))
    right.write_bytes(gzip.compress(CONTENT))
    mirrors = [f"https://{name}.test/" for name in ("away", "damaged", "other", "right", "never")]
    net.answers |= {f"https://{path.name}.test/a.csv.gz": path for path in (damaged, other, right)}
    path = tmp_path / "data" / "a" / "a.csv"
    get_file(path, CHECKSUM, mirrors, str(tmp_path / "no inputs"))
    assert path.read_bytes() == CONTENT
    assert [each.name for each in path.parent.iterdir()] == ["a.csv"]
    assert net.asked == [f"{mirror}a.csv.gz" for mirror in mirrors[:4]]
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "https://away.test/a.csv.gz: <urlopen error no network>"
    assert said[2] == "https://other.test/a.csv.gz: another file than the course's. 校验和不符"
    assert len(said) == 3
    get_file(path, CHECKSUM, mirrors, str(tmp_path / "no inputs"))
    assert len(net.asked) == 4


@pytest.mark.parametrize("packed", [True, False])
def test_an_input_of_kaggles_is_taken_before_any_mirror(net, tmp_path, packed):
    place = tmp_path / "input" / "some-data-set" / "a.csv.gz"
    place.parent.mkdir(parents=True)
    place.write_bytes(gzip.compress(CONTENT) if packed else CONTENT)
    get_file(tmp_path / "data" / "a.csv", CHECKSUM, ["https://never.test/"], str(tmp_path / "input"))
    assert (tmp_path / "data" / "a.csv").read_bytes() == CONTENT
    assert net.asked == [place.as_uri()]


def test_without_the_file_it_says_what_to_do_in_both_languages(net, tmp_path):
    path = tmp_path / "a.csv"
    with pytest.raises(SystemExit, match=r"(?s)no a\.csv: put it there by hand.*没有 a\.csv：请手动放到"):
        get_file(path, CHECKSUM, ["https://away.test/"], str(tmp_path / "input"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("group", CHECKSUMS)
def test_the_data_cell_has_the_tables_of_the_lectures_and_leaves_a_folder_for_the_program(
    group, net, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["kernel", "-f", "connection.json"])
    for place, content in made_files(group).items():
        (tmp_path / "data/lectures" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data/lectures" / place).write_bytes(content)
    names = {}
    exec(data_cell(group), names)
    assert sys.argv == ["lecture", "data/lectures"]
    assert names["MIRRORS"] == list(MIRRORS[group])
    assert names["CHECKSUMS"] == {f"{group}/{name}": checksum for name, checksum in CHECKSUMS[group].items()}
    assert net.asked == []


# What each prints last on the stand-ins: numbers, and between what they lie; measured with seed 0. All of them together
# take 110 CPU seconds, of which 40 are the start of a kernel and of torch, 17 times.
SHOWN = {
    "lecture_02_linear_model": (r"least on the grid: w = (.+), b = (.+)", (2.0, 2.0), (0.0, 0.0)),
    "lecture_03_gradient_descent": (r"after training: f\(4\) = (.+)", (8.0, 8.0)),
    "lecture_04_back_propagation": (r"predict \(after training\) 4 (.+)", (7.9999, 8.0001)),
    "lecture_04_tensors": (r"gradient (.+) instead of 2", (20.0, 20.0)),
    "lecture_05_linear_regression": (r"w = (.+)\nb = (.+)\ny_pred = (.+)", (1.99, 2.01), (-0.02, 0.02), (7.98, 8.02)),
    "lecture_06_logistic_regression": (r"as likely as failing at (.+) hours", (2.4, 2.5)),
    "lecture_07_diabetes": (r"accuracy on the training rows = (.+)", (0.80, 0.97)),
    "lecture_08_data_loader": (r"(?m)^90 (.+)", (0.15, 0.35)),
    "lecture_09_mnist": (r"Accuracy on test set: (.+)%\n?\Z", (25.0, 99.0)),
    "lecture_09_softmax": (r"Batch Loss1 = (.+)\nBatch Loss2 = (.+)", (0.4965, 0.4967), (1.2388, 1.2390)),
    "lecture_10_cnn": (r"6: .+ accuracy (.+)%", (92.0, 100.0)),
    "lecture_10_convolution": (r"convolution: .+ largest difference (.+)", (0.0, 1e-6)),
    "lecture_11_inception": (r"4: .+ accuracy (.+)%", (70.0, 100.0)),
    "lecture_11_resnet": (r"4: .+ accuracy (.+)%", (92.0, 100.0)),
    "lecture_12_embedding": (r"epoch 15: ohlol, loss (.+)", (0.0, 0.2)),
    "lecture_12_rnn": (r"RNN, epoch 15: ohlol, loss (.+)", (0.0, 0.5)),
    "lecture_13_names": (r"10: .+ accuracy (.+)%", (80.0, 95.0)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_clean_kernel_runs_it(name, tmp_path, monkeypatch):
    notebook = saved(name)
    program = PROGRAMS[name].read_text(encoding="utf-8")
    for group in (group for group in CHECKSUMS if f"/{group}" in program):
        for place, content in made_files(group).items():
            (tmp_path / "data/lectures" / place).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "data/lectures" / place).write_bytes(content)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nobody listens: nothing is fetched
    monkeypatch.delenv("PYTHONPATH", raising=False)  # nor taken from here
    notebook.cells.insert(0, nbformat.v4.new_code_cell("import torch\ntorch.manual_seed(0);"))
    with warnings.catch_warnings(action="ignore"):  # of others' packages
        from nbclient import NotebookClient

        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    printed = "".join(each.text for each in outputs if each.output_type == "stream" and each.name == "stdout")
    pattern, *limits = SHOWN[name]
    numbers = [float(number) for number in re.search(pattern, printed).groups()]
    assert [low <= number <= high for number, (low, high) in zip(numbers, limits, strict=True)] == [True] * len(limits)
    shown = [each.data.keys() & {"image/png"} for each in outputs if "data" in each]
    assert shown == [{"image/png"}] * program.count("plt.show()")
