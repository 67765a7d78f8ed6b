"""Cross-validation is honest: the scored fold chooses nothing, and leaks do not pay."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from toys import QUICK, make_features, only, plan

from pipelines.competition import Published
from pipelines.encoders import LeaveOneOutMean, TabularEncoder
from pipelines.errors import DataError
from pipelines.features import frames
from pipelines.features.frames import Features
from pipelines.metrics import accuracy
from pipelines.training.estimator import TorchClassifier
from pipelines.training.fit import Job
from pipelines.validation import crossval
from pipelines.validation.baselines import simple_models
from pipelines.validation.crossval import FoldEncoder, Plan, cross_validate, member_seed
from pipelines.validation.forecast import forecast
from pipelines.validation.splits import split


def test_the_result_adds_up(toy):
    features = make_features()
    steps = []
    result = cross_validate(toy, features, plan(toy), lambda job, epoch, loss: steps.append((job, epoch, loss)))
    assert result.oof.shape == (300, 2)
    assert result.test.shape == (80, 2)
    np.testing.assert_allclose(result.oof.sum(axis=1), 1)
    np.testing.assert_allclose(result.test.sum(axis=1), 1)
    assert result.score == accuracy_score(features.y, result.oof.argmax(axis=1))
    assert 0.75 < result.score < 0.9
    assert result.se == pytest.approx(np.sqrt(result.score * (1 - result.score) / 299))
    sizes = [len(rows) for _, rows in split(features.y, 4, 0)]
    assert np.average(result.fold_scores, weights=sizes) == pytest.approx(result.score)
    assert len(result.variants[0].seed_scores) == 2
    shares = zip(result.fold_scores, result.fold_se, sizes, strict=True)
    assert all(se == pytest.approx(np.sqrt(p * (1 - p) / (n - 1))) for p, se, n in shares)
    jobs = {job for job, _, _ in steps}
    assert jobs == {Job("network", fold, seed) for fold in range(4) for seed in range(2)}
    assert len(steps) == plan(toy).n_epochs == 8 * QUICK.epochs


def test_test_predictions_are_the_mean_of_all_networks_and_predict_the_test_rows(toy):
    features = make_features()
    result = cross_validate(toy, features, plan(toy))
    by_hand = np.zeros((80, 2))
    for fold, (fit_rows, _) in enumerate(split(features.y, 4, 0)):
        encoder = toy.variants["network"].make_encoder()
        X = encoder.fit_transform(features.train.iloc[fit_rows], features.y[fit_rows])
        for seed in range(2):
            network = TorchClassifier(
                toy.variants["network"].make_model,
                **asdict(QUICK),
                metric=accuracy,
                random_state=member_seed(0, fold, seed),
            ).fit(X, features.y[fit_rows])
            by_hand += network.predict_proba(encoder.transform(features.test)) / 8
    np.testing.assert_allclose(result.test, by_hand, atol=1e-5)
    signal = (features.test["signal"] > 0.3).to_numpy()
    assert (result.test.argmax(axis=1) == signal).mean() > 0.9


def test_baselines_are_paired_on_the_same_folds(toy):
    features = make_features()
    result = cross_validate(toy, features, plan(toy))
    rows = {row.name: row for row in result.baselines}
    assert list(rows) == ["majority class", "logistic regression"]
    assert rows["majority class"].score == max(features.y.mean(), 1 - features.y.mean())
    ours = accuracy.per_row(features.y, result.oof.argmax(axis=1))
    majority = (features.y == np.bincount(features.y).argmax()).astype(float)
    paired = (ours - majority).std(ddof=1) / np.sqrt(300)
    assert rows["majority class"].gain_se == pytest.approx(paired)
    for row in rows.values():
        assert row.gain == pytest.approx(result.score - row.score)
    assert rows["logistic regression"].score == pytest.approx(result.score, abs=0.03)


def test_trainings_and_baselines_are_counted_to_their_end(toy):
    told = []
    stopping = replace(QUICK, patience=1, validation_fraction=0.2)  # so that networks end early
    early = plan(toy, recipe=stopping)
    cross_validate(toy, make_features(), early, on_task=lambda *task: told.append(task))
    of = {what: n for what, _, n in told}
    assert list(of) == ["baselines", "trainings"]
    assert of["baselines"] == 8
    assert told == [(what, done, n) for what, n in of.items() for done in range(n + 1)]


def test_the_baseline_that_knows_no_columns_is_called_by_what_is_submitted(toy):
    assert next(iter(simple_models(toy))) == "majority class"
    assert next(iter(simple_models(replace(toy, submit="probabilities")))) == "class shares"


def test_each_row_is_scored_once_and_never_trained_on(toy):
    """Rows of the scored fold change their label: nothing that predicts them may change."""
    features = make_features()
    before = cross_validate(toy, features, plan(toy))
    fold = 1
    scored = split(features.y, 4, 0)[fold][1]
    swapped = features.y.copy()
    ones, zeros = scored[swapped[scored] == 1], scored[swapped[scored] == 0]
    few = min(len(ones), len(zeros))
    swapped[ones[:few]], swapped[zeros[:few]] = 0, 1
    parts = split(features.y, 4, 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crossval, "split", lambda *_, **_bonds: parts)  # the same folds for the changed labels
        after = cross_validate(toy, Features(features.train, swapped, features.test), plan(toy))
    np.testing.assert_array_equal(before.oof[scored], after.oof[scored])
    others = np.setdiff1d(np.arange(300), scored)
    assert (before.oof[others] != after.oof[others]).any()


def test_early_stopping_looks_at_rows_of_the_training_fold_only(toy):
    """Each row's own number is its feature: what is fitted, stopped by and scored can be read off the arrays."""
    features = make_features()
    numbered = Features(features.train.assign(row=np.arange(300.0)), features.y, features.test.assign(row=-1.0))

    class RowNumbers(TabularEncoder):
        def fit_transform(self, X, y=None):
            return X[["row"]].to_numpy(np.float32)

        def transform(self, X):
            return X[["row"]].to_numpy(np.float32)

    stopping = replace(only(toy, replace(QUICK, patience=2)), make_encoder=RowNumbers)
    folds = split(features.y, 4, 0)
    encode = FoldEncoder(numbered, folds, stopping, 0)
    for fold, (fit_rows, scored_rows) in enumerate(folds):
        rows, encoder = encode(fold)
        fitted, stopped, scored = (
            set(np.asarray(X).ravel().astype(int))
            for X in (rows.inputs, rows.held_out[0], encoder.transform(numbered.train.iloc[scored_rows]))
        )
        assert scored == set(scored_rows)
        assert fitted | stopped == set(fit_rows)
        assert not fitted & stopped
        assert len(stopped) == pytest.approx(0.1 * len(fit_rows), abs=1)
        for X, y in ((rows.inputs, rows.target), rows.held_out):
            np.testing.assert_array_equal(y, features.y[np.asarray(X).ravel().astype(int)])
    result = cross_validate(toy, features, plan(toy, replace(QUICK, patience=2, epochs=40)))
    assert 0.75 < result.score < 0.9


def test_features_that_lose_or_move_rows_are_refused(titanic, sample_files):
    from pipelines.data.sources import Source
    from pipelines.data.tables import read

    raw = read(titanic, Source("sample", "", sample_files))
    for change in (lambda f: f.sort_values("Ticket"), lambda f: f.drop_duplicates("Ticket")):
        with pytest.raises(ValueError, match="must keep every row in its place: 1309 rows went in"):
            frames.make_features(replace(titanic, add_features=change), raw)


def test_the_same_plan_gives_the_same_bytes_and_another_seed_does_not(toy):
    features = make_features()
    first, second = (cross_validate(toy, features, plan(toy)) for _ in range(2))
    assert first.oof.tobytes() == second.oof.tobytes()
    assert first.test.tobytes() == second.test.tobytes()
    assert cross_validate(toy, features, plan(toy, seed=1)).oof.tobytes() != first.oof.tobytes()


def test_member_seeds_differ():
    seeds = {member_seed(seed, fold, member) for seed in range(3) for fold in range(10) for member in range(20)}
    assert len(seeds) == 600


def encoded_by(toy, make_encoder):
    return replace(toy, variants={"network": replace(toy.variants["network"], make_encoder=make_encoder)})


def test_a_target_encoded_random_id_does_not_lift_the_score(toy):
    """Canary: 150 random groups on 300 rows. Encoded with the own label, they would score above 0.9."""
    features = make_features()
    rng = np.random.default_rng(1)
    with_id = [f.assign(id=rng.integers(0, 150, len(f)).astype(str)) for f in (features.train, features.test)]
    canary = encoded_by(toy, lambda: TabularEncoder(("signal", "noise"), extra=(("id", LeaveOneOutMean(), ["id"]),)))
    plain = cross_validate(toy, features, plan(toy))
    lifted = cross_validate(canary, Features(with_id[0], features.y, with_id[1]), plan(canary))
    per_row = [accuracy.per_row(features.y, result.oof.argmax(axis=1)) for result in (lifted, plain)]
    difference = per_row[0] - per_row[1]
    assert difference.mean() <= 2 * difference.std(ddof=1) / np.sqrt(300)

    class Leaky(LeaveOneOutMean):
        """What the canary guards against: group means of all rows, the scored ones included."""

        def fit(self, X, y):
            rows = with_id[0]
            return super().fit(rows[["id"]], features.y)

        def fit_transform(self, X, y):
            return self.fit(X, y).transform(X)

    leaking = encoded_by(toy, lambda: TabularEncoder(("signal", "noise"), extra=(("id", Leaky(), ["id"]),)))
    assert (
        cross_validate(leaking, Features(with_id[0], features.y, with_id[1]), plan(leaking)).score > plain.score + 0.05
    )


def shortened(competition, epochs):
    return only(competition, replace(competition.variants["network"].recipe, epochs=epochs))


def test_permuted_labels_fall_to_the_base_rate(titanic, sample_files):
    """Everything of Titanic, but fate dealt at random: nothing is left to learn."""
    from pipelines.data.sources import Source
    from pipelines.data.tables import read

    features = frames.make_features(titanic, read(titanic, Source("sample", "", sample_files)))
    y = np.random.default_rng(0).permutation(features.y)
    few = Plan(folds=5, seeds=1, variants={"network": shortened(titanic, epochs=15)})
    result = cross_validate(titanic, Features(features.train, y, features.test), few)
    base_rate = max(y.mean(), 1 - y.mean())
    assert result.score <= base_rate + 2 * result.se
    assert abs(result.score - base_rate) < 0.1


def test_folds_that_do_not_fit_are_refused(toy):
    y = np.array([0] * 20 + [1] * 3)
    with pytest.raises(DataError, match="5 folds do not fit: the smallest class has 3 rows"):
        split(y, 5, 0)


def test_forecast_counts_both_samples(toy):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 900)
    oof = np.eye(2)[np.where(rng.random(900) < 0.8, y, 1 - y)]
    p = accuracy(y, oof)
    result = forecast(toy, y, oof, {}, 400)
    assert result.mean == pytest.approx(p)
    width = 1.96 * np.sqrt(p * (1 - p) * (1 / 900 + 1 / 400))
    assert (result.high - result.low) / 2 == pytest.approx(width, rel=1e-3)
    assert (result.n_public, result.n_published) == (400, 0)
    assert forecast(replace(toy, public_share=0.25), y, oof, {}, 400).n_public == 100


def test_forecast_with_published_shifts(toy):
    """Others lost 0.05 on these rows: so shall we; on other rows nothing of theirs is used."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 900)
    ours, logistic, rule = (np.eye(2)[np.where(rng.random(900) < p, y, 1 - y)] for p in (0.84, 0.83, 0.78))
    baselines = {"rule": rule, "logistic regression": logistic}
    pairs = ((0.84, 0.79), (0.83, 0.77), (0.85, 0.81))
    known = replace(toy, published=Published(baseline="rule", score=accuracy(y, rule), pairs=pairs))
    result = forecast(known, y, ours, baselines, 400)
    assert result.mean == pytest.approx(accuracy(y, ours) - 0.05)
    difference = accuracy.per_row(y, ours.argmax(axis=1)) - accuracy.per_row(y, logistic.argmax(axis=1))
    se = np.sqrt(0.01**2 * (1 + 1 / 3) + difference.var(ddof=1) * (1 / 900 + 1 / 400))
    assert (result.high - result.mean, result.mean - result.low) == pytest.approx((1.96 * se, 1.96 * se))
    assert result.n_published == 3
    elsewhere = replace(known, published=replace(known.published, score=0.5))
    assert forecast(elsewhere, y, ours, baselines, 400).n_published == 0


def test_titanics_forecast_covers_what_was_published(titanic):
    """Each published model, forecast from the others, lies in an interval of their spread alone, but for one."""
    cv, public = np.array(titanic.published.pairs).T
    inside = []
    for i in range(len(cv)):
        shifts = np.delete(public - cv, i)
        width = 1.96 * shifts.std(ddof=1) * np.sqrt(1 + 1 / len(shifts))
        inside.append(abs(cv[i] + shifts.mean() - public[i]) <= width)
    assert sum(inside) >= len(inside) - 1


@pytest.mark.slow
@pytest.mark.real_data
def test_permuted_labels_on_the_real_rows(titanic, real_data):
    from pipelines.data.sources import locate
    from pipelines.data.tables import read

    features = frames.make_features(titanic, read(titanic, locate(titanic, real_data / "titanic")))
    y = np.random.default_rng(0).permutation(features.y)
    few = Plan(folds=10, seeds=1, variants={"network": shortened(titanic, epochs=20)})
    result = cross_validate(titanic, Features(features.train, y, features.test), few)
    assert abs(result.score - 0.616) < 2 * result.se
