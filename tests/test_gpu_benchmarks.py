"""`python -m benchmarks gpu`: what is said is kept at once, whatever ends a part; nothing is measured here."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.gpu import command, networks, parts, tables

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = {"small": True, "data": None}
MACHINE = 'print("""measured: {"name": "machine", "value": "a GPU"}""")\n'
SAID = {
    "tests": {"tests": {"ended": "==== 1 failed, 23 passed in 9s ====", "odd": ["FAILED a::b - no"], "code": 1}},
    "members": {
        "members, plain": {
            "seconds": {"lectures' loop": [0.026, 0.052], "ours, 100": [0.00026, 0.00052]},
            "memory": {"lectures' loop": 12.3, "ours, 100": None},
        },
        "members, pytabkit 50": {"seconds": 0.0039, "memory": 2345.6},
    },
    "otto gpu": {
        "otto, gpu": {
            "score": 0.41234, "se": 0.004, "seconds": 99.6, "memory": 3210.0, "made rows": False,
            "variants": {"wide-tabm": {"score": 0.42, "weight": 0.8}, "periodic": {"score": 0.5, "weight": None}},
        }
    },
    "otto best": {"otto, best": {"epochs": {"pieces": 80, "periodic": 3}, "seconds": 60.2, "memory": None}},
    "cnn": {"cnn": {
        "lectures' loop": {"seconds": [2.0, 4.0], "memory": 80.0}, "ours": {"seconds": [1.0, 1.0], "memory": 300.0},
    }},
    "programs": {"programs": {"50 networks": {
        "as it is": {"seconds": [2e-3, 4e-3], "memory": 9.0}, "torch.compile": {"why": "RuntimeError: no | compiler"},
        "CUDA graph": {"seconds": [1e-3, 1e-3], "memory": 10.0},
    }}},
}  # fmt: skip


def page(said):
    done = {part: {"date": "2026-01-02", "ended": "done in 9 s", "values": values} for part, values in said.items()}
    return "\n".join(tables.gpu_tables(done))


def test_the_page_holds_what_a_gpu_showed():
    made = page(SAID)
    assert "`1 failed, 23 passed in 9s`\n\n- `FAILED a::b - no`" in made
    assert "| plain | ours, 100 | 15 (10 to 20) | 100.0 (100.0 to 100.0) |  |" in made
    assert "| plain | lectures' loop | 1.5e+03 (1e+03 to 2e+03) | 1.0 (1.0 to 1.0) | 12 |" in made
    assert "| RealMLP's own | pytabkit, 50 as one | 150 | 10.0 | 2,346 |" in made
    assert "0.4123 ± 0.0040 in 100 s, 3,210 MB of GPU memory at its peak." in made
    assert "| wide-tabm | 0.4200 | 0.80 |\n| periodic | 0.5000 |  |" in made
    assert "after 60 s it had trained so many epochs: pieces 80, periodic 3" in made
    assert "| ours | 1 (1 to 1) | 3.0 (2.0 to 4.0) | 300 |" in made
    assert "| 50 networks | CUDA graph | 1e+03 (1e+03 to 1e+03) | 3.0 (2.0 to 4.0) | 10 |" in made
    assert "not measured: RuntimeError: no / compiler" in made
    assert made.count("2026-01-02, done in 9 s.") == len(SAID)


def test_a_peer_that_is_not_there_is_named():
    assert "Pytabkit cannot be imported." in page(
        {"members": {"members, pytabkit": {"skipped": "pytabkit cannot be imported"}}}
    )


def test_the_page_says_that_no_gpu_was_there_until_one_was():
    words = "not measured yet, no GPU could be had"
    done = {"dates": {"gpu": "2026-01-02"}, "gpu": {"tests": {"date": "", "ended": "", "values": SAID["tests"]}}}
    assert words in report.document({})
    assert words in report.document({f"{command.REHEARSAL}a laptop": done})
    shown = report.document({"a GPU": done})
    assert words not in shown
    assert "### What a GPU should show" in shown


@pytest.fixture
def parts_of_ours(monkeypatch, tmp_path):
    """Programs in the place of the parts: a name and the lines of each."""

    popen = subprocess.Popen

    def set_to(programs):
        seen = []

        def begin(line, **more):
            seen.append((line[3], more["env"]["BENCHMARK_DEVICE"], json.loads(line[4])))
            return popen([sys.executable, "-u", "-c", programs[line[3]]], **more)

        monkeypatch.setattr(command.subprocess, "Popen", begin)
        monkeypatch.setattr(command, "SECONDS", dict.fromkeys([name for name in programs if name != "machine"], 60))
        return seen

    return set_to


def told(name, value):
    return f"print({command.MARK + json.dumps({'name': name, 'value': value})!r})\n"


FOUND = {"ended": "1 passed", "odd": [], "code": 0}


def kept(folder):
    [(machine, done)] = json.loads((folder / "benchmarks.json").read_text()).items()
    return machine, done["gpu"]


def test_what_was_said_stays_when_a_part_is_cut_off_or_fails_and_the_next_begins(parts_of_ours, tmp_path, monkeypatch):
    asked = parts_of_ours({
        "machine": MACHINE,
        "tests": told("tests", FOUND) + "import threading\nthreading.Event().wait()",
        "cnn": "raise SystemExit('no such thing')",
        "programs": told("programs", {}),
    })  # fmt: skip
    monkeypatch.setitem(command.SECONDS, "tests", 3)
    command.main(["--device", "cuda", "--output", str(tmp_path), "--seconds", "300"])
    machine, done = kept(tmp_path)
    assert machine == "a GPU"
    assert (done["tests"]["ended"], done["tests"]["values"]) == ("cut off after 3 s", {"tests": FOUND})
    assert re.fullmatch(r"failed after \d+ s \(exit code 1\): no such thing", done["cnn"]["ended"])
    assert done["cnn"]["values"] == {}
    assert done["programs"]["ended"].startswith("done in ")
    assert "cut off after 3 s" in (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert [(part, device) for part, device, _ in asked] == [
        (part, "cuda") for part in ("machine", "tests", "cnn", "programs")
    ]


def test_no_part_is_begun_when_the_time_is_up_and_older_numbers_stay(parts_of_ours, tmp_path, capsys):
    parts_of_ours({"machine": MACHINE, "tests": told("tests", FOUND), "cnn": "raise SystemExit(3)"})
    command.main(["--output", str(tmp_path), "--only", "tests"])
    before = kept(tmp_path)
    parts_of_ours({"machine": MACHINE, "tests": "raise SystemExit(3)", "cnn": "raise SystemExit(3)"})
    command.main(["--output", str(tmp_path), "--only", "tests"])
    assert kept(tmp_path) == before
    command.main(["--output", str(tmp_path), "--seconds", "29"])
    assert kept(tmp_path) == before
    assert "tests: not begun, the time is up" in capsys.readouterr().out


def test_a_machine_without_torch_is_told(parts_of_ours, tmp_path):
    parts_of_ours({"machine": "raise SystemExit('No module named torch')", "tests": ""})
    with pytest.raises(SystemExit, match="torch does not say what it computes on: failed .*No module named torch"):
        command.main(["--output", str(tmp_path)])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "cnn,dnn"], "there is no part 'dnn'; there are tests, members"),
        (["--data", "nowhere"], "--data: there is no folder nowhere"),
        (["--small"], "--output: name a folder for what a rehearsal says"),
        (["--device", "cpu"], "--output: name a folder for what a rehearsal says"),
    ],
)
def test_wrong_options_are_refused(arguments, words, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert words in capsys.readouterr().err


def test_each_part_has_its_seconds_a_program_and_a_title():
    assert set(command.SECONDS) == set(tables.TITLES) == set(parts.PARTS) - {"machine"}


def test_the_smallest_part_runs():
    said = {}
    parts.PARTS["machine"](said.__setitem__, OPTIONS)
    assert said["machine"] == report.machine("cpu")
    networks.cnn(said.__setitem__, OPTIONS)
    assert list(said["cnn"]) == ["lectures' loop", "ours", "ours, batches of 1,024"]
    assert all(row["seconds"][0] > 0 and row["memory"] is None for row in said["cnn"].values())


def test_ways_to_run_a_step_that_are_not_there_are_named():
    said = {}
    networks.programs(said.__setitem__, OPTIONS)
    found = said["programs"]
    assert list(found) == ["1 network 25-64-32-2", "3 networks 25-64-32-2", "Otto's wide-tabm"]
    assert all(len(ways["as it is"]["seconds"]) == 5 for ways in found.values())
    assert found["Otto's wide-tabm"]["CUDA graph"] == {"why": "RuntimeError: CUDA graphs need CUDA"}


def test_the_wheels_are_of_the_versions_that_the_project_is_locked_to():
    pinned = re.findall(r"^([\w-]+==[\w.]+)$", (ROOT / "benchmarks/gpu/wheels.txt").read_text(), re.MULTILINE)
    locked = re.findall(r"^([\w-]+==[\w.]+) \\$", (ROOT / "requirements-lock.txt").read_text(), re.MULTILINE)
    assert len(pinned) > 10
    assert [each for each in pinned if each not in locked] == [each for each in pinned if each.startswith("pytabkit")]
