"""What a search is worth, on rows that it has not seen; of groups and of time too."""

from dataclasses import replace

import numpy as np
import pytest
import toys

from pipelines.competition import Recipe
from pipelines.errors import DataError
from pipelines.settings.tuned import Candidate
from pipelines.tune.nested import OUTER, Outside, dealt, folds_that_fit, gain_of, outer_folds, part_of

THREE = "3 are needed, one to learn from and two to score"


def said_of(features, folds, noise):
    """Probabilities of the truth, off by so much."""
    found = {}
    for fold, (_, scored) in enumerate(folds):
        rng = np.random.default_rng(fold)
        p = np.clip(features.y[scored] + noise * rng.normal(size=len(scored)), 0.01, 0.99)
        found[fold] = np.stack([1 - p, p], axis=1)
    return found


@pytest.fixture
def rows():
    return toys.make_features(n=300, n_test=5)


def both(features, folds, noise, other):
    default, tuned = said_of(features, folds, noise), said_of(features, folds, other)
    return {fold: (default[fold], tuned[fold]) for fold in default}


@pytest.mark.parametrize(
    ("noise", "other", "verdict"), [(1.0, 0.1, "helps"), (0.1, 1.0, "hurts"), (0.5, 0.5, "not told apart")]
)
def test_the_verdict_is_plain(toy, rows, noise, other, verdict):
    folds = outer_folds(rows, 0)
    gain = gain_of(toy, rows, dict(enumerate(folds)), both(rows, folds, noise, other))
    assert gain.verdict == verdict
    assert gain.rows == 300
    assert gain.gain == pytest.approx(gain.tuned - gain.default)
    assert len(gain.folds) == OUTER


def test_the_difference_and_its_error_are_those_of_the_rows(toy, rows):
    folds = outer_folds(rows, 0)
    said = both(rows, folds, 0.6, 0.4)
    gain = gain_of(toy, rows, dict(enumerate(folds)), said)
    scored = np.concatenate([fold.scored for fold in folds])
    right = [np.concatenate([said[k][i].argmax(axis=1) for k in range(OUTER)]) == rows.y[scored] for i in (0, 1)]
    per_row = right[1].astype(float) - right[0]
    assert gain.gain == pytest.approx(per_row.mean())
    assert gain.se == pytest.approx(per_row.std(ddof=1) / np.sqrt(300))


def test_rows_of_a_group_count_together(toy, rows):
    grouped = replace(rows, groups=np.arange(300) // 10)
    folds = outer_folds(grouped, 0)
    for train, scored in folds:
        assert not set(grouped.groups[train]) & set(grouped.groups[scored])
    said = both(grouped, folds, 0.6, 0.4)
    alone, together = (gain_of(toy, each, dict(enumerate(folds)), said) for each in (rows, grouped))
    assert alone.gain == together.gain
    assert alone.se != together.se


def test_later_rows_judge_a_search_on_earlier_ones(toy, rows):
    by_time = replace(rows, time=np.arange(300))
    folds = outer_folds(by_time, 0)
    assert all(train.max() < scored.min() for train, scored in folds)
    part = part_of(by_time, folds[1].train)
    assert part.time.max() < folds[1].scored.min()


@pytest.mark.parametrize(("times", "folds"), [(4, None), (8, None), (12, 2), (16, 3), (24, 5), (300, 5)])
def test_by_time_a_candidate_has_as_many_folds_as_the_first_quarter_of_the_rows_holds(rows, times, folds):
    by_time = replace(rows, time=np.arange(300) * times // 300)
    if folds is None:
        with pytest.raises(DataError, match="a search parts the rows in 3 outer folds") as refused:
            folds_that_fit("toy", by_time, 5, 0)
        assert refused.value.message.endswith(f"hold {times // 4} time{'s' * (times > 7)}: " + THREE)
        assert refused.value.hint.endswith("train without one: python -m pipelines run toy")
        return
    assert folds_that_fit("toy", by_time, 5, 0) == folds
    first = part_of(by_time, outer_folds(by_time, 0)[0].train)
    assert len(np.unique(first.time)) == times // 4
    assert len(dealt(first, folds, 0)) == folds


@pytest.mark.parametrize(("smallest", "folds"), [(2, None), (3, 2), (6, 4), (7, 4), (8, 5), (100, 5)])
def test_a_candidate_has_no_more_folds_than_a_class_has_rows_outside_of_each_outer_fold(rows, smallest, folds):
    few = replace(rows, y=(np.arange(300) < smallest).astype(np.int64))
    if folds is None:
        with pytest.raises(DataError, match="these are too few: 3 folds do not fit: the smallest class has 2 rows"):
            folds_that_fit("toy", few, 5, 0)
        return
    assert folds_that_fit("toy", few, 5, 0) == folds


def test_a_search_sees_the_rows_outside_of_its_fold_only(rows):
    train, scored = outer_folds(rows, 3)[1]
    part = part_of(replace(rows, groups=np.arange(300)), train)
    assert len(part.train) == len(part.y) == len(part.groups) == len(train)
    assert set(part.train.index).isdisjoint(rows.train.index[scored])
    assert len(part.test) == 0


def test_outer_folds_that_were_not_finished_are_left_out(toy, rows):
    folds = outer_folds(rows, 0)
    said = both(rows, folds, 0.5, 0.4)
    assert gain_of(toy, rows, dict(enumerate(folds)), {}) is None
    gain = gain_of(toy, rows, dict(enumerate(folds)), {1: said[1]})
    assert (gain.rows, [part.name for part in gain.folds]) == (len(folds[1].scored), ["2"])


def test_what_networks_have_said_is_found_again_for_the_same_network_only(tmp_path):
    kept, said = Outside(tmp_path), np.random.default_rng(0).random((6, 2))
    one = Candidate(base="network", hidden=(8, 4), layers={"dropout": 0.2}, recipe=Recipe(lr=0.00123))
    kept.keep(1, one, said, 2.5)
    found, seconds = kept.find(1, one)
    np.testing.assert_array_equal(found, said)
    assert seconds == 2.5
    assert kept.find(1, replace(one, hidden=(8,))) is None
    assert kept.find(1, None) is None
    assert kept.find(0, one) is None
