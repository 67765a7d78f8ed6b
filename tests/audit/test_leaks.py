"""The leak watch names what parts the files otherwise than folds do, and is silent where nothing does."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pipelines.audit.leaks import as_numbers, auc_with_error, tell_apart, watch
from pipelines.data.sources import from_sample, locate
from pipelines.data.tables import Tables, read
from pipelines.errors import DataWarning
from pipelines.pipeline import run
from pipelines.settings.knobs import Knobs
from pipelines.settings.lookup import load
from pipelines.submission.record import Record


def tables(train, test):
    key = lambda rows, first: rows.reset_index(drop=True).rename_axis("PassengerId").reset_index()  # noqa: E731
    train, test = key(train, 0), key(test, len(train)).assign(PassengerId=np.arange(len(test)) + len(train))
    frames = [frame.assign(PassengerId=frame["PassengerId"].astype(str)) for frame in (train, test)]
    return Tables(frames[0], np.arange(len(train)) % 2, frames[1], pd.DataFrame())


def reviews(seed=0, n_sentences=400):
    """Phrases of sentences, all of a sentence in one file; phrases of one sentence are of like length."""
    rng = np.random.default_rng(seed)
    sentence = np.repeat(rng.permutation(n_sentences), rng.integers(1, 20, n_sentences))
    words = rng.integers(2, 50, n_sentences)[sentence]
    rows = pd.DataFrame({"SentenceId": sentence, "Phrase": [f"{a:x}" for a in rng.integers(2**40, size=len(words))]})
    held = rng.permutation(n_sentences)[: n_sentences // 5]
    is_test = np.isin(sentence, held)
    rows = rows.assign(words=words)
    return rows[~is_test], rows[is_test]


@pytest.mark.parametrize("seed", range(3))
def test_a_column_that_groups_the_rows_of_each_file_is_named_once(titanic, seed):
    made = tables(*reviews(seed))
    said = watch(titanic, made)
    assert len(said) == 1
    assert "share their value of SentenceId with others" in said[0]
    assert "none of its values is in both files" in said[0]
    assert "write groups='SentenceId' in the competition.py of titanic\n" in said[0]
    assert watch(replace(titanic, groups="SentenceId"), made) == []
    assert watch(replace(titanic, groups=lambda rows: rows["SentenceId"] // 2), made) == []  # coarser ones cover it
    assert len(watch(replace(titanic, groups="Phrase"), made)) == 1


def test_the_number_that_random_dealing_would_share_is_told(titanic):
    train, test = reviews()
    said = watch(titanic, tables(train, test))[0]
    sizes = pd.concat([train, test])["SentenceId"].value_counts().to_numpy()
    rng, n = np.random.default_rng(0), len(train) + len(test)
    values, shared = np.repeat(np.arange(len(sizes)), sizes), []
    for _ in range(50):
        dealt = rng.permutation(values)
        shared.append(len(set(dealt[: len(train)]) & set(dealt[len(train) :])))
    told = int(said.partition("at random would put about ")[2].partition(":")[0])
    assert n == len(values)
    assert told == pytest.approx(np.mean(shared), rel=0.02)


def test_rows_dealt_at_random_are_no_leak(titanic):
    rows = pd.concat(reviews())
    for seed in range(5):
        dealt = np.random.default_rng(seed).permutation(len(rows))
        assert watch(titanic, tables(rows.iloc[dealt[:2000]], rows.iloc[dealt[2000:]])) == []


def test_the_beginning_of_an_id_is_named(titanic):
    rng = np.random.default_rng(0)
    party = np.repeat(np.arange(600), rng.integers(1, 5, 600))
    ids = [f"{p:04d}_{i:02d}" for p, i in zip(party, pd.Series(party).groupby(party).cumcount() + 1, strict=True)]
    rows = pd.DataFrame({"PassengerId": ids, "x": rng.normal(size=len(ids)), "deck": party // 2 % 300})
    is_test = np.isin(party // 2, rng.permutation(300)[:90])
    frames = [rows[kind].reset_index(drop=True) for kind in (~is_test, is_test)]
    made = Tables(frames[0], np.arange(len(frames[0])) % 2, frames[1], pd.DataFrame())
    said = watch(titanic, made)
    assert len(said) == 1
    assert "their value of deck" in said[0]
    assert "so are those of the part of PassengerId before '_'" in said[0]
    alone = replace(made, train=frames[0].drop(columns="deck"), test=frames[1].drop(columns="deck"))
    declare = "groups=lambda rows: rows['PassengerId'].str.partition('_')[0]"
    assert f"write {declare} in" in watch(titanic, alone)[0]
    declared = replace(titanic, groups=lambda rows: rows["PassengerId"].str.partition("_")[0])
    assert watch(declared, alone) == []
    assert len(watch(declared, made)) == 1  # decks hold two parties each


def test_later_rows_point_to_time(titanic):
    rng = np.random.default_rng(0)
    day = np.repeat(np.arange(300), 10)
    rows = pd.DataFrame({"day": day, "x": rng.normal(size=3000)})
    made = tables(rows[day < 240], rows[day >= 240])
    assert (
        "groups='day' in the competition.py of titanic, or time='day' if it says when a row was\n"
        in (watch(titanic, made)[0])
    )
    assert watch(replace(titanic, time="day"), made) == []
    moments = rows.assign(day=np.arange(3000) / 10)
    said = watch(titanic, tables(moments[day < 240], moments[day >= 240]))
    assert len(said) == 1
    assert "test rows can be told from training rows, by day: AUC 1.00" in said[0]
    assert "write time='day' in the competition.py of titanic" in said[0]


def test_a_column_that_drifts_is_named_and_one_that_does_not_is_not(titanic):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(2000, 4)), columns=list("abcd")).assign(kind=rng.choice(list("xyz"), 2000))
    drifted = rows.assign(c=rows["c"] + np.where(np.arange(2000) < 1200, 0.0, 1.0))
    said = watch(titanic, tables(drifted[:1200], drifted[1200:]))
    assert len(said) == 1
    assert "told from training rows, by c: AUC 0.7" in said[0]
    assert watch(titanic, tables(rows[:1200], rows[1200:])) == []


def test_the_numbers_of_the_ids_do_not_count(titanic):
    made = tables(*(part[["words"]] for part in reviews(1)))
    assert made.train["PassengerId"].astype(int).max() < made.test["PassengerId"].astype(int).min()
    assert all("PassengerId" not in line for line in watch(titanic, made))


def test_the_auc_and_its_error_are_those_of_delong():
    rng = np.random.default_rng(0)
    positive = rng.random(300) < 0.4
    score = np.round(rng.normal(size=300) + positive, 1)  # ties too
    auc, se = auc_with_error(positive, score, np.arange(300))
    assert auc == pytest.approx(roc_auc_score(positive, score))
    above = (score[positive][:, None] > score[~positive]) + 0.5 * (score[positive][:, None] == score[~positive])
    variance = above.mean(axis=1).var(ddof=1) / positive.sum() + above.mean(axis=0).var(ddof=1) / (~positive).sum()
    assert se == pytest.approx(np.sqrt(variance))
    fourfold = auc_with_error(np.tile(positive, 4), np.tile(score, 4), np.tile(np.arange(300), 4))
    assert fourfold == pytest.approx((auc, se))


def test_rows_of_a_group_are_not_told_apart_by_what_names_the_group():
    """A sentence's length is of its phrases alone: known to a classifier that has seen others of them."""
    train, test = reviews(2)
    rows = pd.concat([train, test])[["words"]].assign(exact=0.0)
    sentence = pd.concat([train, test])["SentenceId"].to_numpy()
    rows["exact"] = np.random.default_rng(0).normal(size=400)[sentence]
    assert tell_apart(rows, len(train), None).auc > 0.9
    assert abs(tell_apart(rows, len(train), sentence).auc - 0.5) < 0.1


def test_columns_of_gaps_texts_dates_and_truths_are_read():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "empty": np.nan, "text": rng.choice(["a", None, "b"], 900), "flag": rng.random(900) < 0.5,
            "maybe": pd.array(rng.choice([True, False, None], 900), dtype="boolean"),
            "whole": pd.array(rng.choice([1, 2, None], 900), dtype="Int64"),
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(1000, size=900), unit="h"),
            "kind": pd.Categorical(rng.choice(list("xyz"), 900)),
        }
    )  # fmt: skip
    alike = tell_apart(rows, 600, None)
    assert not alike.matters
    assert alike.columns == ()
    rows["when"] += pd.to_timedelta(np.where(np.arange(900) < 600, 0, 2000), unit="h")
    assert tell_apart(rows, 600, None).columns == ("when",)


def test_a_run_warns_and_its_record_keeps_it(titanic, sample_folder, tmp_path):
    for name in ("train.csv", "test.csv"):
        rows = pd.read_csv(sample_folder / name)
        if name == "test.csv":
            rows["Age"] += 30
        rows.to_csv(sample_folder / name, index=False)
    knobs = Knobs(data=sample_folder, folds=2, seeds=1, epochs=1, device="cpu")
    with pytest.warns(DataWarning, match=r"test rows can be told from training rows, by Age: AUC 0\.[89]"):
        record = run(titanic, knobs, write=False).record
    assert len(record.leaks) == 1
    record.save(tmp_path / "record.json")
    assert Record.load(tmp_path / "record.json").leaks == record.leaks


@pytest.mark.parametrize("name", ["titanic", "otto"])
def test_the_samples_are_quiet(name):
    competition = load(name)
    assert watch(competition, read(competition, from_sample(competition))) == []


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["titanic", "otto"])
def test_the_real_files_are_quiet(name, real_data):
    competition = load(name)
    assert watch(competition, read(competition, locate(competition, real_data / competition.slug))) == []


def test_bytes_are_numbers_as_they_are_and_gaps_lie_below():
    rows = pd.DataFrame({"pixel": np.array([0, 255, 7], "uint8"), "size": [2.0, np.nan, 5.0], "word": ["b", None, "a"]})
    assert as_numbers(rows).tolist() == [[0, 2, 1], [255, 1, -1], [7, 5, 0]]
