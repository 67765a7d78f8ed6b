from dataclasses import replace

import kept
import numpy as np
import pytest
from scipy.stats import binomtest, ttest_rel

from pipelines.errors import UsageError
from pipelines.metrics import accuracy, log_loss, mae, rmse, roc_auc
from pipelines.runs.history.compare import compare
from pipelines.runs.history.shown import as_plain, lines
from pipelines.runs.predictions import RowPredictions

A, B = kept.said(seed=1, noise=1.5), kept.said(seed=2, noise=1.0)


def numbers(values, truth, units=None):
    n = len(truth)
    return RowPredictions(
        ids=[str(i) for i in range(n)], y=truth, fold=np.arange(n) % 4, oof=values.reshape(-1, 1), test_ids=[],
        test=values[:0].reshape(-1, 1), units=units,
    )  # fmt: skip


def test_of_a_mean_over_rows_it_is_the_paired_t_test():
    found = compare(log_loss, A, B)
    of_a, of_b = (-np.log(each.oof[np.arange(200), each.y]) for each in (A, B))
    oracle = ttest_rel(of_a, of_b)
    assert found.gain == pytest.approx(of_a.mean() - of_b.mean())  # less is better, so B's gain is A's loss
    assert found.gain / found.se == pytest.approx(oracle.statistic)
    assert found.p == pytest.approx(oracle.pvalue)
    assert (found.score_a, found.score_b) == pytest.approx((of_a.mean(), of_b.mean()))


@pytest.mark.parametrize("seed", range(5))
def test_of_labels_it_is_mcnemars_exact_test(seed):
    a, b = kept.said(seed=seed, noise=3.0), kept.said(seed=seed + 10, noise=1.0)
    found = compare(accuracy, a, b)
    right_a, right_b = (each.oof.argmax(axis=1) == each.y for each in (a, b))
    won, lost = int((right_b & ~right_a).sum()), int((right_a & ~right_b).sum())
    assert won + lost > 0
    assert found.gain == pytest.approx((won - lost) / 200)
    assert found.p == pytest.approx(binomtest(won, won + lost).pvalue)


def test_the_same_is_not_told_apart_and_what_is_much_better_is():
    same = compare(accuracy, A, A)
    assert (same.gain, same.p, same.other_labels, same.most_apart) == (0.0, 1.0, 0, [])
    assert same.verdict == "not told apart: A and B say the same of every row"
    assert same.correlation == pytest.approx(1.0)
    better = compare(log_loss, kept.said(seed=1, noise=6.0), B)
    assert better.verdict.startswith(f"B is better: by {better.gain:.4f} ± {better.se:.4f} (log loss; p ")
    turned = compare(log_loss, B, kept.said(seed=1, noise=6.0))
    assert turned.verdict == better.verdict.replace("B is", "A is")


def test_parts_of_the_rows_add_up():
    found = compare(log_loss, A, B, classes=("died", "lived"))
    for parts in (found.folds, found.classes):
        assert sum(part.rows for part in parts) == 200
        assert sum(part.rows * part.gain for part in parts) / 200 == pytest.approx(found.gain)
    assert [part.name for part in found.folds] == ["1", "2", "3", "4", "5"]
    assert [part.name for part in found.classes] == ["died", "lived"]


def test_rows_are_paired_by_their_ids_whatever_their_order():
    order = np.random.default_rng(0).permutation(200)
    shuffled = replace(
        B, ids=[B.ids[i] for i in order], **{name: getattr(B, name)[order] for name in ("y", "fold", "oof")}
    )
    assert as_plain(compare(log_loss, A, shuffled)) == as_plain(compare(log_loss, A, B))


def test_rows_that_only_one_has_scored_or_that_hold_another_truth_are_left_out_and_said():
    y, oof = B.y.copy(), B.oof.copy()
    y[:3], oof[10:14] = 1 - y[:3], np.nan
    found = compare(log_loss, A, replace(B, ids=["x", *B.ids[1:]], y=y, oof=oof))
    assert found.rows == 200 - 1 - 2 - 4
    assert found.notes == [
        "1 row of A is not in the other", "1 row of B is not in the other",
        "2 rows are of another truth in A than in B", "4 rows are not scored by both",
    ]  # fmt: skip
    rows = np.r_[3:10, 14:200]
    assert found.score_a == pytest.approx(-np.log(A.oof[rows, A.y[rows]]).mean())


def test_nothing_in_common_is_refused():
    with pytest.raises(UsageError, match="cannot be compared: 200 rows of A are not in the other; 200 rows of B"):
        compare(log_loss, A, replace(B, ids=[f"x{i}" for i in range(200)]))
    with pytest.raises(UsageError, match="A says 2 numbers of a row, B 1"):
        compare(log_loss, A, replace(B, oof=B.oof[:, :1]))
    with pytest.raises(UsageError, match="200 rows are of another truth"):
        compare(log_loss, A, replace(B, y=1 - B.y))


def test_other_folds_are_said_and_the_same_folds_by_other_numbers_are_the_same():
    renumbered = compare(log_loss, A, replace(B, fold=(B.fold + 1) % 5))
    assert (len(renumbered.folds), renumbered.notes) == (5, [])
    other = compare(log_loss, A, replace(B, fold=np.arange(200) // 40))
    assert other.folds == []
    assert other.notes == ["the folds are not the same: what scored a row has learned from other rows"]
    assert other.gain == renumbered.gain


def test_rows_of_one_unit_count_as_one():
    doubled = [
        replace(each, ids=[f"{i}" for i in range(400)], units=np.tile(np.arange(200), 2),
                **{name: np.concatenate([getattr(each, name)] * 2) for name in ("y", "fold", "oof")})
        for each in (A, B)
    ]  # fmt: skip
    once, twice = compare(log_loss, A, B), compare(log_loss, *doubled)
    assert (twice.rows, twice.gain) == (400, pytest.approx(once.gain))
    assert twice.se == pytest.approx(once.se)
    assert twice.p == pytest.approx(once.p)


def test_numbers_are_compared_by_tenths_of_the_truth():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=300)
    a, b = numbers(truth + rng.normal(size=300), truth), numbers(truth + 0.5 * rng.normal(size=300), truth)
    found = compare(mae, a, b)
    assert found.gain == pytest.approx(np.abs(a.oof[:, 0] - truth).mean() - np.abs(b.oof[:, 0] - truth).mean())
    assert [part.rows for part in found.classes] == [30] * 10
    assert found.classes[0].name == f"{truth.min():.6g} to {np.sort(truth)[29]:.6g}"
    assert found.other_labels is None
    errors = a.oof[:, 0] - truth, b.oof[:, 0] - truth
    assert found.correlation == pytest.approx(np.corrcoef(*errors)[0, 1])
    most = found.most_apart[0]
    row = int(np.abs(a.oof - b.oof).argmax())
    assert (most.id, most.truth, most.a) == (str(row), f"{truth[row]:.6g}", f"{a.oof[row, 0]:.6g}")
    assert compare(rmse, a, b).verdict.startswith("B is better")


def test_a_score_that_is_no_mean_is_compared_by_the_bootstrap_and_a_class_alone_has_none():
    found = compare(roc_auc, kept.said(seed=1, noise=6.0), B)
    assert found.gain == pytest.approx(found.score_b - found.score_a)
    assert found.p < 0.01
    assert all(np.isnan(part.gain) for part in found.classes)
    plain = as_plain(found)
    assert [part["gain"] for part in plain["classes"]] == [None, None]
    assert sum(line.endswith("-") for line in lines(found, "a", "b", "Survived")) == 2


def test_the_lines_end_with_the_verdict():
    found = compare(accuracy, A, B, classes=(0, 1))
    shown = list(lines(found, "20261126-101010-fast", "20261126-111111-best", "Survived"))
    assert shown[:2] == ["A  20261126-101010-fast", "B  20261126-111111-best"]
    assert shown[-1] == found.verdict
    most = found.most_apart[0]
    assert any(most.id in line and f"{most.a} ({most.sure_a:.2f})" in line for line in shown)
    row = A.ids.index(most.id)
    assert np.abs(A.oof - B.oof)[row].sum() == np.abs(A.oof - B.oof).sum(axis=1).max()
