"""Gates, pictures, the catalogue and the command of the lectures."""

import importlib
import subprocess
import sys
import types
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

import lectures.gates
from lectures.course import catalogue
from lectures.course.fit import fit
from lectures.course.image_training import Plan
from lectures.course.lecture import Gate, Knobs, Lecture, Setting
from lectures.mistakes.gallery import FILES, fails, gallery
from pipelines.__main__ import app
from pipelines.errors import DataError, UsageError
from pipelines.report import curves
from pipelines.report.curves import Curves

NUMBERS = [
    "00", "02", "03", "03-saddle", "04", "05", "06", "07", "08", "09", "09-mnist", "10", "10-by-hand", "10-gpu",
    "11-homework", "11-inception", "11-resnet", "12", "12-embedding", "13", "13-names",
]  # fmt: skip


@pytest.mark.parametrize(
    ("gate", "passed"),
    [
        (Gate.at_least("x", 0.97, 0.97), True),
        (Gate.at_least("x", 0.9699, 0.97), False),
        (Gate.at_most("x", 0.5, 0.5), True),
        (Gate.at_most("x", 0.51, 0.5), False),
        (Gate.close("x", 2.01, 2, 0.02), True),
        (Gate.close("x", 1.97, 2, 0.02), False),
        (Gate.equal("x", [1, 2], [1, 2]), True),
        (Gate.equal("x", "ohlol", "ohlox"), False),
        (Gate.at_least("x", float("nan"), 0.97), False),
        (Gate.close("x", float("nan"), 2, 0.02), False),
    ],
)
def test_a_gate_passes_up_to_its_edge_and_never_for_nan(gate, passed):
    assert gate.passed is passed


def test_every_lecture_is_found_in_the_courses_order():
    assert [lecture.number for lecture in catalogue.all_lectures()] == NUMBERS


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("all", NUMBERS),
        ("7", ["07"]),
        ("3", ["03", "03-saddle"]),
        ("09-mnist", ["09-mnist"]),
        ("9-mnist", ["09-mnist"]),
    ],
)
def test_a_number_means_all_its_parts(wanted, found):
    assert [lecture.number for lecture in catalogue.find(wanted)] == found


@pytest.mark.parametrize("wanted", ["1", "99", "03-", "-saddle"])
def test_an_unknown_number_names_those_that_are_there(wanted):
    with pytest.raises(UsageError, match="00, 02, 03, 03-saddle"):
        catalogue.find(wanted)


@pytest.mark.parametrize(
    ("error", "says"),
    [(DataError("no file", "fetch it", "请下载"), "fetch it"), (RuntimeError("CUDA out of memory"), "--device cpu")],
)
def test_a_lecture_that_meets_an_error_fails_and_keeps_its_gates(error, says):
    def run(setting):
        yield Gate.equal("before", 1, 1)
        raise error

    said = []
    report = catalogue.attend(Lecture(number="07", title="t", run=run), Setting(say=said.append))
    assert [gate.what for gate in report.gates] == ["before", "the run"]
    assert not report.passed
    assert says in said[-1]


def test_what_the_lists_read_is_what_the_files_hold():
    files = sorted(catalogue.FOLDER.glob("lecture_*.py"))
    there = [importlib.import_module(f"lectures.gates.{path.stem}").LECTURE for path in files]
    listed = [(each.number, each.title, each.title_zh, each.knobs) for each in catalogue.all_lectures()]
    assert listed == sorted((each.number, each.title, each.title_zh, each.knobs) for each in there)
    assert all(lecture.title_zh for lecture in there)
    modules = [importlib.import_module(f"lectures.mistakes.{name}") for name in FILES]
    mistakes = [mistake for module in modules for mistake in module.MISTAKES]
    assert [replace(each, by=fails) for each in gallery()] == [replace(each, by=fails) for each in mistakes]


WRONG_KNOBS = [["--epochs", "0"], ["--lr", "0"], ["--lr", "nan"], ["--batch-size", "-1"]]


@pytest.mark.parametrize(
    "arguments",
    [["lecture", "99"], ["lecture", "--list"], ["mistakes"], ["mistakes", "nosuch"], ["lecture", "04", "--epochs", "9"]]
    + [["lecture", "07", *wrong] for wrong in WRONG_KNOBS],
)
def test_lists_and_wrong_names_do_not_wait_for_torch(arguments):
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom pipelines.__main__ import app\n"
        f"done = CliRunner().invoke(app, {arguments!r})\n"
        "print(done.exit_code, sorted({'torch', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=catalogue.FOLDER.parent.parent
    )
    assert done.stdout.split(maxsplit=1)[1].strip() == "[]", done.stderr
    assert done.stdout.split()[0] == ("0" if arguments[-1] in {"--list", "mistakes"} else "2")


@pytest.mark.parametrize(
    ("text", "title", "failed"),
    [
        ('LECTURE = Lecture(number="14", title="Mine", run=run', "Mine", "SyntaxError"),
        ('raise ValueError("broken")\nLECTURE = Lecture(\n    number="14",\n    title="Mine",', "Mine", "SyntaxError"),
        ("", "(lecture_14.py has no LECTURE = Lecture(...))", "AttributeError"),
    ],
)
def test_a_broken_file_breaks_no_other_lecture(tmp_path, monkeypatch, text, title, failed):
    (tmp_path / "lecture_14.py").write_text(text)
    (tmp_path / "lecture_04.py").write_text(
        "from lectures.course.lecture import Gate, Lecture\n"
        'LECTURE = Lecture(number="04", title="Good", run=lambda setting: [Gate.equal("one", 1, 1)])\n'
    )
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    monkeypatch.setattr(lectures.gates, "__path__", [str(tmp_path)])
    for name in ("lectures.gates.lecture_14", "lectures.gates.lecture_04"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    said = []
    assert [(each.number, each.title) for each in catalogue.all_lectures()] == [("04", "Good"), ("14", title)]
    good, broken = [catalogue.attend(each, Setting(say=said.append)) for each in catalogue.find("all")]
    assert good.passed
    assert [gate.measured for gate in broken.gates] == [failed]
    assert f"{failed}: " in said[-1]


def test_a_lecture_without_gates_has_not_passed():
    assert not catalogue.attend(Lecture(number="07", title="t", run=lambda _: []), Setting()).passed


def test_the_table_has_a_line_per_gate():
    gates = [Gate.at_least("accuracy", 0.9767, 0.97), Gate.equal("word", "hello", "ohlol")]
    lines = catalogue.table_lines([catalogue.Report(Lecture(number="09", title="t", run=lambda _: []), gates, 12.34)])
    assert [line.split() for line in lines] == [
        ["lecture", "what", "measured", "gate", "seconds"],
        ["ok", "09", "accuracy", "0.9767", "at", "least", "0.97", "12.3"],
        ["!!", "09", "word", "hello", "ohlol"],
    ]


def test_a_picture_is_written_whole_or_not_at_all(tmp_path):
    setting = Setting(pictures=tmp_path / "new")
    with setting.picture("07-x") as figure:
        figure.subplots().plot([1, 2])
    assert (tmp_path / "new" / "07-x.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with pytest.raises(ZeroDivisionError), setting.picture("07-y"):
        raise ZeroDivisionError
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["07-x.png"]


def command(*arguments):
    return CliRunner().invoke(app, ["lecture", *arguments])


def test_the_command_lists_the_lectures():
    done = command("--list")
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()] == NUMBERS


def test_the_command_prints_gates_and_table(tmp_path):
    done = command("04", "--device", "cpu", "--pictures", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert "ok  dL/dw by hand (x=2, y=4, w=1): -8" in done.output
    assert "second time" in done.output


def test_the_command_fails_with_a_gate(monkeypatch):
    failing = Lecture(number="04", title="t", run=lambda _: [Gate.equal("a", 1, 2)])
    monkeypatch.setattr(catalogue, "all_lectures", lambda: [failing])
    done = command("4")
    assert done.exit_code == 1
    assert "!!  04       a     1         2" in done.output


def test_the_command_refuses_what_is_not_there():
    assert command("99").exit_code == 2
    assert command("04", "--device", "abacus").exit_code == 2
    done = command("all", "--data", "nowhere")
    assert (done.exit_code, "there is no folder nowhere" in done.stderr) == (2, True)
    assert "== lecture" not in done.stdout
    done = command("07", "--data", "tests", "--stand-in")
    assert (done.exit_code, "exclude each other" in done.stderr) == (2, True)


def test_a_knob_that_a_lecture_has_not_is_refused_with_those_that_have_it():
    done = command("9", "--epochs", "3")
    assert done.exit_code == 2
    assert "lecture 09 has no --epochs; those that have it: 07, 09-mnist" in done.stderr
    done = command("07", "--lr", "inf")
    assert (done.exit_code, "--lr must be" in done.stderr) == (2, True)


def test_with_a_learners_settings_no_gate_is_judged_and_no_page_is_written(tmp_path, monkeypatch):
    failing = Lecture(number="04", title="t", knobs="lr", run=lambda _: [Gate.equal("a", 1, 2)])
    monkeypatch.setattr(catalogue, "all_lectures", lambda: [failing])
    done = command("4", "--lr", "0.5", "--pictures", str(tmp_path))
    assert done.exit_code == 0
    assert "--  a: 1 (wanted: your settings: no gate)" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_knobs_change_what_is_turned_and_nothing_else():
    plan = Plan(epochs=4, lr=0.1)
    assert Knobs().applied(plan) == plan
    assert Knobs(lr=0.5, batch_size=7).applied(plan) == Plan(epochs=4, lr=0.5, batch_size=7)


def test_the_curves_get_the_loss_of_every_epoch_and_are_closed(monkeypatch, tmp_path):
    seen = []

    class Listening(Curves):
        def add(self, name, value, step):
            seen.append((name, round(value, 2), step))

        def close(self):
            seen.append("closed")

    monkeypatch.setattr(curves, "make_curves", lambda folder, visdom: Listening() if folder else Curves())

    def run(setting):
        rows = torch.tensor([[1.0], [2.0], [3.0]])
        model = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.ones_(model.weight)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        losses = fit(setting, model, [(rows, 2 * rows)], torch.nn.MSELoss(), optimizer, 100, name="03/cost")
        yield Gate.equal("epochs", len(losses), 100)

    monkeypatch.setattr(catalogue, "all_lectures", lambda: [Lecture(number="03", title="t", run=run)])
    done = command("03", "--device", "cpu", "--pictures", str(tmp_path), "--tensorboard", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert (len(seen), seen[0], seen[10], seen[-1]) == (101, ("03/cost", 4.67, 1), ("03/cost", 0.66, 11), "closed")


def test_a_gpu_is_named_with_its_driver(monkeypatch):
    from pipelines.kaggle import doctor

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _i: "a GPU")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    answer = types.SimpleNamespace(stdout="610.43\n610.43\n")
    monkeypatch.setattr(doctor.subprocess, "run", lambda *_a, **_k: answer)
    assert doctor.cuda_line() == "a GPU, built for 13.0, driver 610.43"

    def nothing(*_a, **_k):
        raise FileNotFoundError

    monkeypatch.setattr(doctor.subprocess, "run", nothing)
    assert doctor.cuda_line() == "a GPU, built for 13.0, driver of unknown version"
