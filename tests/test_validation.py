"""Cross-validation is honest: the scored fold chooses nothing, and leaks do not pay."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score

from pipelines.competition import Recipe
from pipelines.encoders import LeaveOneOutMean, TabularEncoder
from pipelines.errors import DataError
from pipelines.metrics import accuracy
from pipelines.models import SoftmaxRegression
from pipelines.validation import Features, Plan, cross_validate, forecast, member_seed, split

QUICK = Recipe(epochs=20, batch_size=64, lr=0.1, weight_decay=0.0)


@pytest.fixture
def toy(titanic):
    """Titanic's shell around a linear model of plain columns; no baselines but the two of every competition."""
    return replace(
        titanic,
        make_encoder=lambda: TabularEncoder(("signal", "noise")),
        make_model=SoftmaxRegression,
        baselines={},
        known_public=None,
    )


def make_features(n=300, n_test=80, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"signal": rng.normal(size=n + n_test), "noise": rng.normal(size=n + n_test)})
    y = (frame["signal"] + 0.8 * rng.normal(size=n + n_test) > 0.3).to_numpy().astype(np.int64)
    return Features(frame[:n], y[:n], frame[n:].reset_index(drop=True))


def plan(**changes):
    return Plan(**{"folds": 4, "seeds": 2, "recipe": QUICK} | changes)


def test_the_result_adds_up(toy):
    features = make_features()
    steps = []
    result = cross_validate(toy, features, plan(), lambda done, total: steps.append((done, total)))
    assert result.oof.shape == (300, 2)
    assert result.test.shape == (80, 2)
    np.testing.assert_allclose(result.oof.sum(axis=1), 1)
    np.testing.assert_allclose(result.test.sum(axis=1), 1)
    assert result.score == accuracy_score(features.y, result.oof.argmax(axis=1))
    assert 0.75 < result.score < 0.9
    assert result.se == pytest.approx(np.sqrt(result.score * (1 - result.score) / 299))
    sizes = [len(rows) for _, rows in split(features.y, 4, 0)]
    assert np.average(result.fold_scores, weights=sizes) == pytest.approx(result.score)
    assert len(result.seed_scores) == 2
    assert steps[-1] == (8 * QUICK.epochs, 8 * QUICK.epochs)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_baselines_are_paired_on_the_same_folds(toy):
    features = make_features()
    result = cross_validate(toy, features, plan())
    rows = {row.name: row for row in result.baselines}
    assert list(rows) == ["majority class", "logistic regression"]
    assert rows["majority class"].score == max(features.y.mean(), 1 - features.y.mean())
    for row in rows.values():
        assert row.gain == pytest.approx(result.score - row.score)
        assert row.gain_se > 0
    assert rows["logistic regression"].score == pytest.approx(result.score, abs=0.03)


def test_each_row_is_scored_once_and_never_trained_on(toy):
    """Rows of the scored fold change their label: nothing that predicts them may change."""
    features = make_features()
    before = cross_validate(toy, features, plan())
    fold = 1
    scored = split(features.y, 4, 0)[fold][1]
    swapped = features.y.copy()
    ones, zeros = scored[swapped[scored] == 1], scored[swapped[scored] == 0]
    few = min(len(ones), len(zeros))
    swapped[ones[:few]], swapped[zeros[:few]] = 0, 1
    parts = split(features.y, 4, 0)

    from pipelines import validation

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "split", lambda *_: parts)  # the same folds for the changed labels
        after = cross_validate(toy, Features(features.train, swapped, features.test), plan())
    np.testing.assert_array_equal(before.oof[scored], after.oof[scored])
    others = np.setdiff1d(np.arange(300), scored)
    assert (before.oof[others] != after.oof[others]).any()


def test_early_stopping_looks_at_rows_of_the_training_fold_only(toy):
    features = make_features()
    recipe = replace(QUICK, patience=2, epochs=40)
    parts = split(features.y, 4, 0)
    seen = []

    class Spy(TabularEncoder):
        def fit_transform(self, X, y=None):
            seen.append(("fit", set(X.index)))
            return super().fit_transform(X, y)

        def transform(self, X):
            seen.append(("transform", set(X.index)))
            return super().transform(X)

    spied = replace(toy, make_encoder=lambda: Spy(("signal", "noise")))
    from pipelines import validation

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "_baselines", lambda _: {})
        cross_validate(spied, features, plan(recipe=recipe, seeds=1))
    for fit_rows, scored_rows in parts:
        fits = [rows for kind, rows in seen if kind == "fit" and not rows & set(scored_rows)]
        assert any(rows < set(fit_rows) and len(rows) == pytest.approx(0.9 * len(fit_rows), abs=1) for rows in fits)


def test_the_same_plan_gives_the_same_bytes_and_another_seed_does_not(toy):
    features = make_features()
    first, second = (cross_validate(toy, features, plan()) for _ in range(2))
    assert first.oof.tobytes() == second.oof.tobytes()
    assert first.test.tobytes() == second.test.tobytes()
    assert cross_validate(toy, features, plan(seed=1)).oof.tobytes() != first.oof.tobytes()


def test_member_seeds_differ():
    seeds = {member_seed(seed, fold, member) for seed in range(3) for fold in range(10) for member in range(20)}
    assert len(seeds) == 600


def test_a_target_encoded_random_id_does_not_lift_the_score(toy):
    """Canary: 150 random groups on 300 rows. Encoded with the own label, they would score above 0.9."""
    features = make_features()
    rng = np.random.default_rng(1)
    with_id = [f.assign(id=rng.integers(0, 150, len(f)).astype(str)) for f in (features.train, features.test)]
    canary = replace(
        toy,
        make_encoder=lambda: TabularEncoder(("signal", "noise"), extra=(("id", LeaveOneOutMean(), ["id"]),)),
    )
    plain = cross_validate(toy, features, plan())
    lifted = cross_validate(canary, Features(with_id[0], features.y, with_id[1]), plan())
    per_row = [accuracy.per_row(features.y, result.oof) for result in (lifted, plain)]
    difference = per_row[0] - per_row[1]
    assert difference.mean() <= 2 * difference.std(ddof=1) / np.sqrt(300)

    class Leaky(LeaveOneOutMean):
        """What the canary guards against: group means of all rows, the scored ones included."""

        def fit(self, X, y):
            rows = with_id[0]
            return super().fit(rows[["id"]], features.y)

        def fit_transform(self, X, y):
            return self.fit(X, y).transform(X)

    leaking = replace(toy, make_encoder=lambda: TabularEncoder(("signal", "noise"), extra=(("id", Leaky(), ["id"]),)))
    assert cross_validate(leaking, Features(with_id[0], features.y, with_id[1]), plan()).score > plain.score + 0.05


def test_permuted_labels_fall_to_the_base_rate(titanic, sample_files):
    """Everything of Titanic, but fate dealt at random: nothing is left to learn."""
    from pipelines.raw import read
    from pipelines.sources import Source
    from pipelines.validation import make_features as titanic_features

    features = titanic_features(titanic, read(titanic, Source("sample", "", sample_files)))
    y = np.random.default_rng(0).permutation(features.y)
    few = Plan(folds=5, seeds=1, recipe=replace(titanic.recipe, epochs=15))
    result = cross_validate(titanic, Features(features.train, y, features.test), few)
    base_rate = max(y.mean(), 1 - y.mean())
    assert result.score <= base_rate + 2 * result.se
    assert abs(result.score - base_rate) < 0.1


def test_folds_that_do_not_fit_are_refused(toy):
    y = np.array([0] * 20 + [1] * 3)
    with pytest.raises(DataError, match="5 folds do not fit: the smallest class has 3 rows"):
        split(y, 5, 0)


def test_forecast_without_anchor_counts_both_samples(toy):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 900)
    oof = np.eye(2)[np.where(rng.random(900) < 0.8, y, 1 - y)]
    p = accuracy(y, oof)
    result = forecast(toy, y, oof, {}, 400)
    assert result.mean == pytest.approx(p)
    width = 1.96 * np.sqrt(p * (1 - p) * (1 / 900 + 1 / 400))
    assert (result.high - result.low) / 2 == pytest.approx(width, rel=1e-3)
    assert (result.n_public, result.anchor) == (400, None)
    assert forecast(replace(toy, public_share=0.25), y, oof, {}, 400).n_public == 100


def test_forecast_from_an_anchor_covers_a_shift_that_both_feel(toy):
    """The test rows are harder for both models; the anchored interval holds, the plain one does not."""
    rng = np.random.default_rng(0)

    def rows(n, hard):
        easy = rng.random(n) > hard
        y = rng.integers(0, 2, n)
        rule = np.where(easy & (rng.random(n) < 0.95), y, rng.integers(0, 2, n))
        ours = np.where((rule != y) & (rng.random(n) < 0.3), y, rule)
        return y, np.eye(2)[rule], np.eye(2)[ours]

    y, rule, ours = rows(2000, hard=0.2)
    y_test, rule_test, ours_test = rows(2000, hard=0.45)
    anchored = replace(toy, known_public=("rule", accuracy(y_test, rule_test)))
    public = accuracy(y_test, ours_test)
    plain = forecast(toy, y, ours, {"rule": rule}, 2000)
    better = forecast(anchored, y, ours, {"rule": rule}, 2000)
    assert better.anchor == "rule"
    assert abs(better.mean - public) < abs(plain.mean - public)
    assert not plain.low <= public <= plain.high


@pytest.mark.slow
@pytest.mark.real_data
def test_permuted_labels_on_the_real_rows(titanic, real_data):
    from pipelines.raw import read
    from pipelines.sources import locate
    from pipelines.validation import make_features as titanic_features

    features = titanic_features(titanic, read(titanic, locate(titanic, real_data / "titanic")))
    y = np.random.default_rng(0).permutation(features.y)
    few = Plan(folds=10, seeds=1, recipe=replace(titanic.recipe, epochs=20))
    result = cross_validate(titanic, Features(features.train, y, features.test), few)
    assert abs(result.score - 0.616) < 2 * result.se
