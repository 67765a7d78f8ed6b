"""The command line as a user meets it, in a process of its own where that matters."""

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
import torch
import typer
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.report.console import errors_in_plain_words
from pipelines.settings.lookup import load
from pipelines.validation import crossval

ROOT = Path(__file__).resolve().parent.parent
QUICK = ["--folds", "3", "--seeds", "1", "--epochs", "3", "--device", "cpu"]


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Run the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def go(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return go


TOO_LONG = {
    "data": ["run", "titanic", "--data"], "output": ["run", "titanic", "--data", "sample", "--output"],
    "runs": ["cv", "titanic", "--data", "sample", "--runs"], "a run": ["compare", "titanic"],
    "a run to predict": ["predict", "titanic", "rows.csv", "--run"], "a folder": ["new"],
    "curves": ["cv", "titanic", "--data", "sample", "--tensorboard"],
}  # fmt: skip


@pytest.mark.parametrize("what", TOO_LONG)
def test_a_name_that_no_file_can_have_is_told_in_plain_words(invoke, tmp_path, what):
    (tmp_path / "rows.csv").write_text("PassengerId\n1\n")
    done = invoke(*TOO_LONG[what], "a" * 300)
    assert done.exit_code == 2, done.output
    assert "error: no file can have so long a name: " in done.stderr
    assert "aaa...\n  what to do: give a shorter one\n" in done.stderr
    assert written(tmp_path) == ["rows.csv"]


def written(folder):
    return sorted(path.name for path in Path(folder).rglob("*") if path.is_file())


def test_a_run_on_the_sample_says_so_first_and_last_and_in_the_record(invoke, tmp_path):
    done = invoke("run", "titanic", *QUICK)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert "embedded SAMPLE" in lines[0]
    assert "SAMPLE" in " ".join(lines[-3:])
    csv, record, curves = sorted((tmp_path / "submissions" / "titanic").iterdir())
    assert csv.name.endswith("-fast-sample.csv")
    assert curves.read_bytes().startswith(b"\x89PNG")
    frame = pd.read_csv(csv)
    assert frame.shape == (418, 2)
    assert set(frame["Survived"]) == {0, 1}
    data = json.loads(record.read_text())
    assert data["data"] == "sample"
    assert data["forecast"]["n_published"] == 0
    assert "SAMPLE" in lines[-1]
    assert "forecast" not in done.stdout  # made rows have no public score
    assert str(csv.relative_to(tmp_path)) in done.stdout


def test_what_is_read_otherwise_than_it_stands_is_told_even_if_quiet(invoke, tmp_path):
    for name, frame in load("titanic").make_sample().items():
        frame.to_csv(tmp_path / name, index=False, na_rep="NA" if name == "train.csv" else "")
    done = invoke("cv", "titanic", "--data", tmp_path, *QUICK, "-q")
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("warning: train.csv: taken for missing: 'NA' in column 'Age' (")
    assert float(done.stdout) > 0.6


def test_tensorboard_gets_every_fold_and_visdom_is_not_needed(invoke, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    done = invoke("cv", "titanic", *QUICK, "--tensorboard", tmp_path / "curves")
    assert done.exit_code == 0, done.output
    events = EventAccumulator(str(tmp_path / "curves")).Reload()
    curves = [f"network/fold {fold} seed 1{rows}" for fold in (1, 2, 3) for rows in ("", "/held out")]
    assert sorted(events.Tags()["scalars"]) == curves
    assert [event.step for event in events.Scalars("network/fold 1 seed 1")] == [1, 2, 3]


def test_the_record_holds_what_is_needed_to_repeat_the_run(invoke, sample_folder, tmp_path):
    done = invoke("run", "titanic", "--data", sample_folder, "--output", "out", *QUICK, "--json")
    assert "forecast, public score" in done.stderr
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    csv = next((tmp_path / "out" / "titanic").glob("*.csv"))
    assert record == json.loads(csv.with_suffix(".json").read_text())
    assert set(record) == {
        "slug", "data", "where", "inputs_sha256", "csv_sha256", "metric", "cv_mean", "cv_se", "fold_scores", "fold_se",
        "variants", "baselines", "forecast", "leaks", "folds", "seeds", "seed", "preset", "device", "versions",
        "git_commit", "seconds", "peak_memory_mb", "version", "run",
    }  # fmt: skip
    assert record["run"] == csv.stem
    assert json.loads((tmp_path / "runs" / "titanic" / csv.stem / "record.json").read_text()) == record
    assert record["data"] == "folder"
    assert record["csv_sha256"] == hashlib.sha256(csv.read_bytes()).hexdigest()
    for name, digest in record["inputs_sha256"].items():
        assert digest == hashlib.sha256((sample_folder / name).read_bytes()).hexdigest()
    assert len(record["inputs_sha256"]) == 3
    assert (record["folds"], record["seeds"], record["variants"][0]["recipe"]["epochs"]) == (3, 1, 3)
    assert len(record["fold_scores"]) == 3
    assert [row["name"] for row in record["baselines"]] == [
        "majority class",
        "sex only",
        "logistic regression",
    ]
    assert record["forecast"]["low"] < record["forecast"]["mean"] < record["forecast"]["high"]
    assert "MLP" in record["variants"][0]["model"]
    assert set(record["versions"]) == {
        "python", "torch", "numpy", "pandas", "scikit-learn", "scipy", "rtdl_num_embeddings", "tabm",
    }  # fmt: skip


def test_the_same_command_twice_gives_the_same_bytes_and_the_order_of_test_rows_changes_nothing(
    invoke, sample_folder, tmp_path
):
    for output in ("one", "two", "three"):
        if output == "three":
            test = sample_folder / "test.csv"
            header, *rows = test.read_text().splitlines()
            test.write_text("\n".join([header, *rows[::-1]]) + "\n")
        done = invoke("run", "titanic", "--data", sample_folder, "--output", output, *QUICK, "--restart")
        assert done.exit_code == 0
    one, two, three = (next((tmp_path / n / "titanic").glob("*.csv")).read_bytes() for n in ("one", "two", "three"))
    assert one == two == three


def test_cv_writes_no_submission_but_keeps_the_run_unless_told_not_to(invoke, sample_folder, tmp_path):
    done = invoke("cv", "titanic", "--data", sample_folder, *QUICK)
    assert done.exit_code == 0, done.output
    assert "accuracy, out of fold" in done.stdout
    assert "logistic regression" in done.stdout
    assert written(tmp_path / "submissions") == []
    (folder,) = (tmp_path / "runs" / "titanic").iterdir()
    assert f"kept:       {folder.relative_to(tmp_path)}" in done.stdout
    log = (folder / "log.txt").read_text(encoding="utf-8")
    assert re.sub(r"^\d\d:\d\d:\d\d .*\n", "", log, flags=re.MULTILINE) == done.stdout  # but for how far it was
    again = invoke("cv", "titanic", "--data", sample_folder, *QUICK, "--runs", "")
    assert "already" not in again.stdout
    assert [path.name for path in (tmp_path / "runs" / "titanic").iterdir()] == [folder.name]


def test_quiet_prints_the_path_or_the_score_only(invoke, sample_folder):
    path = invoke("run", "titanic", "--data", sample_folder, *QUICK, "-q").stdout.strip()
    assert Path(path).is_file()
    assert 0.5 < float(invoke("cv", "titanic", "--data", sample_folder, *QUICK, "-q").stdout) < 1


@pytest.mark.parametrize("more", [[], ["--data", "sample"]])
def test_the_samples_warning_goes_to_stderr_even_if_quiet(invoke, more):
    done = invoke("cv", "titanic", *QUICK, "-q", *more)
    assert "embedded SAMPLE" in done.stderr
    assert 0.5 < float(done.stdout) < 1


def test_the_projects_own_data_folder_comes_before_the_sample(invoke, sample_folder, tmp_path):
    (tmp_path / "data").mkdir()
    sample_folder.rename(tmp_path / "data" / "titanic")
    done = invoke("cv", "titanic", *QUICK)
    assert done.stdout.splitlines()[0] == f"data: folder, {Path('data') / 'titanic'}"


FAULTS = {
    "unknown competition": (["run", "titanik"], 2, "there is no competition 'titanik'; known: "),
    "no such folder": (["run", "titanic", "--data", "nowhere"], 2, "there is no folder nowhere"),
    "unknown preset": (["run", "titanic", "--preset", "slow"], 2, "there is no preset 'slow'"),
    "unknown variant": (
        ["cv", "otto", "--variants", "residual,resnet"], 2, "has no variant 'resnet'; known: pieces, residual,"
    ),
    "one fold": (["run", "titanic", "--folds", "1"], 2, "--folds must be at least 2, got 1"),
    "no seeds": (["cv", "titanic", "--seeds", "0"], 2, "--seeds must be at least 1, got 0"),
    "negative seed": (["cv", "titanic", "--seed", "-1"], 2, "--seed must be at least 0, got -1"),
    "too many folds": (["cv", "titanic", "--folds", "500", "--seeds", "1"], 2, "500 folds do not fit"),
    "huge seed": (["cv", "titanic", "--seed", "4294967296"], 2, "--seed must be below 2^32"),
    "malformed device": (["run", "titanic", "--device", "cpu:abc"], 2, "device 'cpu:abc' is not available here"),
    "unknown device": (["run", "titanic", "--device", "tpu"], 2, "device 'tpu' is not available here"),
    "lecture on no device": (["lecture", "07", "--device", "tpu"], 2, "device 'tpu' is not available here; known"),
    "practice on no device": (["practice", "titanic", "--device", "tpu"], 2, "device 'tpu' is not available here"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_options_end_in_plain_words(invoke, tmp_path, fault):
    arguments, code, says = FAULTS[fault]
    done = invoke(*arguments)
    assert done.exit_code == code
    assert says in done.stderr
    assert "what to do:" in done.stderr
    assert "怎么办:" in done.stderr
    assert "Traceback" not in done.output
    assert written(tmp_path) == []


FULL_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has less. And so on"),
    RuntimeError("MPS backend out of memory (MPS allocated: 17.00 GB)"),
    RuntimeError("Invalid buffer size: 19.45 GB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:115] data. DefaultCPUAllocator: not enough memory: you tried"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    MemoryError(),
]


@pytest.mark.parametrize("error", FULL_MEMORY)
def test_full_memory_is_told_in_plain_words(error, capsys):
    with pytest.raises(typer.Exit) as end, errors_in_plain_words("interrupted"):
        raise error
    told = capsys.readouterr().err
    assert end.value.exit_code == 1
    assert told.startswith("error: memory is full: ")
    assert "And so on" not in told
    assert "怎么办: 请关闭占用内存的其他程序" in told


def test_full_memory_in_the_middle_of_a_run_leaves_no_csv(invoke, tmp_path, monkeypatch):
    def full(*_arguments):
        raise FULL_MEMORY[0]

    monkeypatch.setattr(crossval, "predict", full)
    done = invoke("run", "titanic", "--folds", "2", "--seeds", "1", "--epochs", "1")
    assert done.exit_code == 1
    assert "error: memory is full: " in done.stderr
    assert written(tmp_path / "submissions") == []
    (folder,) = (tmp_path / "runs" / "titanic").iterdir()  # which has the baselines
    assert not (folder / "record.json").exists()


def test_other_errors_of_torch_keep_their_traceback(invoke, monkeypatch):
    def broken(*_arguments):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(crossval, "predict", broken)
    done = invoke("cv", "titanic", "--folds", "2", "--seeds", "1", "--epochs", "1")
    assert str(done.exception) == "mat1 and mat2 shapes cannot be multiplied"


def test_variants_are_chosen_by_name(invoke):
    done = invoke("cv", "otto", "--variants", "two-views, counts", "--folds", "2", "--epochs", "1", "--json")
    assert done.exit_code == 0, done.output
    assert [variant["name"] for variant in json.loads(done.stdout)["variants"]] == ["two-views", "counts"]


def test_bad_data_writes_nothing(invoke, sample_folder, tmp_path):
    train = sample_folder / "train.csv"
    train.write_text(train.read_text().replace("Age", "Years", 1))
    before = written(tmp_path)
    done = invoke("run", "titanic", "--data", sample_folder, *QUICK)
    assert done.exit_code == 2
    assert "train.csv lacks column 'Age'; has unknown column 'Years'" in done.stderr
    assert written(tmp_path) == before


def test_missing_files_are_all_named(invoke, sample_folder):
    (sample_folder / "test.csv").unlink()
    (sample_folder / "gender_submission.csv").unlink()
    done = invoke("run", "titanic", "--data", sample_folder)
    assert done.exit_code == 2
    assert "lacks test.csv, gender_submission.csv" in done.stderr


def test_an_output_that_is_a_file_is_refused_before_the_training(invoke, sample_folder, tmp_path):
    (tmp_path / "taken").write_text("")
    done = invoke("run", "titanic", "--data", sample_folder, "--output", "taken", *QUICK)
    assert done.exit_code == 2
    assert "taken is not a folder" in done.stderr
    assert "out of fold" not in done.stdout


def test_a_competitions_folder_that_is_a_file_is_refused_before_the_training(invoke, sample_folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "titanic").write_text("")
    done = invoke("run", "titanic", "--data", sample_folder, "--output", "out", *QUICK)
    assert done.exit_code == 2
    assert "is not a folder" in done.stderr
    assert "out of fold" not in done.stdout


def test_scores_are_told_even_if_the_predictions_are_refused(invoke, sample_folder):
    """Labels that nothing predicts: everybody gets the majority's fate, which is no submission but a score."""
    train = pd.read_csv(sample_folder / "train.csv")
    train["Survived"] = (train.index % 30 == 0).astype(int)
    train.to_csv(sample_folder / "train.csv", index=False)
    assert invoke("cv", "titanic", "--data", sample_folder, *QUICK).exit_code == 0
    done = invoke("run", "titanic", "--data", sample_folder, *QUICK)
    assert done.exit_code == 2
    assert "says the same for every row" in done.stderr
    assert "accuracy, out of fold" in done.stdout


def test_a_zip_that_was_not_unpacked_does_not_lead_to_the_sample(invoke, tmp_path):
    (tmp_path / "data" / "titanic").mkdir(parents=True)
    (tmp_path / "data" / "titanic" / "titanic.zip").write_bytes(b"PK")
    done = invoke("run", "titanic", *QUICK)
    assert done.exit_code == 2
    assert "holds titanic.zip, but not train.csv" in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    command = [sys.executable, "-m", "pipelines", "cv", "titanic", "--data", "sample", *QUICK, "--runs", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "SAMPLE" in process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        stderr = process.stderr.read()
    assert (process.wait(timeout=300), stderr) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_leaves_no_half_file(tmp_path):
    command = [
        sys.executable,
        "-u",
        "-m",
        "pipelines",
        "run",
        "titanic",
        "--data",
        "sample",
        "--output",
        str(tmp_path),
        "--runs",
        str(tmp_path / "runs"),
        "--epochs",
        "500",
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert "SAMPLE" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "interrupted; nothing was written" in stderr or "interrupted; what is trained is kept in" in stderr
    assert "Traceback" not in stderr
    assert [name for name in written(tmp_path) if name.endswith((".csv", ".part", ".lock", "record.json"))] == []


class NobodyReads(io.StringIO):
    def write(self, text):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_run_goes_on_when_its_reader_goes_away_and_tells_the_path_aside(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdout", NobodyReads())
    app(["run", "titanic", *QUICK], standalone_mode=False)
    csv = next((tmp_path / "submissions" / "titanic").glob("*.csv"))
    assert capsys.readouterr().err == f"submission: {csv.relative_to(tmp_path)}\n"


def test_an_interruption_while_the_picture_is_drawn_tells_where_the_csv_is(invoke, tmp_path, monkeypatch):
    from pipelines.report import lines

    def interrupted(*_what, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(lines, "picture", interrupted)
    done = invoke("run", "titanic", *QUICK)
    json_file, csv = sorted((tmp_path / "submissions" / "titanic").iterdir(), reverse=True)
    assert (done.exit_code, csv.suffix, json_file.suffix) == (130, ".csv", ".json")
    assert f"interrupted; the submission is written: {csv.relative_to(tmp_path)}" in done.stderr
    assert f"submission: {csv.relative_to(tmp_path)}" in done.stdout


def test_a_full_disk_is_told_before_the_training(invoke, tmp_path, monkeypatch):
    full = shutil.disk_usage(tmp_path)._replace(free=300_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    done = invoke("run", "titanic", *QUICK)
    assert done.exit_code == 1
    assert (
        f"the disk of {Path('submissions') / 'titanic'} is full: 0.51 MB are needed there, 0.30 MB are free"
        in done.stderr
    )
    assert "--output" in done.stderr
    assert "out of fold" not in done.stdout
    assert written(tmp_path) == []


BARS = {
    "run": (["cv", "titanic", *QUICK], "of 3 networks", "accuracy, out of fold"),
    "lecture": (["lecture", "09-mnist", "--stand-in", "--epochs", "2"], "09/loss", "accuracy on 597 test images"),
    "mistakes": (["mistakes", "one-hot", "--seeds", "1"], "mistakes", "one-hot rows in place of probabilities"),
}


def on_a_terminal(folder, arguments, stdout=None):
    """What a command draws on a terminal, without colours; and what it prints if `stdout` is a pipe."""
    import pty

    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines", *arguments], cwd=folder, stdout=stdout or its, stderr=its, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm"},
    )  # fmt: skip
    os.close(its)
    drawn: list[bytes] = []

    def watch():
        with contextlib.suppress(OSError):  # the terminal is closed
            while some := os.read(ours, 4096):
                drawn.append(some)

    watcher = threading.Thread(target=watch)
    watcher.start()
    printed, _ = process.communicate(timeout=120)
    watcher.join()
    os.close(ours)
    assert process.returncode == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", b"".join(drawn).decode()), printed


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
@pytest.mark.parametrize("command", BARS)
def test_a_bar_is_drawn_on_the_terminal_while_lines_go_to_the_file(tmp_path, command):
    arguments, bar, line = BARS[command]
    drawn, printed = on_a_terminal(tmp_path, arguments, subprocess.PIPE)
    assert line in printed
    assert line not in drawn
    assert bar in drawn


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
@pytest.mark.parametrize("command", BARS)
def test_lines_stand_above_the_bar_and_not_in_it(tmp_path, command):
    arguments, bar, line = BARS[command]
    drawn, _ = on_a_terminal(tmp_path, arguments)
    assert line in drawn
    # What comes after a bar that was drawn: nothing, but for blanks.
    behind = re.findall(rf"{bar} [^\r]*?\d:\d\d:\d\d(?: +left (?:\d+ (?:s|min|h)|[-:\d]+))? *(.?)", drawn)
    assert set(behind) <= {"", "\r", "\x1b"}, behind
    assert behind


def test_a_console_that_knows_no_chinese_still_gets_the_error(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "run", "titanik"],
        cwd=ROOT, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 2
    assert b"there is no competition 'titanik'" in done.stderr
    assert b"Traceback" not in done.stderr


def test_help_lists_the_commands(invoke):
    done = invoke("--help")
    assert done.exit_code == 0
    assert "run" in done.stdout
    assert "cv" in done.stdout


@pytest.mark.slow
@pytest.mark.real_data
def test_titanic_on_the_real_files(invoke, real_data):
    """The default run: between what the features are worth and what only a leak would give."""
    done = invoke("run", "titanic", "--data", real_data / "titanic", "--device", "cpu", "--json")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert 0.835 <= record["cv_mean"] <= 0.86
    assert record["folds"] * record["seeds"] >= 50
    by_name = {row["name"]: row["score"] for row in record["baselines"]}
    assert by_name["majority class"] == pytest.approx(0.616, abs=0.001)
    assert by_name["sex only"] == pytest.approx(0.787, abs=0.001)


def test_threads_that_wait_sleep_unless_the_user_says_otherwise(monkeypatch):
    """Spinning ones slowed an epoch down from 3 s to 15 to 30 s while another program used the cores."""
    from pipelines import __main__ as command_line

    monkeypatch.setattr(command_line, "app", lambda prog_name: None)
    for given, wanted in (("", "passive"), ("active", "active")):
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
        if not given:
            monkeypatch.delenv("OMP_WAIT_POLICY")
        command_line.main()
        assert os.environ["OMP_WAIT_POLICY"] == wanted
