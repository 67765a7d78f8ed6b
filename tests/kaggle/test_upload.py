"""Submissions through the TLS proxy: one upload, one submission, one score beside the forecast."""

import io
import json
import shutil
import ssl
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made import COMPLETE, LEDGER, events, record_of
from stand_in import KEY, make_zip

from pipelines.data.sources import from_sample
from pipelines.files import sha256
from pipelines.kaggle import commands
from pipelines.kaggle.client import Kaggle
from pipelines.settings.lookup import load
from pipelines.submission import record as record_module
from pipelines.submission import writer
from pipelines.submission.record import Forecast
from pipelines.web.patience import Patience

OTTO = "otto-group-product-classification-challenge"


def test_upload_wait_and_score(site, cli, ready, clock):
    path = ready(seed=1)
    done = cli("submit", "titanic")
    assert done.code == 0, done.text
    [made] = site.submissions
    assert (made["fileName"], made["bytes"]) == (path.name, path.read_bytes())
    assert "submissions left today: 5 (0 made)" in done.text
    assert "forecast 0.7700 (0.7504 to 0.7896), public score 0.77511: 0.5 standard errors above" in done.text
    assert "rank 2" in done.text
    assert events() == ["sending", "submitted", "scored"]
    kaggle = json.loads(path.with_suffix(".json").read_text())["kaggle"]
    assert (kaggle["ref"], kaggle["public"], kaggle["private"], kaggle["rank"]) == (4000, 0.77511, None, 2)
    assert kaggle["tag"] in made["description"]
    assert clock.waits == [2]


def test_scores_shows_the_table_and_json(site, cli, ready):
    cli("submit", "titanic")
    done = cli("scores", "titanic")
    assert done.out.splitlines()[0].split() == [
        "file", "cross-validated", "forecast", "public", "private", "rank",
    ]  # fmt: skip
    assert done.out.splitlines()[1].split()[1:] == ["0.8361", "±", "0.0124", "0.7700", "0.77511", "-", "2"]
    [row] = json.loads(cli("scores", "titanic", "--json", "--offline").out)
    assert (row["ref"], row["status"], row["public"], row["forecast"]) == (4000, "COMPLETE", 0.77511, 0.77)
    assert row["standard_errors"] == pytest.approx(0.511)


def test_no_wait_and_later(site, cli, ready):
    done = cli("submit", "titanic", "--no-wait")
    assert (done.code, events()) == (0, ["sending", "submitted"])
    assert json.loads(cli("scores", "titanic", "--json").out)[0]["status"] == "PENDING"
    site.verdicts = [{**COMPLETE, "privateScore": "0.76"}]
    [row] = json.loads(cli("scores", "titanic", "--json").out)
    assert (row["status"], row["public"], row["private"]) == ("COMPLETE", 0.77511, 0.76)
    assert events() == ["sending", "submitted", "scored"]


def test_the_same_bytes_are_not_sent_twice_unless_asked(site, cli, ready):
    cli("submit", "titanic")
    done = cli("submit", "titanic")
    assert (done.code, len(site.submissions), site.count("upload")) == (0, 1, 1)
    assert "not sent again" in done.text
    assert "public score 0.77511" in done.text
    assert cli("submit", "titanic", "--again").code == 0
    assert len({item["description"] for item in site.submissions}) == 2


def test_without_the_ledger_kaggles_list_tells_that_they_were_sent(site, cli, ready):
    cli("submit", "titanic", "--no-wait")
    LEDGER.unlink()
    done = cli("submit", "titanic")
    assert (done.code, len(site.submissions)) == (0, 1)
    assert events() == ["submitted", "scored"]


RECOVERED = {
    "limits: two 429": ("GetSubmissionLimits", ["429", "429"]),
    "limits: for ever": ("GetSubmissionLimits", ["500"] * 6),
    "start: two 503": ("StartSubmissionUpload", ["503", "503"]),
    "upload: two 500": ("upload", ["500", "500"]),
    "upload: dropped": ("upload", ["drop"]),
    "upload: stalled": ("upload", ["stall"]),
    "last step: 500 before": ("CreateSubmission", ["500"]),
    "last step: 429 before": ("CreateSubmission", ["429:7"]),
    "last step: dropped before": ("CreateSubmission", ["drop"]),
    "last step: silent": ("CreateSubmission", ["silent"]),
    "last step: 500 after": ("CreateSubmission", ["after-500"]),
    "last step: dropped after": ("CreateSubmission", ["after-drop"]),
    "last step: silent after": ("CreateSubmission", ["after-silent"]),
    "last step: page after": ("CreateSubmission", ["after-html"]),
    "last step: 500 before, then after": ("CreateSubmission", ["500", "after-500"]),
    "list: 500 while looking": ("ListSubmissions", ["500"]),
    "score: two 500": ("GetSubmission", ["500", "500"]),
    "score: dropped": ("GetSubmission", ["drop"]),
    "score: by the list only": ("GetSubmission", ["404"] * 9),
}


@pytest.mark.parametrize("case", RECOVERED)
def test_recovered_with_one_submission(site, cli, ready, case):
    call, faults = RECOVERED[case]
    site.faults[call] = list(faults)
    done = cli("submit", "titanic")
    assert done.code == 0, done.text
    assert len(site.submissions) == 1
    assert site.submissions[0]["bytes"] == next(Path("submissions/titanic").glob("*.csv")).read_bytes()
    assert "public score 0.77511" in done.text
    assert events() == ["sending", "submitted", "scored"]


FAILED = {
    "401": ("ListSubmissions", ["401"], 3, "KAGGLE_USERNAME and KAGGLE_KEY"),
    "403 rules": ("StartSubmissionUpload", ["403-nested"], 4, "/competitions/titanic/rules"),
    "403 phone": ("CreateSubmission", ["403-phone"], 4, "phone number"),
    "404": ("ListSubmissions", ["404"], 4, "check the spelling"),
    "daily limit": ("CreateSubmission", ["400-limit"], 5, "00:00 UTC"),
    "not joined": ("CreateSubmission", ["400-join"], 5, "join the competition"),
    "file refused": ("CreateSubmission", ["400-file"], 5, "compare the file"),
    "upload refused": ("upload", ["403-xml"] * 9, 5, "the upload was not taken (403)"),
    "upload: a page in between": ("upload", ["403-html"], 6, "upload (403): a web page came"),
    "upload failing for ever": ("upload", ["503"] * 9, 6, "the upload was not taken (503)"),
    "upload dropped for ever": ("upload", ["drop"] * 9, 6, "storage.googleapis.com"),
    "last step failing for ever": ("CreateSubmission", ["500"] * 9, 6, "Kaggle has trouble"),
    "page instead of the list": ("ListSubmissions", ["html"], 6, "a web page came"),
}


@pytest.mark.parametrize("case", FAILED)
def test_failed_without_a_submission_and_the_next_try_makes_one(site, cli, ready, case):
    call, faults, code, words = FAILED[case]
    site.faults[call] = list(faults)
    done = cli("submit", "titanic")
    assert done.code == code, done.text
    assert words in done.text
    assert "怎么办" in done.text
    assert site.submissions == []
    site.faults.clear()
    assert cli("submit", "titanic").code == 0
    assert len(site.submissions) == 1


def test_no_submission_left_today_uploads_nothing(site, cli, ready):
    site.allowed = 0
    done = cli("submit", "titanic")
    assert (done.code, site.count("StartSubmissionUpload")) == (5, 0)
    assert "no submission of titanic is left today" in done.text


def test_made_but_neither_answered_nor_listed_is_never_made_twice(site, cli, ready):
    site.faults["CreateSubmission"] = ["after-500"]
    site.listed = False
    for _ in range(2):
        done = cli("submit", "titanic")
        assert (done.code, len(site.submissions)) == (6, 1)
        assert "it is not known yet" in done.text
    site.listed = True
    assert cli("submit", "titanic").code == 0
    assert (len(site.submissions), site.count("CreateSubmission")) == (1, 1)
    assert events() == ["sending", "submitted", "scored"]


def test_a_list_that_fails_after_the_last_step_leaves_the_question_open(site, cli, ready):
    site.faults["CreateSubmission"] = ["after-drop"]
    site.faults["ListSubmissions"] = [None, *["500"] * 6]
    assert cli("submit", "titanic").code == 6
    assert events() == ["sending"]
    assert json.loads(cli("scores", "titanic", "--json").out)[0]["ref"] == 4000
    assert len(site.submissions) == 1


def test_pending_for_long_ends_with_its_own_exit_code(site, cli, ready, clock):
    site.verdicts = [{"status": "PENDING"}]
    done = cli("submit", "titanic")
    assert done.code == 7
    assert clock.waits[:4] == [2, 3, 4.5, 6.75]
    assert max(clock.waits) == 30
    assert 1100 < clock.now <= 1200
    assert "python -m pipelines scores titanic" in done.text


def test_pending_then_unlisted_then_unknown_then_complete(site, cli, ready, clock):
    site.verdicts = [{"status": "PENDING"}, {"status": "RUNNING"}, {"status": ""}, COMPLETE]
    assert cli("submit", "titanic").code == 0
    assert len(clock.waits) == 3


def test_scoring_error_shows_the_reason(site, cli, ready):
    reason = "Evaluation Exception: Submission must have 418 rows"
    site.verdicts = [{"status": "ERROR", "errorDescription": reason}]
    done = cli("submit", "titanic")
    assert done.code == 5
    assert reason in done.text
    assert reason in cli("scores", "titanic").out
    again = cli("submit", "titanic")
    assert (again.code, len(site.submissions)) == (5, 1)
    assert reason in again.text


def test_complete_without_a_score(site, cli, ready):
    site.verdicts = [{"status": "COMPLETE"}]
    done = cli("submit", "titanic")
    assert done.code == 0
    assert "no public score is shown" in done.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": "sample"}, "embedded sample"),
        ({"csv_sha256": "0"}, "is not the file that"),
        ({"slug": "otto"}, "is of 'otto', not of titanic"),
        ({"inputs_sha256": {}}, "cannot be checked"),
    ],
)
def test_what_is_not_sent(site, cli, ready, changes, words):
    ready(seed=3, **changes)
    done = cli("submit", "titanic")
    assert (done.code, site.calls) == (2, [])
    assert words in done.text


def test_a_csv_without_record_and_one_that_fails_the_linter(site, cli, ready, titanic_files):
    path = ready(seed=4)
    path.with_suffix(".json").unlink()
    assert "there is no record" in cli("submit", "titanic").text
    sample = titanic_files["gender_submission.csv"]
    record_of("titanic", "gender_submission.csv", sample, sample).save(path.with_suffix(".json"))
    path.write_bytes(sample)
    done = cli("submit", "titanic")
    assert (done.code, site.calls) == (2, [])
    assert "it is the sample submission" in done.text


def test_killed_in_the_upload_and_run_again(site, cli, ready, python):
    site.faults["upload"] = ["stall"]
    output = kill_when_stalled(site, [*python, "submit", "titanic"])
    assert KEY.encode() not in output
    assert (len(site.submissions), events()) == (0, [])
    assert cli("submit", "titanic").code == 0
    assert len(site.submissions) == 1


def test_killed_at_the_last_step_and_run_again(site, cli, ready, python):
    site.faults["CreateSubmission"] = ["after-silent"]
    kill_when_stalled(site, [*python, "submit", "titanic"])
    assert (len(site.submissions), events()) == (1, ["sending"])
    assert cli("submit", "titanic").code == 0
    assert (len(site.submissions), site.count("CreateSubmission")) == (1, 1)
    assert events() == ["sending", "submitted", "scored"]


def kill_when_stalled(site, command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert site.stalled.wait(30)
    process.kill()
    return process.communicate()[0]


def test_a_torn_line_in_the_ledger_is_passed_over(site, cli, ready):
    cli("submit", "titanic")
    with LEDGER.open("ab") as file:
        file.write(b'{"time": "2026-01-01", "event": "sco')
    ready(seed=5)
    assert cli("submit", "titanic").code == 0
    assert len(json.loads(cli("scores", "titanic", "--json").out)) == 2


def test_time_limits_hold_for_each_block_sent(site, cli, ready, monkeypatch):
    """A line of 1 kB/s: what is sent at once takes as long as it takes, the csv longer than the limit."""
    send, sent = ssl.SSLSocket.sendall, []

    def slow(self, data, flags=0):
        sent.append(len(data))
        if len(data) / 1_000 > self.gettimeout():
            raise TimeoutError("The write operation timed out")
        return send(self, data, flags)

    monkeypatch.setattr(ssl.SSLSocket, "sendall", slow)
    with Kaggle(patience=Patience(connect=5, read=5, tries=1)) as kaggle:
        seen = []
        kaggle.upload("titanic", "a.csv", b"x" * 20_000, 0, lambda *told: seen.append(told))
    assert site.uploads["blob-0"] == ("a.csv", b"x" * 20_000)
    assert max(sent) <= 5_000
    assert seen == [("upload", done, 20_000) for done in (0, 4096, 8192, 12288, 16384, 20_000)]


def test_the_time_limit_of_the_command_line_is_that_of_connecting_too():
    assert (commands._patience(120).connect, commands._patience(120).read) == (120, 120)


def test_an_upload_that_gets_further_each_time_is_not_given_up(site, patience, monkeypatch):
    send, left = ssl.SSLSocket.sendall, list(range(1, 12))

    def broken(self, data, flags=0):
        if left and data[:1] == b"x":
            self.blocks = getattr(self, "blocks", 0) + 1
            if self.blocks > left[0]:
                left.pop(0)
                raise ConnectionResetError("Connection reset by peer")
        return send(self, data, flags)

    monkeypatch.setattr(ssl.SSLSocket, "sendall", broken)
    with Kaggle(patience=patience) as kaggle:
        kaggle.upload("titanic", "a.csv", b"x" * 2**16, 0)
    assert (len(left), site.count("StartSubmissionUpload")) == (0, 12)


@pytest.fixture
def three(site, ready):
    """Three submissions on Kaggle that this folder knows nothing of: ours from elsewhere, by hand, without a score."""
    path = next(Path("submissions/titanic").glob("*.csv"))
    start = json.loads(path.with_suffix(".json").read_text())["csv_sha256"][:12]
    site.by_hand("titanic", f"from elsewhere [hw-{start}-abcdef]", path.name, path.read_bytes())
    site.by_hand("titanic", "by hand", "mine.csv")
    site.by_hand("titanic", "by hand", "../odd\x1b[2J")
    site.verdicts = [COMPLETE]
    return path


def test_scores_in_a_fresh_clone_asks_kaggle_and_writes_nothing(site, cli, three):
    shutil.move("submissions", "elsewhere")
    site.page = 2
    done = cli("scores", "titanic", "--json")
    found = json.loads(done.out)
    assert [(row["ref"], row["file"], row["status"], row["public"]) for row in found] == [
        (4000, three.name, "COMPLETE", 0.77511), (4001, "mine.csv", "COMPLETE", 0.77511),
        (4002, "../odd[2J", "COMPLETE", 0.77511),
    ]  # fmt: skip
    assert {row["forecast"] for row in found} == {None}
    assert not Path("submissions").exists()
    beside = json.loads(cli("scores", "titanic", "--json", "--output", "elsewhere").out)
    assert [row["forecast"] for row in beside] == [0.77, None, None]
    assert "mine.csv" in cli("scores", "titanic").out


def test_scores_says_when_kaggle_was_not_asked_or_not_reached(site, cli, three, monkeypatch):
    done = cli("scores", "titanic", "--offline")
    assert (done.code, site.calls) == (0, [])
    assert "known in submissions; Kaggle was not asked (--offline)" in done.out
    site.faults["ListSubmissions"] = ["500"] * 20
    done = cli("scores", "titanic")
    assert done.code == 6
    assert "known in submissions; Kaggle could not be asked (list of submissions: Kaggle answered (500)" in done.out
    site.faults.clear()
    assert cli("submit", "titanic").code == 0
    site.faults["ListSubmissions"] = ["500"]
    done = cli("scores", "titanic")  # all that is known has its score; what is not known is said
    assert (done.code, done.out.count("0.77511")) == (0, 1)
    assert "note: Kaggle could not be asked" in done.text
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name)
    done = cli("scores", "titanic")
    assert (done.code, done.out.count("0.77511")) == (0, 1)
    assert "note: Kaggle was not asked (no credentials" in done.text
    done = cli("scores", "titanic", "--output", "nowhere")
    assert (done.code, Path("nowhere").exists()) == (0, False)
    assert "no submission of titanic is known in nowhere; Kaggle was not asked (no credentials" in done.out


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"csv_sha256": "0" * 64}, "is not the file that"),
        ({"slug": "otto"}, "is of 'otto', not of titanic"),
        ({"forecast": {"mean": 0.5}}, "forecast.low is missing"),
        ({"forecast": {"mean": "0.5", "low": 0.4, "high": 0.6}}, ""),
        ({"cv_mean": "0.8"}, ""),
        ({"cv_mean": [0.8]}, ""),
        (b"\xff\xfe", "is no record"),
        (b"[" * 100_000, "is no record"),
        (b"7", "is no record"),
    ],
    ids=["hash", "slug", "bounds", "text", "score a text", "score a list", "bytes", "nested", "a number"],
)
def test_a_record_that_is_damaged_or_of_something_else_is_not_believed(site, cli, ready, record, words):
    cli("submit", "titanic")
    path = next(Path("submissions/titanic").glob("*.json"))
    damaged = record if isinstance(record, bytes) else json.dumps({**json.loads(path.read_text()), **record}).encode()
    path.write_bytes(damaged)
    for done in (cli("scores", "titanic"), cli("scores", "titanic", "--json")):
        assert (done.code, words in done.text) == (0, True)
    assert cli("submit", "titanic").code in ([2] if words else [0, 2])
    [row] = json.loads(cli("scores", "titanic", "--json").out)
    assert (row["public"], row["csv_sha256"]) == (0.77511, site_hash(site))
    if words:
        assert (row["forecast"], row["cv_mean"]) == (None, None)
    assert path.read_bytes() == damaged


def site_hash(site):
    return sha256(site.submissions[0]["bytes"])


def test_scores_needs_no_right_to_write(site, cli, ready, monkeypatch):
    cli("submit", "titanic", "--no-wait")
    before = {path: path.read_bytes() for path in Path("submissions").rglob("*") if path.is_file()}
    (real, site.verdicts) = Path.open, [COMPLETE]

    def refused(self, mode="r", *more, **named):
        if "submissions" in str(self) and not {"r", "rb"} & {mode}:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, mode, *more, **named)

    def no_file(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refused)
    monkeypatch.setattr(record_module, "write_whole", no_file)
    done = cli("scores", "titanic")
    assert (done.code, done.out.count("0.77511")) == (0, 1)
    assert "takes no line (Permission denied)" in done.text
    assert {path: path.read_bytes() for path in before} == before


def test_otto_probabilities(site, cli):
    """Nine columns with many digits: downloaded by slug, submitted by the folder's short name."""
    files = dict(from_sample(load("otto")).files)
    sample = files["sampleSubmission.csv"]
    site.archives[OTTO] = make_zip(files)
    site.verdicts = [{"status": "COMPLETE", "publicScore": "0.44512", "privateScore": "0.44620"}]
    assert cli("data", OTTO).code == 0
    ids = pd.read_csv(io.BytesIO(sample))
    proba = np.random.default_rng(0).dirichlet(np.ones(9), len(ids))
    csv = writer.to_csv(load("otto"), ids, ids["id"], proba)
    record = replace(
        record_of(OTTO, "sampleSubmission.csv", sample, csv), forecast=Forecast(0.45, 0.4304, 0.4696, 1500, 0)
    )
    writer.save(Path("submissions") / OTTO, "fast", csv, record)
    done = cli("submit", "otto")
    assert done.code == 0, done.text
    assert "public score 0.44512: 0.5 standard errors below the forecast, private score 0.44620" in done.text
    assert site.submissions[0]["bytes"] == csv


def test_from_nothing_to_a_score_with_a_trained_network(site, cli, titanic_files):
    """A run that fetches what is not there and trains, submit, wait and score; no secret is printed or written."""
    site.verdicts = [{"status": "PENDING"}, COMPLETE]
    for command in ("run", "submit", "scores"):
        options = ["--folds", 2, "--seeds", 1, "--epochs", 2] if command == "run" else []
        done = cli(command, "titanic", *options)
        assert done.code == 0, done.text
        assert command != "run" or "data: kaggle" in done.text
    assert {name: Path("data/titanic", name).read_bytes() for name in titanic_files} == titanic_files
    [path] = Path("submissions/titanic").glob("*.csv")
    record = json.loads(path.with_suffix(".json").read_text())
    assert (record["data"], record["where"]) == ("kaggle", str(Path("data/titanic")))
    assert record["kaggle"]["public"] == 0.77511
    assert site.submissions[0]["bytes"] == path.read_bytes()
    assert f"{record['cv_mean']:.4f} ± {record['cv_se']:.4f}" in done.out


def test_a_submit_that_waits_for_another_says_so_and_not_without_limit(site, cli, ready, patience, monkeypatch):
    holder = "import sys, filelock; lock = filelock.FileLock(sys.argv[1]).acquire(); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, "submissions/.submit.lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline().strip() == b"held"
        monkeypatch.setattr(commands, "_patience", lambda _timeout: replace(patience, deadline=0.1))
        done = cli("submit", "titanic")
        assert (done.code, site.calls) == (1, [])
        assert "another submit is running in submissions; waiting for it" in done.text
        assert "error: another submit is still running in submissions; nothing was sent" in done.text
        other.communicate(b"\n")
    assert cli("submit", "titanic", "--no-wait").code == 0


def test_what_steers_a_terminal_is_not_printed(site, cli, ready):
    steering = "\x1b[2J\x1b]0;title\x07\u202e\x9b"
    path = next(Path("submissions/titanic").glob("*.csv"))
    odd = path.with_name(f"20260101-000000-a{steering}b.csv")
    path.rename(odd)
    path.with_suffix(".json").rename(odd.with_suffix(".json"))
    done = cli("submit", "titanic", "--no-wait", "--file", odd)
    assert done.code == 0, done.text
    line = json.loads(LEDGER.read_text().splitlines()[0])
    with LEDGER.open("a") as file:
        file.write(json.dumps({**line, "event": "scored", "status": f"ODD{steering}", "error": f"e{steering}"}) + "\n")
    texts = [done.text, cli("scores", "titanic", "--offline").text, cli("submit", "titanic", "--file", f"{odd}x").text]
    assert not [letter for letter in steering if letter in "".join(texts) and not letter.isprintable()]
