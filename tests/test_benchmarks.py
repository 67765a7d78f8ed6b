"""The benchmarks' arithmetic, and that every peer of ours trains; no clock is asserted."""

import argparse
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks import __main__ as program
from benchmarks import report, scores, training

NUMBERS = {
    "members, plain": {"lectures' loop": [0.026, 0.052], "skorch": [0.052, 0.052], "ours, 100": [0.00026, 0.00052]},
    "epoch": {
        "lectures' loop, float32": [3.0, 3.0], "bare loop, float32": [2.0, 2.0], "ours, float32": [1.0, 2.0],
        "bare loop, bfloat16": [1.0, 1.0], "ours, bfloat16": [0.5, 0.5],
    },
    "matmul": {"512 x 512 x 512, float32": [0.001, 0.002, 0.004]},
    "scores": {"a": {"score": 0.5, "se": 0.01, "seconds": 10.4}, "b": {"score": 0.4, "se": 0.02, "seconds": 99.6}},
    "variants": {
        "big": {"score": 0.5, "weight": 0.0149, "seconds": 20.4}, "good": {"score": 0.4, "weight": 0.8, "seconds": 9.6},
    },
    "rows": {"3000": {"seconds": 1.25, "memory": 500.4}},
    "submission": [{"rows": 9000, "write": 1.0, "lint": 0.5}, {"rows": 9000, "write": 3.0, "lint": 0.7}],
}  # fmt: skip
NUMBERS["dates"] = dict.fromkeys(list(NUMBERS), "2026-01-02")


@pytest.fixture
def few_rows(monkeypatch):
    titanic, otto = training.titanic_rows, training.otto_rows
    monkeypatch.setattr(training, "titanic_rows", lambda: tuple(part[:66] for part in titanic()))
    monkeypatch.setattr(training, "otto_rows", lambda: otto(600))
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_the_page_holds_what_was_measured():
    page = report.document({"a machine": NUMBERS})
    assert "| lectures' loop | 1.5e+03 (1e+03 to 2e+03) | 1.0 (1.0 to 1.0) | 1.5 (1.0 to 2.0) |" in page
    assert "| ours, 100 | 15 (10 to 20) | 100.0 (100.0 to 100.0) | 150.0 (100.0 to 200.0) |" in page
    assert "| ours, float32 | 1.5 (1 to 2) | 2.2 (1.5 to 3.0) | 0.75 |" in page
    assert "| ours, bfloat16 | 0.5 (0.5 to 0.5) | 6.0 (6.0 to 6.0) | 0.50 |" in page
    assert "| product 512 x 512 x 512, float32 | 134 |" in page  # 2 x 512^3 / 0.002 s
    assert page.index("| a | 0.5000 ± 0.0100 | 10 |") < page.index("| b | 0.4000 ± 0.0200 | 100 |")
    assert page.index("| good | 0.4000 | 0.80 | 10 |") < page.index("| big | 0.5000 | 0.01 | 20 |")
    assert "| 3,000 | 1.2 |  | 500 |" in page
    assert "| 9,000 rows | seconds |\n| --- | --- |\n| write | 2 (1 to 3) |\n| lint | 0.6 (0.5 to 0.7) |" in page
    assert "## Rows\n\n`cv otto --folds 2 --epochs 2`, made rows. Measured 2026-01-02." in page


def test_how_time_and_memory_grow_is_said_without_what_is_there_for_no_row_at_all():
    sizes = (1000, 2000, 4000, 8000)
    rows = {str(n): {"seconds": n, "cpu": 5 + 2e-3 * n, "memory": 400 + 1e-4 * n**1.5} for n in sizes}
    table = list(report.rows_table(rows))
    assert table[4] == "| 4,000 | 4000.0 | 13.0 | 425 |"
    assert "the cores' seconds grow with the power 1.00 of the rows and memory with the power 1.50" in table[-1]
    assert len(list(report.rows_table(dict(list(rows.items())[:2])))) == 4


def test_the_curve_is_of_rows_that_differ(monkeypatch):
    asked = []

    def child(*line):
        folder = Path(line[line.index("--data") + 1])
        asked.append(len(pd.read_csv(folder / "train.csv").drop(columns="id").drop_duplicates()))
        return {"cv_mean": 0.5, "cv_se": 0.1, "seconds": 3.0, "peak_memory_mb": 400}

    monkeypatch.setattr(program, "child", child)
    monkeypatch.setattr(program, "ROWS", 300)
    [(table, rows)] = program.measured("rows", argparse.Namespace(device="cpu"))
    assert (table, list(rows)) == ("rows", ["300", "600", "1200", "2400", "4800"])
    assert asked[-1] > 4700
    assert rows["300"] | {"cpu": 0} == {"score": 0.5, "se": 0.1, "seconds": 3.0, "memory": 400, "cpu": 0}


def test_what_was_not_measured_is_not_there():
    page = report.document({"a machine": {"dates": {"rows": "2026-01-02"}, "rows": NUMBERS["rows"]}})
    assert "### Rows" in page
    assert page.count("### ") == 1


def test_each_machine_has_a_part_and_the_last_with_scores_the_picture():
    bare = {"dates": {"rows": "2026-01-04"}, "rows": NUMBERS["rows"]}
    newer = NUMBERS | {"dates": dict.fromkeys(NUMBERS, "2026-01-03"), "notes": {"scores": ["presets of that day"]}}
    machines = {"old": NUMBERS, "bare": bare, "newer": newer}
    page = report.document(machines)
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == ["bare", "newer", "old"]
    assert report.pictured(machines) == "newer"
    assert page.count("benchmarks-otto.png") == page.count("presets of that day") == 1
    assert page.index("## newer") < page.index("benchmarks-otto.png") < page.index("## old")
    assert report.pictured({"bare": bare}) is None


def test_numbers_of_other_machines_stay(monkeypatch, tmp_path):
    (tmp_path / "benchmarks.json").write_text(json.dumps({"other": NUMBERS}))
    monkeypatch.setattr(report, "machine", lambda _device: "this")
    monkeypatch.setattr(program, "measured", lambda table, _options: [(table, NUMBERS[table])])
    monkeypatch.setattr("sys.argv", ["benchmarks", "--only", "rows", "--output", str(tmp_path)])
    program.main()
    kept = json.loads((tmp_path / "benchmarks.json").read_text())
    assert kept["other"] == NUMBERS
    assert kept["this"]["rows"] == NUMBERS["rows"]
    assert list(kept["this"]["dates"]) == ["rows"]
    assert (tmp_path / "benchmarks.md").read_text() == report.document(kept) + "\n"
    assert (tmp_path / "benchmarks-otto.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("there", [True, False])
def test_what_a_processor_has_to_emulate_is_not_timed(monkeypatch, there):
    monkeypatch.setattr("pipelines.hardware.has_bfloat16", lambda _device: there)
    assert ("ours, bfloat16" in program._computed_here(program.EPOCH, "cpu")) == there
    assert "ours, float32" in program._computed_here(program.EPOCH, "cpu")


def test_flop_per_epoch_by_hand():
    weights = 95 * 512 + 512 * 512 + 512 * 512 + 512 * 9
    inputs = weights - 95 * 512  # nobody needs the gradient of the first layer's inputs
    assert 39_601 * 2 * (weights + weights + inputs) == report.FLOP_PER_EPOCH


def test_peers_take_turns():
    asked = []
    seconds = program.in_turns(("a", "b"), 3, lambda peer: asked.append(peer) or float(len(asked)))
    assert asked == ["a", "b"] * 3
    assert seconds == {"a": [1.0, 3.0, 5.0], "b": [2.0, 4.0, 6.0]}


def test_each_variants_cost_is_that_of_one_network(monkeypatch):
    asked = []
    variant = {"name": "network", "score": 0.5, "weight": 0.25, "seconds": 80.0, "losses": []}
    monkeypatch.setattr(program, "child", lambda *line: asked.append(line) or {"variants": [variant], "folds": 5})
    options = argparse.Namespace(data=Path("there"), device="cpu")
    [(table, rows)] = program.measured("variants", options)
    assert (table, rows) == ("variants", {"network": {"score": 0.5, "weight": 0.25, "seconds": 16.0}})
    assert asked[0][:7] == ("pipelines", "cv", "otto", "--data", "there", "--device", "cpu")
    assert asked[0][8].startswith("pieces,residual,")


@pytest.mark.parametrize("network", ["plain", "dropout and batch norm"])
@pytest.mark.parametrize("peer", ["lectures' loop", "ours, 1", "ours, 5"])
def test_a_step_of_small_networks_runs(few_rows, network, peer):
    epoch = training.member_step(network, peer)
    assert epoch() > 0
    assert epoch() > 0


@pytest.mark.parametrize("peer", [peer for peer in program.EPOCH if "skorch" not in peer])
def test_an_epoch_of_the_large_network_runs(few_rows, peer):
    assert training.otto_epoch(peer)() > 0


def test_the_networks_are_those_that_the_page_names():
    sizes = [
        sum(p.numel() for p in training.small(network).parameters()) for network in ("plain", "dropout and batch norm")
    ]
    weights = 25 * 64 + 64 * 32 + 32 + 1
    assert sizes == [weights + 64 + 32, weights + 2 * (64 + 32)]  # biases; scales and shifts in their place


def test_a_matrix_product_runs():
    assert training.matmul("8 x 4 x 2", "float32")() > 0


def test_a_table_that_is_not_there_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["benchmarks", "--only", "epochs"])
    with pytest.raises(SystemExit):
        program.main()
    assert "there is no table 'epochs'; there are members, epoch" in capsys.readouterr().err


def test_a_submission_is_written_and_looked_through():
    found = program._submission(200)
    assert found["rows"] == 200
    assert min(found["write"], found["lint"]) > 0


def test_a_peer_is_scored_on_our_folds(tmp_path, capsys):
    from competitions.otto.competition import COMPETITION

    COMPETITION.make_sample()["train.csv"].to_csv(tmp_path / "train.csv", index=False)
    scores.main("scikit-learn MLP", str(tmp_path), 400)
    found = json.loads(capsys.readouterr().out)
    assert 0 < found["score"] < np.log(9)  # better than guessing evenly
    assert found["se"] > 0
