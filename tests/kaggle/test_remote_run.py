"""`run --on kaggle` through the TLS proxy: sent once, followed, brought back, in every state."""

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made import COMPLETE, record_of
from stand_in import KEY, TOKEN

from pipelines.errors import UsageError
from pipelines.kaggle.remote import away, pack
from pipelines.kaggle.remote.aboard import MANIFEST
from pipelines.kaggle.remote.ledger import RemoteLedger, staging_of
from pipelines.kaggle.remote.script import job_from, job_of
from pipelines.submission.record import Record

RUN, REF = "20260228-120000-fast", "anna/homework-titanic"
COMMAND = ("run", "titanic", "--on", "kaggle", "--folds", "3")
SPELT = "python -m pipelines run titanic --on kaggle --folds 3 --accelerator NvidiaTeslaT4"


def listed(files):
    return {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}


def made_run(sample, seed=0):
    """The files of a run as a kernel leaves them."""
    frame = pd.read_csv(io.BytesIO(sample))
    frame["Survived"] = np.random.default_rng(seed).integers(0, 2, len(frame))
    csv = frame.to_csv(index=False).encode()
    record = replace(record_of("titanic", "gender_submission.csv", sample, csv), run=RUN, data="folder", metric="acc")
    text = record.to_json().encode()
    plan = {"options": {"output": "/kaggle/working/submissions", "runs": "/kaggle/working/runs", "folds": 3}}
    return {
        f"runs/titanic/{RUN}/record.json": text, f"runs/titanic/{RUN}/plan.json": json.dumps(plan).encode(),
        f"runs/titanic/{RUN}/networks/network-1.safetensors": b"weights" * 99,
        f"submissions/titanic/{RUN}.csv": csv, f"submissions/titanic/{RUN}.json": text,
        f"submissions/titanic/{RUN}.png": b"png",
    }  # fmt: skip


@pytest.fixture
def kernels(site, titanic_files, monkeypatch, patience):
    """Kaggle's side: a push leaves a whole run. `about` changes what the run says of itself, `files` its files."""
    monkeypatch.setattr(away, "_patience", lambda: patience)
    monkeypatch.setattr(pack, "ROOT", Path("nowhere"))  # what goes up is another test's affair, and takes seconds
    monkeypatch.setattr(pack, "CARRIED", ())
    folder = Path("data/titanic")
    folder.mkdir(parents=True)
    for name, content in titanic_files.items():
        (folder / name).write_bytes(content)
    state = site.kernels
    state.about, state.files = {}, made_run(titanic_files["gender_submission.csv"])

    def on_push(text):
        job = job_of(text)
        about = {"id": job.id, "pack": job.pack, "exit": 0, "seconds": 9.5, "gpu": "Tesla T4"} | state.about
        return state.files | {MANIFEST: json.dumps(about | {"files": listed(state.files)}).encode()}

    state.on_push = on_push
    return state


def no_run():
    """Nothing of a run has come here, not even in part."""
    left = [path for path in Path().rglob("*") if path.is_file() and path.parts[0] in ("runs", "submissions")]
    return {path.name for path in left} <= {"kaggle.jsonl", ".kaggle.lock"}


def test_sent_followed_and_brought_back_then_submitted(site, cli, kernels):
    kernels.live, kernels.log = [["one"], ["one", "two"]], ["one", "two", "three"]
    kernels.states = [("QUEUED", ""), ("RUNNING", ""), ("RUNNING", ""), ("COMPLETE", "")]
    done = cli(*COMMAND, "--note", "deck of the cabin")
    assert done.code == 0, done.text
    [pushed] = kernels.pushes
    about = {name: value for name, value in pushed.items() if name != "text"}
    assert about == {
        "slug": REF, "newTitle": "homework titanic", "language": "python", "kernelType": "script", "isPrivate": True,
        "enableGpu": True, "enableInternet": False, "competitionDataSources": ["titanic"],
        "machineShape": "NvidiaTeslaT4",
    }  # fmt: skip
    assert job_of(pushed["text"]).options == ["--folds", "3", "--note", "deck of the cabin"]
    assert "GPU quota: 19.0 h left of 30 h a week, anew at 2026-03-07T00:00:00Z" in done.text
    said = [line for line in done.out.splitlines() if line.startswith(("on Kaggle: ", "  | "))]
    assert said == [
        f"on Kaggle: https://www.kaggle.com/code/{REF} (version 1)", "on Kaggle: waiting for a machine",
        "on Kaggle: running", "  | one", "  | two", "on Kaggle: complete", "  | three",
    ]  # fmt: skip
    csv, run = Path(f"submissions/titanic/{RUN}.csv"), Path(f"runs/titanic/{RUN}")
    assert csv.read_bytes() == kernels.files[f"submissions/titanic/{RUN}.csv"]
    assert csv.with_suffix(".png").read_bytes() == b"png"
    assert (run / "networks/network-1.safetensors").read_bytes() == b"weights" * 99
    assert Record.load(run / "record.json") == Record.load(csv.with_suffix(".json"))
    assert Record.load(csv.with_suffix(".json")).ran_on == f"Kaggle (Tesla T4), {REF} version 1"
    assert json.loads((run / "plan.json").read_text())["options"]["runs"] == str(Path("runs").absolute())
    assert sorted(path.name for path in Path("runs/titanic").iterdir()) == [RUN]
    assert RemoteLedger(Path("runs")).open() is None
    assert site.submissions == []
    site.verdicts = [COMPLETE]
    assert cli("submit", "titanic").code == 0
    assert site.submissions[0]["bytes"] == csv.read_bytes()


def test_quiet_gives_the_path_and_json_the_record(cli, kernels):
    assert cli(*COMMAND, "--quiet").out == f"{Path('submissions/titanic') / RUN}.csv\n"
    again = cli(*COMMAND, "--json")
    assert json.loads(again.out)["ran_on"] == f"Kaggle (Tesla T4), {REF} version 2"


def test_without_a_gpu_no_quota_is_needed(cli, kernels):
    kernels.quota = {"timeUsed": "108000s", "totalTimeAllowed": "108000s"}
    refused = cli(*COMMAND)
    assert (refused.code, kernels.pushes) == (5, [])
    assert "no GPU quota is left, until 2026-03-07T00:00:00Z; nothing was sent" in refused.text
    assert cli(*COMMAND, "--accelerator", "none").code == 0
    assert (kernels.pushes[0]["enableGpu"], "machineShape" in kernels.pushes[0]) == (False, False)


def test_a_quota_that_kaggle_does_not_tell_stops_nothing(cli, kernels):
    kernels.quota = None
    done = cli(*COMMAND)
    assert (done.code, len(kernels.pushes)) == (0, 1)
    assert "GPU quota: Kaggle does not say; see https://www.kaggle.com/settings/account" in done.text


NOT_TAKEN = {
    "phone": ({"error": "Please verify your phone number to use a GPU."}, 4, "phone number"),
    "rules": ({"invalidCompetitionSources": ["titanic"]}, 4, "/competitions/titanic/rules"),
    "rules in words": ({"error": "You must accept this competition's rules."}, 4, "/competitions/titanic/rules"),
    "sessions": ({"error": "Maximum batch GPU session count of 2 reached."}, 5, "View Active Events"),
    "quota": ({"error": "You have exceeded your weekly GPU quota."}, 5, "--accelerator none"),
    "too large": ({"error": "Source code is too large."}, 5, "competition's folder smaller"),
    "machine": ({"error": "Invalid machine shape."}, 5, "--accelerator"),
    "other": ({"error": f"The moon is full, {KEY}."}, 5, "did not take the kernel"),
}


@pytest.mark.parametrize("case", NOT_TAKEN)
def test_what_kaggle_does_not_take_is_said_and_can_be_sent_again(cli, kernels, case):
    kernels.said, code, words = NOT_TAKEN[case]
    refused = cli(*COMMAND)
    assert refused.code == code, refused.text
    assert words in refused.text
    assert no_run()
    kernels.said = {}
    assert cli(*COMMAND).code == 0


FAILED = {
    "credential": ("GetAcceleratorQuotaStatistics", ["401"], 3, "KAGGLE_USERNAME and KAGGLE_KEY"),
    "phone": ("SaveKernel", ["403-phone"], 4, "phone number"),
    "rules": ("SaveKernel", ["403-nested"], 4, "/competitions/titanic/rules"),
    "too many requests": ("SaveKernel", ["429"] * 9, 6, "too many requests"),
    "trouble": ("SaveKernel", ["500"] * 9, 6, "Kaggle has trouble"),
    "page": ("SaveKernel", ["html"], 6, "a web page came"),
    "state: page": ("GetKernelSessionStatus", ["html"], 6, "a web page came"),
    "output: trouble": ("ListKernelSessionOutput", ["503"] * 9, 6, "Kaggle has trouble"),
}


@pytest.mark.parametrize("case", FAILED)
def test_failed_calls_have_their_exit_codes_and_the_same_command_goes_on(site, cli, kernels, case):
    call, faults, code, words = FAILED[case]
    site.faults[call] = list(faults)
    failed = cli(*COMMAND)
    assert failed.code == code, failed.text
    assert words in failed.text
    assert no_run()
    site.faults.clear()
    assert cli(*COMMAND).code == 0
    assert len(kernels.pushes) == 1


LOST = {
    "push: dropped": ("SaveKernel", ["drop"], 2),  # the first did not arrive, and the command ends
    "push: arrived, then dropped": ("SaveKernel", ["after-drop"], 1),
    "push: arrived, then 500": ("SaveKernel", ["after-500"], 1),
    "state: dropped for long": ("GetKernelSessionStatus", ["drop"] * 8, 1),
    "quota: 500": ("GetAcceleratorQuotaStatistics", ["500"], 1),
    "output: 429": ("ListKernelSessionOutput", ["429:7"], 1),
    "a file: dropped": ("storage", ["drop"], 1),
    "a file: cut short": ("storage", ["short"], 1),
    "a file: a byte flipped": ("storage", [None, "flip"], 1),
    "a file: an address too old": ("storage", ["403-xml"], 1),
}


@pytest.mark.parametrize("case", LOST)
def test_lost_answers_and_broken_lines_lead_to_one_push(site, cli, kernels, case):
    call, faults, commands = LOST[case]
    site.faults[call] = list(faults)
    for _ in range(commands):
        done = cli(*COMMAND)
    assert done.code == 0, done.text
    assert len(kernels.pushes) == 1
    assert Path(f"runs/titanic/{RUN}/record.json").is_file()


ENDED = {
    "an error": ("ERROR", "", "the run on Kaggle failed\n  | the key is ***\n  | KeyError: Ticket"),
    "quota used up": ("ERROR", "GPU quota exceeded", "quota of the accelerator was used up while it ran"),
    "time": ("ERROR", "Your notebook exceeded the allowed 12 hours", "longer than Kaggle lets a session run"),
    "memory": ("ERROR", "Your notebook tried to allocate more memory than is available.", "more memory than"),
    "output too large": (
        "ERROR",
        "Output size exceeded the maximum of 20 GB",
        "its output is larger than Kaggle keeps",
    ),
    "cancelled": ("CANCEL_ACKNOWLEDGED", "", "the run on Kaggle was cancelled"),
}


@pytest.mark.parametrize("case", ENDED)
def test_a_kernel_that_does_not_complete_is_told_and_can_be_begun_anew(cli, kernels, case):
    status, message, words = ENDED[case]
    kernels.log, kernels.output = [f"the key is {KEY}", "KeyError: Ticket"], {}
    asked = [("CANCEL_REQUESTED", "")] if status.startswith("CANCEL") else []
    kernels.states = [("RUNNING", ""), *asked, (status, message)]
    failed = cli(*COMMAND)
    assert failed.code == 1, failed.text
    assert words in failed.text
    assert ("being cancelled" in failed.text) == bool(asked)
    assert no_run()
    kernels.states = [("COMPLETE", "")]
    assert cli(*COMMAND).code == 0
    assert len(kernels.pushes) == 2


def test_a_run_that_ends_with_an_exit_code_is_a_failure_whatever_kaggle_calls_it(cli, kernels):
    kernels.about, kernels.log = {"exit": 2}, ["homework: MISSING: safetensors is not in the image"]
    failed = cli(*COMMAND)
    assert failed.code == 1
    assert "  | homework: MISSING: safetensors is not in the image" in failed.text


def test_interrupted_it_goes_on_there_and_the_same_command_follows_it(cli, kernels, patience, monkeypatch):
    def impatient(seconds):
        raise KeyboardInterrupt

    kernels.states = [("RUNNING", "")]
    monkeypatch.setattr(away, "_patience", lambda: replace(patience, sleep=impatient))
    ended = cli(*COMMAND)
    assert ended.code == 130
    assert f"the run on Kaggle goes on; to follow it and bring it back: {SPELT}" in ended.text
    monkeypatch.setattr(away, "_patience", lambda: patience)
    other = cli("run", "titanic", "--on", "kaggle", "--folds", "4")
    assert (other.code, len(kernels.pushes)) == (5, 1)
    assert SPELT in other.text
    kernels.states = [("RUNNING", ""), ("COMPLETE", "")]
    monkeypatch.setattr(pack, "EPOCH", (1981, 1, 1, 0, 0, 0))
    done = cli(*COMMAND)
    assert (done.code, len(kernels.pushes)) == (0, 1)
    assert "note: the code here has changed since this run was sent" in done.text


def test_a_run_that_outlasts_patience_is_pending(cli, kernels, patience, monkeypatch):
    kernels.states = [("QUEUED", "")]
    monkeypatch.setattr(away, "_patience", lambda: replace(patience, kernel_deadline=60))
    late = cli(*COMMAND)
    assert late.code == 7
    assert f"it goes on there; later: {SPELT}\n" in late.text


def test_the_command_that_goes_on_says_where_its_files_lie_here(cli, kernels, patience, monkeypatch):
    kernels.states = [("QUEUED", "")]
    monkeypatch.setattr(away, "_patience", lambda: replace(patience, kernel_deadline=60))
    late = cli(*COMMAND, "--runs", "my runs", "--output", "csvs")
    there = f'{SPELT} --output csvs --runs "my runs"'
    assert f"it goes on there; later: {there}\n" in late.text
    assert "csvs" not in kernels.pushes[-1]["text"].partition("PACK =")[0]
    assert there in cli("run", "titanic", "--on", "kaggle", "--folds", "4", "--runs", "my runs").text
    assert f'later: {SPELT} --runs "my runs"\n' in cli(*COMMAND, "--runs", "my runs").text


def test_what_another_command_sent_is_brought_back_before_the_next_is_sent(cli, kernels, patience, monkeypatch):
    kernels.states = [("QUEUED", "")]
    monkeypatch.setattr(away, "_patience", lambda: replace(patience, kernel_deadline=60))
    cli(*COMMAND)
    kernels.states = [("COMPLETE", "")]
    done = cli("run", "titanic", "--on", "kaggle", "--folds", "4")
    assert done.code == 0, done.text
    assert f"first, what was sent before: {SPELT}" in done.text
    assert [job_of(body["text"]).options for body in kernels.pushes] == [["--folds", "3"], ["--folds", "4"]]
    assert sorted(path.name for path in Path("runs/titanic").iterdir()) == [RUN, f"{RUN}-2"]


def test_what_another_command_sent_is_not_given_up_because_of_the_line(site, cli, kernels, patience, monkeypatch):
    kernels.states = [("QUEUED", "")]
    monkeypatch.setattr(away, "_patience", lambda: replace(patience, kernel_deadline=60))
    cli(*COMMAND)
    kernels.states, site.faults["storage"] = [("COMPLETE", "")], ["503"] * 9
    other = ("run", "titanic", "--on", "kaggle", "--folds", "4")
    assert (cli(*other).code, len(kernels.pushes)) == (6, 1)
    site.faults.clear()
    kernels.log = ["KeyError: Ticket"]
    kernels.states = [*[("ERROR", "")] * 3, ("RUNNING", ""), ("COMPLETE", "")]
    done = cli(*other)
    assert (done.code, len(kernels.pushes)) == (0, 2), done.text
    assert "note: the run on Kaggle failed" in done.text


def test_a_running_kernel_is_found_by_its_name_without_the_ledger(cli, kernels, patience, monkeypatch):
    kernels.states = [("QUEUED", "")]
    monkeypatch.setattr(away, "_patience", lambda: replace(patience, kernel_deadline=60))
    cli(*COMMAND)
    Path("runs/kaggle.jsonl").unlink()
    kernels.states = [("RUNNING", "")] * 3 + [("COMPLETE", "")]
    other = cli("run", "titanic", "--on", "kaggle", "--folds", "4")
    assert (other.code, SPELT in other.text) == (5, True)
    assert cli(*COMMAND).code == 0
    assert len(kernels.pushes) == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_killed_while_it_was_sent_it_is_looked_for_first(cli, kernels, arrived):
    cli(*COMMAND)
    ledger = Path("runs/kaggle.jsonl")
    sending = json.loads(ledger.read_text().splitlines()[0])
    if not arrived:
        sending["job"]["id"] = sending["id"] = "0" * 16
    ledger.write_text(f"{json.dumps(sending)}\n{{torn")
    done = cli(*COMMAND)
    assert done.code == 0, done.text
    assert len(kernels.pushes) == 2 - arrived


@pytest.fixture
def pending(cli, kernels, patience, monkeypatch):
    """One run that was sent and not waited for."""
    kernels.states = [("QUEUED", "")]
    monkeypatch.setattr(away, "_patience", lambda: replace(patience, kernel_deadline=60))
    assert cli(*COMMAND).code == 7
    kernels.states = [("RUNNING", ""), ("COMPLETE", "")]
    return kernels


OTHER = ("run", "titanic", "--on", "kaggle", "--folds", "4")
OTTO = ("run", "otto", "--on", "kaggle")


def test_a_script_that_was_deleted_is_told_and_the_same_command_then_begins_anew(cli, pending):
    pending.deleted.add(REF)
    told = cli(*COMMAND)
    assert (told.code, len(pending.pushes)) == (1, 1), told.text
    assert f"the script {REF} is gone from Kaggle, and the run with it; nothing came back" in told.text
    assert "the same command begins it anew" in told.text
    assert RemoteLedger(Path("runs")).open() is None
    assert cli(*COMMAND).code == 0
    assert len(pending.pushes) == 2


def test_a_script_that_was_deleted_stands_in_no_other_command_s_way(cli, pending):
    pending.deleted.add(REF)
    pending.said = {"error": "The moon is full."}  # of what otto's run leaves, another test tells
    other = cli(*OTTO)
    assert f"note: the script {REF} is gone from Kaggle" in other.text
    assert (other.code, "did not take the kernel" in other.text) == (5, True), other.text
    assert RemoteLedger(Path("runs")).open() is None


def test_a_run_that_kaggle_does_not_show_is_given_up_by_restart_alone(site, cli, pending):
    site.faults["GetKernelSessionStatus"] = ["404"] * 99
    for command in (COMMAND, OTTO):
        refused = cli(*command)
        assert (refused.code, len(pending.pushes)) == (4, 1), refused.text
        assert f"(of {REF}, which is there)" in refused.text
        assert "--restart, added to the same command, gives that run up" in refused.text
    pending.said = {"error": "The moon is full."}
    assert cli(*OTTO, "--restart").code == 5
    assert RemoteLedger(Path("runs")).open() is None


@pytest.mark.parametrize("known", [True, False])
def test_a_run_of_another_account_is_not_taken_for_one_that_is_gone(cli, pending, known):
    ledger = Path("runs/kaggle.jsonl")
    lines = ledger.read_text().replace(REF, "bob/homework-titanic").splitlines()
    ledger.write_text("\n".join(lines[: 2 if known else 1]) + "\n")
    refused = cli(*OTHER)
    assert (refused.code, len(pending.pushes)) == (4, 1), refused.text
    assert "is bob/homework-titanic, and the credentials used now are of the account anna" in refused.text
    assert RemoteLedger(Path("runs")).open().ref == "bob/homework-titanic"
    assert cli(*OTHER, "--restart").code == 0


def test_a_run_that_ended_before_it_had_any_output_is_told_and_closed(site, cli, pending):
    pending.states, site.faults["ListKernelSessionOutput"] = [("CANCEL_ACKNOWLEDGED", "")], ["404"] * 99
    ended = cli(*COMMAND)
    assert (ended.code, "the run on Kaggle was cancelled" in ended.text) == (1, True), ended.text
    assert RemoteLedger(Path("runs")).open() is None


def test_a_run_whose_competition_is_no_more_here_stands_in_no_other_command_s_way(cli, pending):
    ledger = Path("runs/kaggle.jsonl")
    ledger.write_text(ledger.read_text().replace('"name": "titanic"', '"name": "old_titanic"'))
    done = cli(*OTHER)
    assert (done.code, len(pending.pushes)) == (5, 1)  # it is at work there
    done = cli(*OTHER)
    assert "note: there is no folder competitions/old_titanic here any more; nothing was taken over" in done.text
    assert (done.code, len(pending.pushes)) == (0, 2), done.text


def test_a_script_without_a_state_does_not_count_as_running(site, cli, pending):
    Path("runs/kaggle.jsonl").unlink()
    site.faults["GetKernelSessionStatus"] = ["404"]
    assert cli(*COMMAND).code == 0
    assert len(pending.pushes) == 2


def test_a_credential_put_beside_the_code_meanwhile_does_not_keep_a_run_from_coming_back(cli, pending, monkeypatch):
    def refuses(*_, **__):
        raise UsageError("kaggle.json", "move it", "请移出")

    monkeypatch.setattr(pack, "make", refuses)
    done = cli(*COMMAND)
    assert (done.code, len(pending.pushes)) == (0, 1), done.text
    assert "note: the code here has changed since this run was sent" in done.text


SPELT_OTHERWISE = (
    ("--variants", "network,hist-gradient-boosting", "--folds", "3", "--seeds", "2"),
    (
        "--seeds",
        "2",
        "--variants",
        "network, hist-gradient-boosting",
        "--folds",
        "3",
        "--preset",
        "fast",
        "--seed",
        "0",
    ),
    ("--folds=3", "--accelerator", "GPU", "--seeds=2", "--variants= network,hist-gradient-boosting"),
    ("--folds", "3", "--variants", "network,hist-gradient-boosting", "--accelerator", "nvidiateslat4", "--seeds", "2"),
)


def test_the_same_command_in_another_spelling_follows_what_was_sent(cli, kernels, patience, monkeypatch):
    kernels.states = [("QUEUED", "")]
    monkeypatch.setattr(away, "_patience", lambda: replace(patience, kernel_deadline=60))
    for options in SPELT_OTHERWISE:
        assert cli("run", "titanic", "--on", "kaggle", *options).code == 7
    [pushed] = kernels.pushes
    assert job_of(pushed["text"]).options == [
        "--variants",
        "network,hist-gradient-boosting",
        "--folds",
        "3",
        "--seeds",
        "2",
    ]


@pytest.mark.parametrize(("named", "shape"), [("None", None), ("NONE", None), ("GPU", "NvidiaTeslaT4")])
def test_an_accelerator_is_known_in_large_letters(cli, kernels, named, shape):
    assert cli(*COMMAND, "--accelerator", named).code == 0
    assert (kernels.pushes[0]["enableGpu"], kernels.pushes[0].get("machineShape")) == (shape is not None, shape)


@pytest.mark.parametrize("variants", ["network,tuned", "network, tuned"])
def test_the_file_of_the_tuned_variant_goes_along_and_no_note_is_taken_for_it(cli, kernels, monkeypatch, variants):
    Path("runs/titanic").mkdir(parents=True)
    Path("runs/titanic/tuned.json").write_bytes(b"{}")
    make, sent = pack.make, []

    def spy(name, secrets=(), beside=None):
        sent.append(beside)
        return make(name, secrets, beside)

    monkeypatch.setattr(pack, "make", spy)
    assert cli(*COMMAND, "--note", "--variants").code == 0
    assert cli(*COMMAND, "--variants", variants).code == 0
    assert sent == [{}, {"runs/titanic/tuned.json": b"{}"}]


def test_restart_sends_it_anew(cli, kernels, patience, monkeypatch):
    kernels.states = [("QUEUED", "")]
    monkeypatch.setattr(away, "_patience", lambda: replace(patience, kernel_deadline=60))
    cli(*COMMAND)
    kernels.states = [("RUNNING", ""), ("COMPLETE", "")]
    assert cli(*COMMAND, "--restart").code == 0
    assert len(kernels.pushes) == 2


@pytest.mark.parametrize("end", ["COMPLETE", "ERROR", "CANCEL_ACKNOWLEDGED"])
def test_the_end_of_the_version_before_is_not_taken_for_this_one(cli, kernels, end):
    cli(*COMMAND)
    kernels.late, kernels.states = {}, [(end, ""), (end, ""), ("RUNNING", ""), ("COMPLETE", "")]
    assert cli(*COMMAND).code == 0
    assert Record.load(Path(f"runs/titanic/{RUN}-2/record.json")).ran_on.endswith("version 2")


def test_what_was_fetched_of_a_job_that_is_given_up_goes(cli, kernels, patience, monkeypatch):
    kernels.states = [("QUEUED", "")]
    monkeypatch.setattr(away, "_patience", lambda: replace(patience, kernel_deadline=60))
    cli(*COMMAND)
    sent = RemoteLedger(Path("runs")).open()
    staging = staging_of(Path("runs"), sent)
    (staging / "runs").mkdir(parents=True)
    cli(*COMMAND, "--restart")
    assert RemoteLedger(Path("runs")).open().job.id != sent.job.id
    assert not staging.exists()


def test_a_line_of_the_ledger_without_a_kernel_is_passed_over(cli, kernels):
    cli(*COMMAND)
    ledger = Path("runs/kaggle.jsonl")
    line = json.loads(ledger.read_text().splitlines()[0])
    ledger.write_text(json.dumps({**line, "ref": "nobody"}) + "\n")
    assert RemoteLedger(Path("runs")).open() is None
    assert cli(*COMMAND).code == 0


@pytest.mark.parametrize("change", [{"id": "a/../../x"}, {"slug": "../.."}, {"id": ""}])
def test_a_job_whose_name_leads_elsewhere_is_none(cli, kernels, change):
    cli(*COMMAND)
    line = json.loads(Path("runs/kaggle.jsonl").read_text().splitlines()[0])
    with pytest.raises(ValueError, match="no id or competition"):
        job_from({**line["job"], **change})


def test_a_note_that_is_no_unicode_travels(cli, kernels):
    done = cli(*COMMAND, "--note", "caf\udce9")
    assert done.code == 0, done.text
    assert "caf\\udce9" in kernels.pushes[0]["text"]


def test_a_gpus_name_is_printed_in_a_line_of_its_own_length(cli, kernels):
    kernels.about = {"gpu": "Tesla\n\x1b[2J" + "x" * 500}
    assert cli(*COMMAND).code == 0
    ran_on = Record.load(Path(f"runs/titanic/{RUN}/record.json")).ran_on
    assert ran_on.startswith("Kaggle (Tesla [2Jxxx")
    assert len(ran_on) < 200


def test_two_commands_do_not_follow_at_once(cli, kernels):
    with RemoteLedger(Path("runs")).alone():
        second = cli(*COMMAND)
    assert (second.code, kernels.pushes) == (1, [])
    assert "another command follows the run on Kaggle" in second.text


HOSTILE = (
    "../outside.txt", "/etc/passwd", "runs/titanic/../../outside.txt", "runs/otto/a/record.json", "runs/titanic/.lock",
    "runs/titanic/a\\b.txt", "submissions/titanic/C:x.csv", "homework/titanic/x", f"runs/titanic/{RUN}/" + "a" * 300,
    f"runs/titanic/{RUN}/" + "\u5927" * 100, f"runs/titanic/{RUN}/record.json/x", f"runs/titanic/{RUN}/\ud800.txt",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_path_that_leads_elsewhere_is_refused_and_nothing_is_taken_over(cli, kernels, name):
    kernels.files[name] = b"hostile"
    refused = cli(*COMMAND)
    assert refused.code == 1
    assert "which is no file of a run; nothing was taken over" in refused.text
    assert no_run()
    assert not Path("../outside.txt").exists()


FOREIGN = {
    "other code": ({"pack": "0" * 64}, "of another run, or of other code"),
    "another job": ({"id": "0" * 16}, "of another run, or of other code"),
    "no list": ({"files": 7}, "cannot be read"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_output_of_another_run_or_other_code_is_not_taken_over(cli, kernels, case):
    about, words = FOREIGN[case]
    push = kernels.on_push

    def on_push(text):
        files = push(text)
        return files | {MANIFEST: json.dumps(json.loads(files[MANIFEST]) | about).encode()}

    kernels.on_push = on_push
    refused = cli(*COMMAND)
    assert (refused.code, words in refused.text) == (1, True), refused.text
    assert no_run()


def test_files_that_kaggle_did_not_keep_are_named(cli, kernels):
    kernels.lost = {f"runs/titanic/{RUN}/networks/network-1.safetensors"}
    refused = cli(*COMMAND)
    assert refused.code == 1
    assert "Kaggle has 5 of the 6 files that the run left" in refused.text
    assert "larger than Kaggle keeps" in refused.text
    assert no_run()


def test_a_csv_that_the_linter_refuses_does_not_come_in(cli, kernels, titanic_files):
    name = f"submissions/titanic/{RUN}.csv"
    bad = kernels.files[name].replace(b",1\n", b",yes\n")
    for place in (f"submissions/titanic/{RUN}.json", f"runs/titanic/{RUN}/record.json"):
        record = json.loads(kernels.files[place])
        kernels.files[place] = json.dumps(record | {"csv_sha256": hashlib.sha256(bad).hexdigest()}).encode()
    kernels.files[name] = bad
    refused = cli(*COMMAND)
    assert refused.code == 2
    assert "the submission is refused" in refused.text
    assert "with --restart it sends the run anew" in refused.text
    assert not Path("submissions/titanic").exists()


def test_without_the_data_here_it_comes_in_and_submit_asks_for_them(cli, kernels):
    Path("data/titanic/gender_submission.csv").write_bytes(b"PassengerId,Survived\n892,0\n")
    done = cli(*COMMAND)
    assert done.code == 0
    assert "note: data/titanic has no gender_submission.csv like that of the run" in done.text
    assert cli("submit", "titanic").code == 2


def test_a_token_is_asked_whose_it_is(site, cli, kernels, monkeypatch):
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    assert cli(*COMMAND).code == 0
    assert kernels.pushes[0]["slug"] == REF
    site.faults["IntrospectToken"] = ["404"]
    nameless = cli(*COMMAND)
    assert (nameless.code, "set KAGGLE_USERNAME" in nameless.text) == (3, True)


WRONG = {
    "another place": (["--on", "mars"], "--on mars"),
    "an accelerator here": (["--accelerator", "gpu"], "add --on kaggle"),
    "a TPU": (["--on", "kaggle", "--accelerator", "tpu"], "on no TPU"),
    "no accelerator": (["--on", "kaggle", "--accelerator", ""], "there is no accelerator ''"),
    "an unknown accelerator": (["--on", "kaggle", "--accelerator", "abacus"], "there is no accelerator 'abacus'"),
    "options of here": (["--on", "kaggle", "--device", "cpu", "--practice"], "--device, --practice has no meaning"),
    "made rows": (["--on", "kaggle", "--data", "sample"], "--data sample has no meaning"),
    "no runs": (["--on", "kaggle", "--runs", ""], '--runs "" has no meaning'),
    "a number": (["--on", "kaggle", "--folds", "1"], "--folds must be at least 2"),
    "a variant": (["--on", "kaggle", "--variants", "resnet"], "has no variant 'resnet'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_options_are_refused_before_anything_is_asked(site, cli, kernels, case):
    options, words = WRONG[case]
    refused = cli("run", "titanic", *options)
    assert (refused.code, site.calls) == (2, [])
    assert words in refused.text
    assert cli("cv", "titanic", "--on", "kaggle").code == 2
