"""A number is cross-validated as classes are: learned on a scale of the fold's own, pooled, compared, turned back."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.preprocessing import StandardScaler
from toys import fitted_baselines, make_features, number_features, plan

from pipelines.competition import Number, Published, Recipe, Variant
from pipelines.errors import TrainingWarning, UsageError
from pipelines.features.frames import Features
from pipelines.metrics import Metric
from pipelines.models import MLP, BatchEnsemble
from pipelines.training.estimator import TorchRegressor
from pipelines.training.targets import Scale
from pipelines.validation import baselines, crossval
from pipelines.validation.baselines import seconds_of_linear, simple_models, without_slow
from pipelines.validation.blend import fit_linear
from pipelines.validation.crossval import FoldEncoder, cross_validate, member_seed
from pipelines.validation.forecast import forecast
from pipelines.validation.splits import split

EXACT = Recipe(epochs=40, batch_size=32, lr=0.1, weight_decay=0.0, schedule="one-cycle")


def only_of(result, name):
    return next(row for row in result.baselines if row.name == name)


def test_a_linear_number_is_learned_exactly(number_toy):
    features = number_features(noise=0.0)
    result = cross_validate(number_toy, features, plan(number_toy, EXACT))
    assert (result.oof.shape, result.test.shape) == ((300, 1), (80, 1))
    assert r2_score(features.y, result.oof) > 0.9999
    truth = 5000 + 100 * features.test["signal"].to_numpy()
    assert r2_score(truth, result.test) > 0.9999


def test_the_score_is_that_of_ridge_and_of_the_metrics_own_units(number_toy):
    features = number_features()
    result = cross_validate(number_toy, features, plan(number_toy, EXACT))
    assert result.score == pytest.approx(root_mean_squared_error(features.y, result.oof[:, 0]))
    assert [row.name for row in result.baselines] == ["mean", "ridge"]
    assert only_of(result, "ridge").score == pytest.approx(result.score, rel=0.02)
    assert abs(only_of(result, "ridge").gain) < 3 * only_of(result, "ridge").gain_se + 1
    assert only_of(result, "mean").score == pytest.approx(features.y.std(), rel=0.02)
    assert only_of(result, "mean").gain == pytest.approx(only_of(result, "mean").score - result.score)
    assert result.variants[0].weight == 1.0
    assert result.variants[0].score == result.score
    assert result.forecast.mean == result.score + result.forecast.averaging
    assert -0.01 * result.score < result.forecast.averaging < 0  # linear models of many rows hardly differ
    assert result.forecast.low < result.score < result.forecast.high


def test_predictions_are_those_of_regressors_trained_by_hand(number_toy):
    features = number_features()
    result = cross_validate(number_toy, features, plan(number_toy))
    variant, recipe = number_toy.variants["network"], plan(number_toy).variants["network"].recipe
    oof, test = np.zeros(300), np.zeros(80)
    for fold, (fit_rows, scored) in enumerate(split(features.y, 4, 0)):
        encoder = variant.make_encoder()
        X = encoder.fit_transform(features.train.iloc[fit_rows], features.y[fit_rows])
        for seed in range(2):
            network = TorchRegressor(variant.make_model, **asdict(recipe), random_state=member_seed(0, fold, seed))
            network.fit(X, features.y[fit_rows])
            oof[scored] += network.predict(encoder.transform(features.train.iloc[scored])) / 2
            test += network.predict(encoder.transform(features.test)) / 8
    np.testing.assert_allclose(result.oof[:, 0], oof, rtol=1e-5)
    np.testing.assert_allclose(result.test[:, 0], test, rtol=1e-5)


def test_a_log_is_learned_pooled_and_turned_back_once(number_toy):
    """As if the logs were the target, but for the last step."""
    features = number_features()
    logs = (features.y - 5000) / 100
    logs -= logs.min()
    of_logs = replace(features, y=logs)
    toy = replace(number_toy, number=Number(transform="log1p"))
    as_they_are = cross_validate(number_toy, of_logs, plan(number_toy))
    turned_back = cross_validate(toy, replace(features, y=np.expm1(logs)), plan(toy))
    np.testing.assert_allclose(turned_back.oof, np.expm1(as_they_are.oof), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(turned_back.test, np.expm1(as_they_are.test), rtol=1e-4, atol=1e-6)
    assert turned_back.score == pytest.approx(root_mean_squared_error(np.expm1(logs), turned_back.oof[:, 0]))
    of_one, of_other = only_of(as_they_are, "ridge"), only_of(turned_back, "ridge")
    assert of_one.score != pytest.approx(of_other.score)


def test_two_variants_of_logs_are_pooled_as_they_are_learned(number_toy):
    features = number_features()
    logs = (features.y - features.y.min()) / 100
    two = {"network": number_toy.variants["network"], "wide": _wide(number_toy)}
    toy = replace(number_toy, variants=two, number=Number(transform="log1p"))
    both = plan(toy, variants={name: replace(each, recipe=EXACT) for name, each in two.items()})
    as_they_are = cross_validate(replace(toy, number=Number()), replace(features, y=logs), both)
    turned_back = cross_validate(toy, replace(features, y=np.expm1(logs)), both)
    np.testing.assert_allclose(turned_back.oof, np.expm1(as_they_are.oof), rtol=1e-3, atol=1e-5)
    weights = [each.weight for each in turned_back.variants]
    assert min(weights) >= 0
    assert sum(weights) == pytest.approx(1, abs=0.1)
    assert weights == pytest.approx([each.weight for each in as_they_are.variants], abs=1e-2)


def _wide(toy):
    return replace(toy.variants["network"], make_model=lambda d, p: MLP([d, 16, p]))


def test_rows_that_are_scored_do_not_move_the_scale(number_toy):
    """Their targets become huge: nothing that predicts them may change."""
    features = number_features()
    toy = replace(number_toy, metric=replace(number_toy.metric))
    stopping = replace(EXACT, epochs=8, patience=4, validation_fraction=0.2)
    before = cross_validate(toy, features, plan(toy, stopping))
    parts = split(features.y, 4, 0)
    scored = parts[1].scored
    huge = features.y.copy()
    huge[scored] = 1e9
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crossval, "split", lambda *_, **_bonds: parts)
        after = cross_validate(toy, Features(features.train, huge, features.test), plan(toy, stopping))
    np.testing.assert_array_equal(before.oof[scored], after.oof[scored])
    others = np.setdiff1d(np.arange(300), scored)
    assert (before.oof[others] != after.oof[others]).all()


def test_encoders_and_networks_get_the_number_as_it_is_learned(number_toy):
    features, number = replace(number_features(), y=np.expm1(np.linspace(0, 5, 300))), Number(transform="log1p")
    seen = []

    class Watched(StandardScaler):
        def fit_transform(self, X, y):
            seen.append(y)
            return super().fit_transform(X)

    folds = split(features.y, 4, 0)
    variant = Variant(make_encoder=Watched, make_model=lambda d, p: MLP([d, p]), recipe=Recipe(patience=2))
    rows, _ = FoldEncoder(features, folds, variant, 0, number)(1)
    np.testing.assert_allclose(
        np.sort(rows.target[:, 0]), np.sort((seen[0] - seen[0].mean()) / seen[0].std()), rtol=1e-4
    )
    assert seen[0].max() <= 5.0
    assert len(seen[0]) == 202  # a tenth of the training rows stops
    _, truth = rows.held_out
    assert (truth.dtype, len(truth)) == (rows.inputs.double().dtype, 23)
    everything = np.concatenate([number.inverse(seen[0]), truth.numpy()])
    np.testing.assert_allclose(np.sort(everything), np.sort(features.y[folds[1].train]))
    assert rows.scale == Scale.of(number, number.inverse(seen[0])) or rows.scale.mean == pytest.approx(seen[0].mean())


def test_a_permuted_target_is_predicted_no_better_than_by_its_mean(number_toy):
    features = number_features()
    permuted = replace(features, y=np.random.default_rng(0).permutation(features.y))
    two = {"network": number_toy.variants["network"], "wide": _wide(number_toy)}
    toy = replace(number_toy, variants=two)
    short = Recipe(epochs=10, batch_size=32, lr=0.02)
    both = plan(toy, variants={name: replace(each, recipe=short) for name, each in two.items()})
    result = cross_validate(toy, permuted, both)
    row = only_of(result, "mean")
    assert row.gain < 2 * row.gain_se
    assert result.score > 0.99 * permuted.y.std()


@pytest.mark.parametrize(("loss", "constant"), [("squared", np.mean), ("absolute", np.median)])
def test_what_each_loss_makes_small_is_what_a_network_without_inputs_says(number_toy, loss, constant):
    y = np.random.default_rng(0).exponential(size=400) ** 2
    frame = pd.DataFrame({"signal": np.zeros(500), "noise": 0.0})
    toy = replace(number_toy, number=Number(loss=loss))
    slow = Recipe(epochs=60, batch_size=100, lr=0.05, weight_decay=0.0)
    result = cross_validate(toy, Features(frame[:400], y, frame[400:]), plan(toy, slow, folds=2, seeds=1))
    folds = split(y, 2, 0)
    expected = np.mean([constant(y[fold.train]) for fold in folds])
    np.testing.assert_allclose(result.test, expected, rtol=0.06)
    assert result.baselines[0].name == ("median" if loss == "absolute" else "mean")
    blind = result.baselines[0].score
    assert result.score == pytest.approx(blind, rel=0.01)


def test_huber_lies_between_mean_and_median(number_toy):
    y = np.random.default_rng(0).exponential(size=400) ** 2
    frame = pd.DataFrame({"signal": np.zeros(500), "noise": 0.0})
    toy = replace(number_toy, number=Number(loss="huber"))
    result = cross_validate(
        toy, Features(frame[:400], y, frame[400:]), plan(toy, replace(EXACT, weight_decay=0.0), folds=2, seeds=1)
    )
    assert np.median(y) < result.test.mean() < y.mean()
    assert result.baselines[0].name == "mean"


def test_a_fold_whose_training_rows_are_all_alike_is_told(number_toy):
    features = number_features(n=40)
    with pytest.warns(TrainingWarning, match="the target is 3 in all 30 training rows of fold") as told:
        result = cross_validate(number_toy, replace(features, y=np.full(40, 3.0)), plan(number_toy))
    assert {
        str(each.message).partition("\n")[0].split(",")[0][-1] for each in told if "in all" in str(each.message)
    } == set("1234")
    assert (result.oof == 3).all()
    assert (result.test == 3).all()


def test_early_stopping_of_a_number_and_a_batch_ensemble_go_through(number_toy):
    features = number_features(n=200)
    ensemble = lambda d, p: BatchEnsemble(d, p, k=3, n_blocks=1, d_block=16, dropout=0.0)  # noqa: E731
    recipe = replace(EXACT, lr=0.01, patience=4, validation_fraction=0.2)
    toy = replace(number_toy, variants={"network": replace(number_toy.variants["network"], make_model=ensemble)})
    with pytest.warns(TrainingWarning, match="one after another"):
        result = cross_validate(toy, features, plan(toy, recipe, folds=2, seeds=2))
    assert r2_score(features.y, result.oof) > 0.6


# baselines


def test_baselines_of_a_number_are_scikit_learns(number_toy):
    features = number_features()
    folds = split(features.y, 3, 0)
    logs = np.log(features.y)
    oof = fitted_baselines(number_toy, simple_models(number_toy), replace(features, y=logs), folds, workers=2)
    assert {name: p.shape for name, p in oof.items()} == {"mean": (300, 1), "ridge": (300, 1)}
    for train, scored in folds:
        np.testing.assert_allclose(oof["mean"][scored], logs[train].mean())
        scaler = StandardScaler().fit(features.train.iloc[train])
        ridge = Ridge().fit(scaler.transform(features.train.iloc[train]), logs[train])
        by_hand = ridge.predict(scaler.transform(features.train.iloc[scored]))
        np.testing.assert_allclose(oof["ridge"][scored][:, 0], by_hand, rtol=1e-6)


def test_a_baseline_that_extrapolates_ends_where_networks_end(number_toy):
    frame = pd.DataFrame({"x": np.append(np.arange(20.0), 1e6)})
    y = np.append(np.arange(20.0), 7.0)
    folds = [crossval.Fold(np.arange(20), np.array([20]))] * 2
    said = fitted_baselines(number_toy, {"line": LinearRegression}, Features(frame, y, frame[:0]), folds)
    assert said["line"][20].tolist() == [19 * 1.25]
    assert np.isnan(said["line"][:20]).all()


def test_features_that_are_alike_do_not_disturb_ridge(number_toy):
    alike = np.random.default_rng(0).normal(size=(2000, 1)).astype(np.float32)

    class Alike(StandardScaler):
        def fit_transform(self, X, y=None):
            return np.repeat(alike[: len(X)], 50, axis=1)

        transform = fit_transform

    toy = replace(number_toy, variants={"network": replace(number_toy.variants["network"], make_encoder=Alike)})
    rows, y = pd.DataFrame(alike), 3.0 * alike[:, 0].astype(np.float64)
    model = simple_models(toy)["ridge"]().fit(rows, y)  # warnings are errors
    assert r2_score(y, model.predict(rows)) > 0.9999


def test_models_named_none_are_left_out(toy, number_toy):
    assert list(simple_models(number_toy)) == ["mean", "ridge"]
    assert list(simple_models(replace(number_toy, baselines={"ridge": None}))) == ["mean"]
    assert list(simple_models(replace(toy, baselines={"logistic regression": None}))) == ["majority class"]
    assert list(simple_models(replace(toy, baselines={"majority class": None}))) == ["logistic regression"]
    own = {"ridge": lambda: Ridge(3.0), "other": DummyRegressor}
    models = simple_models(replace(number_toy, baselines=own))
    assert models["ridge"]().alpha == 3.0
    assert list(models) == ["mean", "ridge", "other"]
    with pytest.raises(UsageError, match="or None to leave the model of that name out, got"):
        replace(toy, baselines={"ridge": 3})


def test_without_a_linear_model_the_rest_is_as_it_was(toy):
    features = make_features()
    with_it = cross_validate(toy, features, plan(toy))
    without = cross_validate(replace(toy, baselines={"logistic regression": None}), features, plan(toy))
    np.testing.assert_array_equal(with_it.oof, without.oof)
    assert [row.name for row in without.baselines] == ["majority class"]
    assert without.forecast == with_it.forecast


def test_a_linear_model_that_would_take_long_is_left_out_with_a_word(toy, number_toy, monkeypatch):
    for competition, name in ((toy, "logistic regression"), (number_toy, "ridge")):
        models = simple_models(competition)
        n_rows = int(60 / seconds_of_linear(competition, 1000, 1000) * 1000)
        assert without_slow(competition, models, n_rows, 1000) is models
        says = f"{name} is left out: for {n_rows + n_rows // 10:,} rows of 1,000 features it takes about 66 s a fold"
        with pytest.warns(TrainingWarning, match=says) as told:
            left = without_slow(competition, models, n_rows + n_rows // 10, 1000)
        assert list(left) == [each for each in models if each != name]
        assert f"{name!r}: None" in str(told[0].message)
        asked_for = replace(competition, baselines={name: models[name]})
        assert without_slow(asked_for, models, 10**9, 100) is models
        switched_off = replace(competition, baselines={name: None})
        assert list(without_slow(switched_off, simple_models(switched_off), 10**9, 100)) == list(left)
    monkeypatch.setattr(baselines, "MOST_SECONDS", 1e-9)
    with pytest.warns(TrainingWarning, match="ridge is left out: for 300 rows of 2 features"):
        result = cross_validate(number_toy, number_features(), plan(number_toy))
    assert [row.name for row in result.baselines] == ["mean"]


# forecast


def test_a_forecast_of_a_number_counts_both_samples(number_toy):
    rng = np.random.default_rng(0)
    y = rng.normal(size=400)
    oof = y[:, None] + rng.normal(size=(400, 1))
    squared = Metric("MSE", lambda y, p: (y - p) ** 2, greater_is_better=False, of="values")
    toy = replace(number_toy, metric=squared)
    found = forecast(toy, y, oof, {"mean": np.zeros((400, 1))}, 100)
    assert found.mean == pytest.approx(((y - oof[:, 0]) ** 2).mean())
    half = 1.96 * squared.se(y, oof) * np.sqrt(1 + 4)
    assert (found.low, found.high) == (pytest.approx(found.mean - half), pytest.approx(found.mean + half))


@pytest.mark.parametrize("left_out", ["ridge", "mean"])
def test_others_shifts_need_only_the_baseline_that_tells_the_rows(number_toy, left_out):
    rng = np.random.default_rng(0)
    y = rng.normal(size=400)
    squared = Metric("MSE", lambda y, p: (y - p) ** 2, greater_is_better=False, of="values")
    all_of = {"mean": np.zeros((400, 1)), "ridge": 0.5 * y[:, None]}
    known = {name: p for name, p in all_of.items() if name != left_out}
    published = Published(baseline="mean", score=squared(y, all_of["mean"]), pairs=((1.0, 1.2), (1.0, 1.4)))
    toy = replace(number_toy, metric=squared, published=published)
    found = forecast(toy, y, 0.5 * y[:, None], known, 100)
    shifted = squared(y, 0.5 * y[:, None]) + 0.3
    assert (found.n_published, found.mean) == (
        (2, pytest.approx(shifted)) if left_out == "ridge" else (0, pytest.approx(shifted - 0.3))
    )


def test_weights_of_one_view_that_swings_too_far_are_less_than_one():
    y = np.random.default_rng(0).normal(size=1000)
    assert fit_linear(2.0 * y[None], y, "squared") == pytest.approx([0.5])
