"""The hardest rows: the greatest losses, the nearest rows by hand, what is planted as odd; kept, read, and damaged."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import pipelines
from pipelines.audit.hardest import FILE, NEAREST, ROWS, from_json, hardest, to_json
from pipelines.competition import Number
from pipelines.errors import DataError, DataWarning
from pipelines.features.frames import Features
from pipelines.metrics import log_loss, rmse
from pipelines.pipeline import run
from pipelines.runs import keeping
from pipelines.settings.knobs import Knobs
from pipelines.settings.lookup import load

N = 300


def rows_of(n=N, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "size": rng.normal(size=n), "colour": rng.choice(["red", "green", "blue"], n),
        "name": [f"row <{i}>" for i in range(n)], "flag": rng.random(n) > 0.5, "gaps": rng.normal(size=n),
    })  # fmt: skip
    frame.loc[::7, "gaps"] = np.nan
    return frame, (frame["size"] > 0).to_numpy().astype(np.int64)


def said(y, seed=1):
    p = np.clip(np.where(y == 1, 0.8, 0.2) + np.random.default_rng(seed).normal(scale=0.2, size=len(y)), 0.01, 0.99)
    return np.stack([1 - p, p], axis=1)


def asked(competition, frame, y, oof, **more):
    features = Features(frame, y, frame.head(3), **more)
    tables = SimpleNamespace(train=frame.assign(**{competition.key: np.arange(len(frame)) + 1}))
    return hardest(competition, tables, features, SimpleNamespace(oof=oof))


def test_they_are_those_of_the_greatest_loss(titanic):
    frame, y = rows_of()
    oof = said(y)
    oof[5] = np.nan  # which no fold scores
    found = asked(titanic, frame, y, oof)
    losses = np.array([-np.log(oof[i, y[i]]) for i in range(N)])
    wanted = np.argsort(-np.nan_to_num(losses, nan=-1), kind="stable")[:ROWS]
    assert [each.id for each in found] == [str(i + 1) for i in wanted]
    assert [each.loss for each in found] == pytest.approx(losses[wanted])
    first, row = found[0], wanted[0]
    assert (first.truth, first.said) == (str(y[row]), str(oof[row].argmax()))
    assert (first.sure, first.of_truth) == pytest.approx((oof[row].max(), oof[row, y[row]]))
    assert first.cells["name"] == f"row <{row}>"
    assert first.cells["size"] == f"{frame['size'][row]:.6g}"


def by_hand(frame, row):
    """Gower's distance of all rows to one: ranks of numbers, equality of the rest, names left out."""
    parts = [frame["colour"] != frame["colour"][row], frame["flag"] != frame["flag"][row]]
    for name in ("size", "gaps"):
        ranks = (frame[name].rank() - 1) / (frame[name].notna().sum() - 1)
        far = (ranks - ranks[row]).abs()
        known = frame[name].notna() & pd.notna(frame[name][row])
        parts.append(far.where(known, (frame[name].notna() != pd.notna(frame[name][row])).astype(float)))
    return np.mean([part.astype(float) for part in parts], axis=0)


def test_near_rows_are_those_of_gowers_distance(titanic):
    frame, y = rows_of()
    # the hard rows come twice among those that are ranked, which moves ranks a little
    for each in asked(titanic, frame, y, said(y))[:5]:
        row = int(each.id) - 1
        far = by_hand(frame, row)
        far[row] = np.inf
        assert [near.distance for near in each.near] == pytest.approx(np.sort(far)[:NEAREST], abs=0.02)
        assert each.near[0].truth == str(y[int(each.near[0].id) - 1])


def test_equal_rows_and_those_of_the_same_group_are_no_neighbours(titanic):
    frame, y = rows_of()
    oof = said(y)
    hard = int(asked(titanic, frame, y, oof)[0].id) - 1
    twin = 0 if hard else 1
    frame.loc[twin], y[twin] = frame.loc[hard], y[hard]
    oof[twin] = oof[hard][::-1]  # which is easy
    near = {each.id for each in asked(titanic, frame, y, oof)[0].near}
    assert str(twin + 1) not in near
    groups = np.arange(N)
    groups[int(next(iter(near))) - 1] = groups[hard]
    assert next(iter(near)) not in {each.id for each in asked(titanic, frame, y, oof, groups=groups)[0].near}


def test_what_is_odd_is_told_with_its_share(titanic):
    frame, y = rows_of()
    oof = said(y)
    hard = int(asked(titanic, frame, y, oof)[0].id) - 1
    frame.loc[hard, "gaps"] = 99.0
    frame["colour"] = np.where(np.arange(N) == hard, "violet", frame["colour"])
    found = {each.column: (each.value, each.share) for each in asked(titanic, frame, y, oof)[0].odd}
    assert found["gaps"] == ("99", 0)
    assert found["colour"] == ("violet", 0)


def test_a_number_is_measured_as_it_is_learned(titanic):
    frame, _ = rows_of()
    y = np.exp(5 + frame["size"].to_numpy())
    number = replace(titanic, classes=(), number=Number(transform="log1p"), metric=rmse, submit="values")
    oof = (y * np.exp(np.random.default_rng(2).normal(size=N)))[:, None]
    found = asked(number, frame, y, oof)
    off = np.abs(np.log1p(oof[:, 0]) - np.log1p(y))
    assert [each.loss for each in found] == pytest.approx(np.sort(off)[::-1][:ROWS])
    assert (found[0].sure, found[0].of_truth) == (None, None)
    assert float(found[0].truth) == pytest.approx(y[int(found[0].id) - 1], rel=1e-9)


@pytest.mark.parametrize("kind", ["nothing", "dates", "lists", "all missing", "constant"])
def test_columns_of_any_kind_are_taken(titanic, kind):
    frame, y = rows_of(60)
    columns = {
        "nothing": frame[[]],
        "dates": frame.assign(when=pd.date_range("2026-01-01", periods=60).where(frame.index % 5 > 0)),
        "lists": frame.assign(things=[[i % 3] for i in range(60)]),
        "all missing": frame.assign(gaps=np.nan),
        "constant": frame[["size"]].assign(one=1, text="a"),
    }[kind]
    features = Features(columns, y, columns.head(1), rows=frame)
    tables = SimpleNamespace(train=columns.assign(**{titanic.key: np.arange(60)}))
    found = hardest(titanic, tables, features, SimpleNamespace(oof=said(y)))
    assert len(found) == ROWS
    assert from_json(to_json(found).encode()) == found


def test_few_rows_are_enough(titanic):
    frame, y = rows_of(3)
    found = asked(titanic, frame, y, said(y))
    assert [len(each.near) for each in found] == [2, 2, 2]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("hardest")
    knobs = Knobs(data=Path("sample"), folds=2, seeds=1, epochs=1, runs=root)
    run(replace(load("titanic"), metric=log_loss, submit="probabilities"), knobs, write=False)
    return root


def test_a_run_keeps_them_and_a_saved_run_has_them(root, tmp_path):
    folder = next((root / "titanic").iterdir())
    saved = pipelines.load_run(folder)
    kept = saved.predictions
    losses = dict(zip(kept.ids, -np.log(kept.oof[np.arange(len(kept.y)), kept.y]), strict=True))
    assert [each.id for each in saved.hardest] == sorted(losses, key=losses.get, reverse=True)[:ROWS]
    whole = (folder / FILE).read_bytes()
    try:
        rows = json.loads(whole)
        first, *rest = rows
        near, *others = first["near"]
        foreign = {
            "it names no row": [], "it names a row twice": [*rows, first],
            "has scored no row 'x'": [first | {"id": "x"}, *rest],
            "no row '-1'": [first | {"near": [near | {"id": "-1"}, *others]}, *rest],
            "is .*, not 9": [first | {"loss": 9.0}, *rest],
            "'drowned' is nothing that Survived may be": [first | {"said": "drowned"}, *rest],
        }  # fmt: skip
        damaged = dict.fromkeys((b"[{", b"\xff", b'[{"id": 1}]', b"[" * 100_000), "") | {
            json.dumps(value).encode(): why for why, value in foreign.items()
        }
        for text, why in damaged.items():
            (folder / FILE).write_bytes(text)
            with pytest.raises(DataError, match=rf"hardest.json cannot be read: .*{why}"):
                pipelines.load_run(folder).hardest  # noqa: B018 reading is what fails
        (folder / FILE).unlink()
        assert pipelines.load_run(folder).hardest == []
    finally:
        (folder / FILE).write_bytes(whole)


def test_a_run_is_whole_without_them(monkeypatch, tmp_path):
    def failing(*_what):
        raise TypeError("unhashable")

    monkeypatch.setattr(keeping.hardest, "hardest", failing)
    knobs = Knobs(data=Path("sample"), folds=2, seeds=1, epochs=1, runs=tmp_path)
    with pytest.warns(DataWarning, match="no list of the rows that are predicted worst: TypeError: unhashable"):
        outcome = run(load("titanic"), knobs, write=False)
    assert outcome.folder.is_finished
    assert pipelines.load_run(outcome.folder.path).hardest == []
