import fcntl
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import kept
import numpy as np
import pytest
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.metrics import accuracy
from pipelines.submission.ledger import Entry, Ledger
from pipelines.submission.record import HiddenScore, Verdict

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Run the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def runs(tmp_path):
    """Three runs, the second of which is the best."""
    root = tmp_path / "runs"
    for day, noise in ((1, 6.0), (2, 0.5), (3, 2.0)):
        kept.keep(root, f"2026112{day}-101010-fast", kept.said(seed=day, noise=noise), csv_sha256=f"{day}" * 64)
    return root


def table(done):
    assert done.exit_code == 0, done.output
    return {row["run"]: row for row in json.loads(done.stdout)}


def test_runs_are_listed_with_their_difference_to_the_best_one(invoke, runs):
    found = table(invoke("runs", "titanic", "--json"))
    assert list(found) == [f"2026112{day}-101010-fast" for day in (3, 2, 1)]
    last, best, first = found.values()
    assert (first["best"], best["best"], last["best"]) == (False, True, False)
    one, other = kept.said(seed=1, noise=6.0), kept.said(seed=2, noise=0.5)
    gain, se = accuracy.difference(one.y, one.oof, other.oof)
    assert (first["difference"], first["difference_se"]) == pytest.approx((gain, se))
    assert first["score"] == pytest.approx(accuracy(one.y, one.oof))
    assert first["bytes"] == sum(p.stat().st_size for p in (runs / "titanic" / "20261121-101010-fast").iterdir())
    assert (best["difference"], best["p"]) == (None, None)
    lines = invoke("runs", "titanic").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == list(found)
    assert f"{gain:+.4f} ± {se:.4f}*" in lines[3]
    assert "the best" in lines[2]
    assert lines[4].startswith("* not by chance alone")


def test_a_run_whose_rows_have_chosen_a_variant_is_no_rival_and_is_marked(invoke, runs):
    (runs / "titanic" / "20261122-101010-fast" / "tuned.json").write_text("{}")  # the highest score
    found = table(invoke("runs", "titanic", "--json"))
    assert [row["best"] for row in found.values()] == [True, False, False]
    assert [row["flattered"] for row in found.values()] == [False, True, False]
    lines = invoke("runs", "titanic").stdout.splitlines()
    assert "the best" in lines[1]
    assert lines[2].split()[6].endswith("!")
    assert lines[-1].startswith("! flattered: its own rows have chosen the variant tuned")


def test_what_is_unfinished_running_or_damaged_is_listed_as_that(invoke, runs):
    for name in ("20261124-101010-fast", "20261125-101010-best"):
        (runs / "titanic" / name).mkdir()
    (runs / "titanic" / "20261124-101010-fast" / "plan.json").write_text('{"options": {"note": "with deck"}}')
    lock = (runs / "titanic" / "20261125-101010-best" / ".lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    (runs / "titanic" / "20261121-101010-fast" / "record.json").write_text('{"slug": 3}')
    found = table(invoke("runs", "titanic", "--json"))
    assert [row["state"] for row in found.values()] == ["running", "stopped", "finished", "finished", "damaged"]
    assert found["20261124-101010-fast"]["note"] == "with deck"
    assert "slug is a whole number, not text" in found["20261121-101010-fast"]["error"]
    text = invoke("runs", "titanic").stdout
    assert "running" in text
    assert "stopped" in text
    lock.close()


def test_public_scores_come_from_the_ledger_and_from_the_record(invoke, runs, tmp_path):
    ledger, entry = Ledger(tmp_path / "submissions"), Entry("titanic", "a.csv", "1" * 64, "hw-111111111111-1")
    ledger.append("submitted", entry, ref=7)
    ledger.append("scored", entry, ref=7, status="COMPLETE", public=0.77511)
    record = kept.Record.load(runs / "titanic" / "20261123-101010-fast" / "record.json")
    replace(record, kaggle=Verdict(public=0.78)).save(runs / "titanic" / "20261123-101010-fast" / "record.json")
    found = table(invoke("runs", "titanic", "--json"))
    assert [row["public"] for row in found.values()] == [0.78, None, 0.77511]
    assert "0.77511" in invoke("runs", "titanic").stdout


def test_made_rows_and_practice_are_no_rivals_of_the_real_ones(invoke, runs):
    perfect = kept.said(seed=5, noise=0.0)
    kept.keep(runs, "20261124-101010-fast-sample", perfect, data="sample", cv_mean=1.0)
    kept.keep(runs, "20261125-101010-fast-practice", perfect, practice=HiddenScore(0.9, 0.1, 20), cv_mean=1.0)
    found = table(invoke("runs", "titanic", "--json"))
    assert [name for name, row in found.items() if row["best"]] == ["20261122-101010-fast"]


def test_runs_of_other_rows_and_damaged_predictions_have_no_difference(invoke, runs):
    strangers = kept.said(seed=9)
    kept.keep(runs, "20261124-101010-fast", replace(strangers, ids=[f"x{i}" for i in range(200)]))
    (runs / "titanic" / "20261121-101010-fast" / "predictions.safetensors").write_bytes(b"short")
    found = table(invoke("runs", "titanic", "--json"))
    assert found["20261124-101010-fast"]["difference"] is None
    assert found["20261121-101010-fast"]["difference"] is None
    assert found["20261123-101010-fast"]["difference"] is not None


def test_so_many_runs_are_looked_at_and_with_all_every_one(invoke, runs, monkeypatch):
    from pipelines.runs.history import listing

    monkeypatch.setattr(listing, "MOST", 2 * 200 * listing.LOOKS)
    found = table(invoke("runs", "titanic", "--json"))
    assert [row["difference"] is not None for row in found.values()] == [True, False, False]
    found = table(invoke("runs", "titanic", "--json", "--all"))
    assert [row["difference"] is not None for row in found.values()] == [True, False, True]


@pytest.mark.parametrize(("arguments", "code"), [(["runs", "titanic"], 0), (["compare", "titanic", "20261124"], 2)])
def test_the_list_and_what_is_wrong_do_not_wait_for_torch(runs, arguments, code):
    (runs / "titanic" / "20261124-101010-fast").mkdir()
    script = (
        "import sys\nfrom pipelines.__main__ import app\n"
        f"try:\n    app({[*arguments, '--runs', str(runs)]!r})\nexcept SystemExit as end:\n    code = end.code\n"
        "print(code, sorted({'torch', 'pandas', 'sklearn', 'kagglehub'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split("\n")[-2] == f"{code} []", done.stdout + done.stderr


def test_an_empty_list_says_how_to_fill_it(invoke):
    assert "python -m pipelines run titanic" in invoke("runs", "titanic").stdout
    assert invoke("runs", "titanic", "--json").stdout.strip() == "[]"


def names(runs):
    return sorted(path.name for path in (runs / "titanic").iterdir())


def test_pruning_keeps_the_best_the_newest_what_was_submitted_and_who_is_alive(invoke, runs, tmp_path):
    for hour in range(10, 16):  # worse and worse
        kept.keep(runs, f"20261120-{hour}1010-fast", kept.said(seed=hour, noise=20.0), cv_mean=0.5 - hour / 100)
    entry = Entry("titanic", "a.csv", "9" * 64, "hw-999999999999-1")
    Ledger(tmp_path / "submissions").append("submitted", entry, ref=7)
    kept.keep(runs, "20261120-161010-fast", kept.said(seed=16, noise=20.0), cv_mean=0.1, csv_sha256="9" * 64)
    for name in ("20261120-171010-fast", "20261120-181010-fast"):
        (runs / "titanic" / name).mkdir()
    lock = (runs / "titanic" / "20261120-181010-fast" / ".lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    size = (runs / "titanic" / "20261120-101010-fast" / "predictions.safetensors").stat().st_size
    done = invoke("runs", "titanic", "--prune", "1")
    assert done.exit_code == 0, done.output
    assert names(runs) == [
        "20261120-161010-fast", "20261120-181010-fast", "20261122-101010-fast", "20261123-101010-fast",
    ]  # fmt: skip
    assert "removed 20261120-171010-fast" in done.stderr
    total = float(done.stderr.splitlines()[-1].split(": ")[1].split()[0])
    assert done.stderr.splitlines()[-1].startswith("removed 8 runs of titanic: ")
    assert total >= round(7 * size / 1e6, 2)
    lock.close()
    again = invoke("runs", "titanic", "--prune", "1")
    assert "removed 1 run of titanic" in again.stderr
    assert names(runs) == ["20261120-161010-fast", "20261122-101010-fast", "20261123-101010-fast"]


def test_a_run_may_have_another_name_and_is_then_not_pruned(invoke, runs):
    path = runs / "titanic" / "20261121-101010-fast"
    replace(kept.Record.load(path / "record.json"), run=path.name).save(path / "record.json")
    path.rename(runs / "titanic" / "with deck")
    (runs / "titanic" / ".with deck.removed").mkdir()
    (runs / "titanic" / "half done").mkdir()
    (runs / "titanic" / "half done" / "plan.json").write_text("{}")
    os.utime(runs / "titanic" / "half done" / "plan.json", (1.7e9, 1.7e9))  # in 2023
    (runs / "titanic" / "notes").mkdir()
    found = table(invoke("runs", "titanic", "--json"))
    assert list(found) == ["20261123-101010-fast", "20261122-101010-fast", "with deck", "half done"]
    assert [row["state"] for row in found.values()] == ["finished"] * 3 + ["stopped"]
    assert json.loads(invoke("compare", "titanic", "with", "best", "--json").stdout)["a"] == "with deck"
    assert invoke("runs", "titanic", "--prune", "1").exit_code == 0
    assert {"with deck", "half done"} <= set(names(runs))


def test_pruning_leaves_links_and_what_they_lead_to(invoke, runs, tmp_path):
    kept.keep(tmp_path, "20200101-101010-fast", slug="far")
    link = runs / "titanic" / "20200101-101010-fast"
    link.symlink_to(tmp_path / "far" / link.name)
    done = invoke("runs", "titanic", "--prune", "1")
    assert done.exit_code == 0, done.output
    assert (link / "record.json").exists()


def test_files_that_a_kept_run_has_as_well_are_not_counted_as_freed(invoke, runs):
    one, other = (runs / "titanic" / f"2026112{day}-101010-fast" for day in (1, 3))
    (one / "networks").mkdir()
    (one / "networks" / "network-0.safetensors").write_bytes(b"0" * 3_000_000)
    (other / "networks").mkdir()
    os.link(one / "networks" / "network-0.safetensors", other / "networks" / "network-0.safetensors")
    done = invoke("runs", "titanic", "--prune", "1")
    assert "removed 20261121-101010-fast, 0.0" in done.stderr
    assert not one.exists()
    assert (other / "networks" / "network-0.safetensors").stat().st_size == 3_000_000


@pytest.mark.parametrize(
    ("said", "meant"),
    [("20261121-101010-fast", 1), ("20261122", 2), ("best", 2), ("newest", 3), ("previous", 2),
     ("runs/titanic/20261121-101010-fast", 1), ("elsewhere/moved", 1)],
)  # fmt: skip
def test_a_run_is_named_in_many_ways(invoke, runs, tmp_path, said, meant):
    moved = kept.keep(tmp_path, "moved", kept.said(seed=1, noise=6.0), slug="elsewhere")
    replace(kept.Record.load(moved / "record.json"), slug="titanic").save(moved / "record.json")
    against, noises = 3 if meant == 1 else 1, {1: 6.0, 2: 0.5, 3: 2.0}
    done = invoke("compare", "titanic", said, f"2026112{against}", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["a"] == ("moved" if said == "elsewhere/moved" else f"2026112{meant}-101010-fast")
    one, other = (kept.said(seed=day, noise=noises[day]) for day in (meant, against))
    assert found["gain"] == pytest.approx(accuracy.difference(one.y, other.oof, one.oof)[0])


def test_a_comparison_is_printed(invoke, runs):
    done = invoke("compare", "titanic", "20261121", "best")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[:2] == ["A  20261121-101010-fast", "B  20261122-101010-fast"]
    assert lines[-1].startswith("B is better: by ")
    assert any(line.startswith("Survived") for line in lines)


WRONG = {
    "no such run": (["2025"], "'2025' is no run of titanic in"),
    "a beginning of many": (["202611"], "may be 20261127-101010-fast, 20261126-101010-fast, 20261125-101010-fast"),
    "no folder of a run": (["./runs"], "is no folder of a run"),
    "another competition": (["runs/otto/20261121-101010-fast"], "is of otto-group-product"),
    "unfinished": (["20261124"], "the run 20261124-101010-fast cannot be used: it was stopped before its end"),
    "a damaged record": (["20261125"], "the run 20261125-101010-fast cannot be used: record.json is no record"),
    "another metric": (["20261126"], "A was scored by log loss, B by accuracy"),
    "a run and itself": (["newest"], "A and B are the same run: 20261127-101010-fast"),
    "a name": (["best", "--runs", "nowhere"], "there is no best run"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_compared_is_said(invoke, runs, wrong):
    otto = kept.keep(runs, "20261121-101010-fast", slug="otto")
    slug = "otto-group-product-classification-challenge"
    replace(kept.Record.load(otto / "record.json"), slug=slug).save(otto / "record.json")
    (runs / "titanic" / "20261124-101010-fast").mkdir()
    kept.keep(runs, "20261125-101010-fast")
    (runs / "titanic" / "20261125-101010-fast" / "record.json").write_text("{")
    kept.keep(runs, "20261126-101010-fast", metric="log loss")
    kept.keep(runs, "20261127-101010-fast")
    arguments, says = WRONG[wrong]
    done = invoke("compare", "titanic", *arguments)
    assert done.exit_code == 2, done.output
    assert says in done.stderr
    assert "怎么办" in done.stderr


def test_runs_of_a_later_version_or_of_another_competition_are_not_meant(invoke, runs):
    kept.keep(runs, "20261129-101010-fast", version=99)
    kept.keep(runs, "20261128-101010-fast-other")
    record = runs / "titanic" / "20261128-101010-fast-other" / "record.json"
    record.write_text(record.read_text().replace('"slug": "titanic"', '"slug": "otto"'))
    done = invoke("compare", "titanic", "previous", "newest")
    assert done.exit_code == 0
    assert "20261129" not in done.output
    assert "other" not in done.output.split("rows")[0]
    for name, says in (
        ("20261129", "is of version 99, and this is version"),
        ("20261128", "is of otto, not of titanic"),
    ):
        done = invoke("compare", "titanic", name)
        assert done.exit_code == 2
        assert says in done.output


def test_damaged_predictions_are_refused(invoke, runs):
    path = runs / "titanic" / "20261121-101010-fast" / "predictions.safetensors"
    whole = bytearray(path.read_bytes())
    whole[-5] ^= 1
    path.write_bytes(whole)
    done = invoke("compare", "titanic", "20261121", "best")
    assert done.exit_code == 2
    assert "20261121-101010-fast cannot be used: predictions.safetensors is damaged" in done.stderr


def test_scores_are_numbers(invoke, runs):
    kept.keep(runs, "20261127-101010-fast", cv_mean=None, cv_se=None)
    found = table(invoke("runs", "titanic", "--json"))
    assert found["20261127-101010-fast"]["score"] is None
    assert np.isfinite(found["20261122-101010-fast"]["score"])
