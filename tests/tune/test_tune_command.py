"""The command: everything from made rows to a recipe, its table, its picture and the run that uses it."""

import base64
import json
import math
import re
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.competition import Preset, Recipe
from pipelines.encoders import TabularEncoder
from pipelines.settings import lookup
from pipelines.settings.tuned import Candidate, Tuned
from pipelines.settings.variants import mlp
from pipelines.submission.record import Record
from pipelines.tune import commands, tuning
from pipelines.tune.search import Pace
from pipelines.tune.study import Storage, states
from pipelines.tune.training import Trainer

make_encoder = partial(TabularEncoder, ("Fare", "Parch"))
FOUND = Tuned(
    slug="titanic", candidate=Candidate(base="network", hidden=(4,), recipe=Recipe(epochs=1)), study="tune-network-0",
    metric="accuracy", score=0.8, se=0.01,
)  # fmt: skip


@pytest.fixture
def quick(titanic):
    """Titanic's made rows, and a small network of two columns."""
    frames = {name: frame[: 200 if name == "train.csv" else 60] for name, frame in titanic.make_sample().items()}
    recipe = Recipe(epochs=2, batch_size=64, lr=0.01)
    variants = {"network": mlp(8, dropout=0.2, recipe=recipe, make_encoder=make_encoder)}
    variants["trees"] = titanic.variants["hist-gradient-boosting"]
    return replace(
        titanic, variants=variants, baselines={}, published=None, make_sample=lambda: frames,
        presets={"fast": Preset(folds=2, seeds=2, variants=("trees", "network"))},
    )  # fmt: skip


@pytest.fixture
def invoke(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(lookup, "_import", lambda _folder: quick)
    monkeypatch.setattr(lookup.Outline, "variants", list(quick.variants))
    monkeypatch.chdir(tmp_path)
    whole = tuning.tune

    def run(command, *more, limit=6):
        monkeypatch.setattr(tuning, "tune", partial(whole, limit=limit))
        return CliRunner().invoke(app, [command, "titanic", "--data", "sample", "--device", "cpu", *more])

    return run


def test_a_search_leaves_a_recipe_that_a_run_finds(invoke, tmp_path, quick):
    done = invoke("tune")
    assert done.exit_code == 0, done.output
    assert "around network: layers 0–4" in done.stdout
    assert re.search(
        r"search 4 of 4, all rows: 6 candidates, 6 in all, [1-6] through 2 folds, best 0\.\d{4}", done.stdout
    )
    assert re.search(r"^layers +candidates +all folds +best accuracy$", done.stdout, re.MULTILINE)
    assert len(re.findall(r"^[0-4] +\d+ +\d+   (?:0\.\d{4} ± 0\.\d{4}|-)$", done.stdout, re.MULTILINE)) == 5
    assert "on 200 rows that the searches had not seen: network 0." in done.stdout
    assert re.search(r"verdict: (not told apart by these rows|the search (helps|hurts)) \(p ", done.stdout)
    (folder,) = (tmp_path / "runs" / "titanic").glob("tune-network-*")
    assert (folder / "search.png").stat().st_size > 20_000
    line = re.search(r'^    "tuned": (mlp\(.*\)),$', done.stdout, re.MULTILINE).group(1)
    assert "tuned-sample.json: python -m pipelines run titanic --data sample --variants tuned" in done.stdout
    found = Tuned.load(tmp_path / "runs" / "titanic", "titanic", sample=True)
    pasted = eval(line, {"mlp": mlp, "Recipe": Recipe, "partial": partial, "TabularEncoder": TabularEncoder})
    assert repr(pasted.make_model(3, 2)) == repr(found.candidate.variant(quick).make_model(3, 2))
    assert found.verdict in ("helps", "hurts", "not told apart")

    ran = invoke("run", "--variants", "network,tuned", "--folds", "2", "--seeds", "1", "--quiet")
    assert ran.exit_code == 0, ran.output
    assert ran.stderr.count("the training rows of this run have chosen tuned: its out-of-fold score") == 1
    (record,) = (tmp_path / "runs" / "titanic").glob("*/record.json")
    assert [each.name for each in Record.load(record).variants] == ["network", "tuned"]
    made = tmp_path / "runs" / "titanic" / "tuned-sample.json"
    assert (record.parent / "tuned.json").read_bytes() == made.read_bytes()
    drawn = base64.b64encode((folder / "search.png").read_bytes()).decode()
    page = (record.parent / "report.html").read_text(encoding="utf-8")
    assert page.count(f'<img src="data:image/png;base64,{drawn}" alt="Plots of the search') == 1
    assert not (record.parent.parent / "plan.json").exists()
    listed = CliRunner().invoke(app, ["runs", "titanic"])
    assert "tune-network" not in listed.stdout  # it is no run
    assert not (tmp_path / "runs" / "titanic" / "tuned.json").exists()  # of the competition's own rows
    made.unlink()
    page = CliRunner().invoke(app, ["report", "titanic", "--no-open"])
    assert page.exit_code == 0, page.output


def test_the_same_command_goes_on_and_another_question_begins_anew(invoke, tmp_path, quick, monkeypatch):
    first = invoke("tune", "--json", limit=3)
    assert first.exit_code == 0, first.output
    second = invoke("tune", "--json", limit=3)
    counts = [
        sum(n for state, n in json.loads(done.stdout)["candidates"].items() if state != "fail")
        for done in (first, second)
    ]
    assert (counts[0], counts[1] - counts[0]) == (3, 3)
    assert "a new one" not in second.stderr
    other = mlp(8, dropout=0.3, recipe=Recipe(epochs=2, batch_size=64, lr=0.01), make_encoder=make_encoder)
    changed = replace(quick, variants=dict(quick.variants) | {"network": other})
    monkeypatch.setattr(lookup, "_import", lambda _folder: changed)
    third = invoke("tune", "--json", limit=2)
    assert "a new one, not that of tune-network-" in third.stderr
    assert "the competition's code is another" in third.stderr
    assert len(list((tmp_path / "runs" / "titanic").glob("tune-network-*"))) == 2


def test_networks_of_other_presets_on_the_outer_folds_are_not_held_against_each_other(
    invoke, tmp_path, quick, monkeypatch
):
    """A candidate has two seeds at most, on either preset; the mean of four networks is better than that of two."""
    presets = {"fast": quick.presets["fast"], "best": replace(quick.presets["fast"], seeds=4)}
    monkeypatch.setattr(lookup, "_import", lambda _folder: replace(quick, presets=presets))
    seeds = []
    whole = Trainer.variants

    def noted(self, variants, folds, clock, encoder=None):
        if "one" in variants:  # of an outer fold
            seeds.append(self.seeds)
        return whole(self, variants, folds, clock, encoder)

    monkeypatch.setattr(Trainer, "variants", noted)
    fast, best = invoke("tune", limit=1), invoke("tune", "--preset", "best", limit=1)
    assert (fast.exit_code, best.exit_code) == (0, 0), best.output
    assert seeds == [2] * 6 + [4] * 6  # default and tuned, on each of three
    assert "a new one, not that of tune-network-" in best.stdout
    assert "how many folds and seeds, is another" in best.stdout
    assert len(list((tmp_path / "runs" / "titanic").glob("tune-network-*"))) == 2


def test_what_is_printed_as_json(invoke):
    done = invoke("tune", "--json", limit=2)
    value = json.loads(done.stdout)
    assert value["variant"].startswith("mlp(")
    assert [row["layers"] for row in value["layers"]] == [0, 1, 2, 3, 4]
    assert set(value["gain"]) == {"gain", "se", "p", "rows", "default", "tuned", "verdict", "folds"}
    assert value["base"] == "network"  # the preset's first network, its trees passed over
    quiet = invoke("tune", "--quiet", limit=1)
    assert re.fullmatch(r"mlp\(.*\)\n", quiet.stdout)


def test_an_interruption_says_how_to_go_on(invoke, tmp_path, monkeypatch):
    def stop(*_more, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(tuning, "_found", stop)
    done = invoke("tune", limit=1)
    assert done.exit_code == 130
    (folder,) = (tmp_path / "runs" / "titanic").glob("tune-network-*")
    assert f"kept in runs/titanic/{folder.name}: the same command goes on" in done.stderr
    assert commands.interrupted([]) == "interrupted; nothing was searched"
    with Storage(folder) as storage:
        study = storage.study(tuning.ALL, greater_is_better=True, seed=0)
        assert sum(states(study).values()) >= 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--minutes", "0"], "--minutes must be above 0"),
        (["--minutes", "nan"], "--minutes must be above 0"),
        (["--variant", "nobody"], "has no variant 'nobody'"),
        (["--variant", "tuned"], "--variant tuned is what a search has found"),
        (["--variant", "trees"], "trees is no network of titanic"),
        (["--preset", "slow"], "there is no preset 'slow'"),
    ],
)
def test_what_cannot_be_searched_is_refused(invoke, tmp_path, options, says):
    FOUND.save(tmp_path / "runs" / "titanic")
    done = invoke("tune", *options)
    assert done.exit_code == 2
    assert says in done.stderr


def test_too_little_time_says_how_much_is_needed(invoke):
    done = invoke("tune", "--minutes", "0.001", limit=None)
    assert done.exit_code == 2
    assert "in 0.001 minutes no candidate sees all 2 folds" in done.stderr
    assert "with --minutes 1 one of each depth does, about" in done.stderr
    assert "search 1 of 4" not in done.stdout


@pytest.mark.parametrize(("second", "minutes"), [(0.1, 5), (1.0, 47), (0.001, 2)])
def test_how_much_is_needed_is_reckoned_from_the_pace(second, minutes):
    """Of 10 epochs: 18 networks on outer folds; in each of 4 searches 5 depths, 6 trainings each, 2 seeds."""
    pace = Pace(of_epoch=second)
    own = SimpleNamespace(
        plan=SimpleNamespace(folds=5, seeds=2), pace=pace, seeds=3, seconds=60.0, beginning=0.0,
        space=SimpleNamespace(recipe=Recipe(epochs=10), depths=range(5)),
    )  # fmt: skip
    own.seconds_of = partial(tuning.Tuning.seconds_of, own)
    seconds = second * (2 * 3 * 3 * 10 + 4 * 5 * 6 * 2 * 10) / 0.92
    assert minutes == max(2, math.ceil(seconds / 60))
    error = tuning._too_short(own)
    assert error.message == "in 1 minute no candidate sees all 5 folds"
    assert error.hint == f"give it more: with --minutes {minutes} one of each depth does, about"


def test_what_an_earlier_search_found_makes_way_and_stays_in_its_folder(invoke, tmp_path):
    runs = tmp_path / "runs" / "titanic"
    first = invoke("tune", limit=2)
    assert "in the place of" not in first.stdout
    (folder,) = runs.glob("tune-network-*")
    there = (folder / "tuned-sample.json").read_bytes()
    assert (runs / "tuned-sample.json").read_bytes() == there
    (folder / "tuned-sample.json").unlink()  # as of a version that did not keep it there
    second = invoke("tune", "--seed", "3", limit=2)
    old = Tuned.load(folder.parent, "titanic", sample=True)
    assert old.study != folder.name
    kept = f"which stays in runs/titanic/{folder.name}/tuned-sample.json"
    assert re.search(rf"in the place of an earlier one, accuracy 0\.\d{{4}} ± 0\.\d{{4}}, {kept}", second.stdout)
    assert json.loads((folder / "tuned-sample.json").read_bytes()) == json.loads(there)
    assert "in the place of" not in invoke("tune", "--seed", "3", limit=2).stdout


def test_the_command_to_run_it_says_where_it_is(invoke, tmp_path):
    done = invoke("tune", "--runs", "my runs", limit=1)
    command = "python -m pipelines run titanic --data sample --runs 'my runs' --variants tuned"
    assert f"kept in my runs/titanic/tuned-sample.json: {command}\n" in done.stdout
    nowhere = invoke("tune", "--runs", "")
    assert (nowhere.exit_code, "names no folder" in nowhere.output) == (2, True)


def test_the_nearest_of_other_searches_says_what_differs(invoke, tmp_path, quick):
    folder = tmp_path / "own"
    folder.mkdir()
    for name, frame in quick.make_sample().items():
        frame.iloc[:-1].to_csv(folder / name, index=False)
    real = ("--data", str(folder))
    invoke("tune", *real, limit=1)
    invoke("tune", limit=1)  # the newest, of other rows
    done = invoke("tune", *real, "--seed", "3", limit=1)
    assert "the seed is another" in done.stdout


def test_a_search_that_hurts_is_not_offered_to_paste_and_says_what_it_has_not_answered(invoke, monkeypatch):
    whole = tuning._nested

    def worse(*arguments):
        return replace(whole(*arguments), gain=-0.1, p=0.001)

    monkeypatch.setattr(tuning, "_nested", worse)
    done = invoke("tune", limit=1)
    assert "verdict: the search hurts (p 0.001)" in done.stdout
    assert "the variant network is better as it is\nkept in runs/titanic/tuned-sample.json: python" in done.stdout
    assert "to paste" not in done.stdout
    assert "not answered for 0, 2, 3, 4 layers: no candidate has seen all folds" in done.stdout
    assert "the best (1 hidden layer) is flattered" in done.stdout


def test_a_default_that_was_measured_another_day_refuses_nothing(invoke, monkeypatch):
    """What another day took tells too little; the search is begun."""
    assert invoke("tune", "--minutes", "0.001", limit=None).exit_code == 2  # too short: nothing is kept but its seconds
    own = SimpleNamespace(
        measured=False, share=lambda _: 0.0, seconds_of=lambda _: 100.0,
        storage=SimpleNamespace(others=list, storage=None),
    )  # fmt: skip
    monkeypatch.setattr(tuning, "get_all_study_names", lambda _: [])
    assert not tuning.Tuning.is_hopeless(own, "x")
    own.measured = True
    assert tuning.Tuning.is_hopeless(own, "x")
    own.storage.others = lambda: ["1-a"]
    assert not tuning.Tuning.is_hopeless(own, "x")


def test_outer_folds_that_the_time_was_over_for_are_told(invoke, monkeypatch):
    whole = tuning.gain_of
    monkeypatch.setattr(tuning, "gain_of", lambda *given: whole(*given[:-1], {0: given[-1][0]}))
    assert "by outer fold, 1 of 3 (the time was over): " in invoke("tune", limit=1).stdout


def test_optuna_is_asked_for_where_it_is_not_installed(invoke, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = invoke("tune")
    assert done.exit_code == 2
    assert "tune needs optuna" in done.stderr


def test_rows_of_a_competition_do_not_take_what_made_rows_have_chosen(invoke, tmp_path, quick):
    runs = tmp_path / "runs" / "titanic"
    FOUND.save(runs, sample=True)
    folder = tmp_path / "own"
    folder.mkdir()
    for name, frame in quick.make_sample().items():
        frame.to_csv(folder / name, index=False)
    done = invoke("cv", "--data", str(folder), "--variants", "tuned")
    assert done.exit_code == 2
    assert "no variant of titanic has been tuned yet: there is no tuned.json in runs" in done.stderr
    FOUND.save(runs)
    (runs / "tuned-sample.json").unlink()
    done = invoke("cv", "--variants", "tuned")
    assert done.exit_code == 2
    assert "tuned yet on made rows: there is no tuned-sample.json in runs" in done.stderr
    assert "python -m pipelines tune titanic --minutes 10 --data sample" in done.stderr


@pytest.mark.parametrize("command", [["run", "--practice"], ["cv", "--practice"], ["practice", "--rounds", "1"]])
def test_hidden_rows_do_not_judge_what_they_have_chosen(invoke, tmp_path, command, monkeypatch):
    FOUND.save(tmp_path / "runs" / "titanic", sample=True)
    monkeypatch.setattr(lookup, "load", None)  # it is told without the competition's code
    done = invoke(command[0], *command[1:], "--variants", "network,tuned")
    assert done.exit_code == 2
    assert "practice does not go together with tuned: tune has searched on all training rows" in done.stderr
    assert "leave tuned out of --variants; the gain that tune printed" in done.stderr


def test_it_is_refused_before_torch_is_loaded():
    import subprocess
    import sys

    code = (
        "import sys\nfrom pipelines.__main__ import app\n"
        "try:\n    app(['run', 'titanic', '--variants', 'tuned', '--runs', 'nowhere'])\n"
        "except SystemExit as end:\n    print(end.code, sorted({'torch', 'pandas', 'optuna'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "2 []"
    assert "no variant of titanic has been tuned yet" in done.stderr
