"""The default encoder takes any frame, learns from the training rows alone, and gives finite numbers."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from pipelines.encoders import DefaultEncoder
from pipelines.encoders.categories import TargetMeans
from pipelines.errors import DataError, UsageError

N = 400


@pytest.fixture
def mixed():
    """Columns of every kind, with gaps."""
    rng = np.random.default_rng(0)
    day = pd.to_datetime("2011-01-01") + pd.to_timedelta(rng.integers(0, 20_000, N), unit="h")
    frame = pd.DataFrame(
        {
            "float": rng.normal(50, 10, N),
            "skewed": np.exp(3 * rng.normal(size=N)),
            "int": rng.integers(0, 1000, N),
            "rooms": rng.integers(1, 5, N),
            "bool": rng.random(N) < 0.3,
            "nullable": pd.array(rng.choice([True, False, None], N), dtype="boolean"),
            "object": rng.choice(["x", "y", None], N),
            "category": pd.Categorical(rng.choice(list("abc"), N)),
            "many": rng.choice([f"v{i}" for i in range(60)], N),
            "cabin": [f"{deck}/{number}/{side}" for deck, number, side in zip(
                rng.choice(list("ABC"), N), rng.integers(0, 900, N), rng.choice(list("PS"), N), strict=True)],
            "day": day,
            "text day": day.strftime("%Y-%m-%d %H:%M:%S"),
            "sentence": [" ".join(rng.choice(["good", "bad", "film", "plot", "a", "the"], 6)) for _ in range(N)],
            "name": [f"n{i}" for i in range(N)],
            "constant": 7.0,
            "empty": np.full(N, np.nan),
        }
    )  # fmt: skip
    frame.loc[::7, ["float", "skewed", "cabin", "text day", "sentence"]] = None
    return frame, rng.integers(0, 2, N)


def encoded(encoder, frame, y=None):
    """Columns by name."""
    out = encoder.fit_transform(frame, y)
    return dict(zip(encoder.get_feature_names_out(), out.T, strict=True))


@pytest.mark.parametrize("for_trees", [False, True])
@pytest.mark.parametrize("text", ["leave", "tfidf"])
def test_every_kind_of_column_becomes_finite_numbers(mixed, for_trees, text):
    frame, y = mixed
    encoder = DefaultEncoder(for_trees=for_trees, text=text)
    out = encoder.fit_transform(frame, y)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()
    assert out.shape == (N, len(encoder.get_feature_names_out()))
    assert (out.std(axis=0) > 0).all()
    assert len(set(encoder.get_feature_names_out())) == out.shape[1]
    nothing = frame.iloc[:3].astype(object).mask(np.full((3, frame.shape[1]), True))
    assert encoder.transform(nothing).shape == (3, out.shape[1])
    assert np.isfinite(encoder.transform(nothing)).all()


def test_left_out_columns_have_a_reason(mixed):
    encoder = DefaultEncoder().fit(*mixed)
    assert encoder.left_out_ == {
        "sentence": "free text (text='tfidf' encodes it)",
        "name": "400 different values in 400 training rows",
        "constant": "every training row holds the same value",
        "empty": "no training row holds a value",
    }
    assert encoder.notes_ == [
        "cabin is split at '/' into 3 parts",
        "day is read as a date",
        "text day is read as a date",
        "sentence is left out: free text (text='tfidf' encodes it)",
        "name is left out: 400 different values in 400 training rows",
        "constant is left out: every training row holds the same value",
        "empty is left out: no training row holds a value",
    ]
    assert list(DefaultEncoder(text="tfidf").fit(*mixed).left_out_) == ["name", "constant", "empty"]


def test_transform_does_not_learn_and_rows_do_not_look_at_each_other(mixed):
    frame, y = mixed
    encoder = DefaultEncoder(text="tfidf").fit(frame.iloc[:300], y[:300])
    new = frame.iloc[300:]
    together = encoder.transform(new)
    assert (encoder.transform(new.iloc[::-1])[::-1] == together).all()
    assert encoder.transform(new.iloc[[7]]) == pytest.approx(together[[7]], abs=1e-6)
    encoder.transform(new.assign(float=1e9, many="never seen"))
    assert (encoder.transform(new) == together).all()


def test_huge_infinite_and_unseen_values_stay_finite(mixed):
    frame, y = mixed
    encoder = DefaultEncoder().fit(frame, y)
    odd = frame.head(4).assign(
        float=[1e300, -1e300, np.inf, -np.inf], skewed=[1e300, -1e300, np.inf, 0], many="never seen", cabin="no parts",
    )  # fmt: skip
    out = encoder.transform(odd)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 30


def test_clone_pickle_and_parameters(mixed):
    frame, y = mixed
    encoder = DefaultEncoder(pieces=3, max_one_hot=5).fit(frame, y)
    again = clone(encoder)
    assert again.get_params() == {
        "pieces": 3, "max_one_hot": 5, "min_frequency": 10, "text": "leave", "for_trees": False, "max_width": 1000,
    }  # fmt: skip
    assert not hasattr(again, "columns_")
    assert (again.fit(frame, y).transform(frame) == encoder.transform(frame)).all()
    assert (pickle.loads(pickle.dumps(encoder)).transform(frame) == encoder.transform(frame)).all()


@pytest.mark.parametrize(
    ("parameter", "value", "words"),
    [
        ("pieces", -1, "pieces must be a whole number, 0 or more, got -1"),
        ("max_one_hot", 1, "max_one_hot must be a whole number, 2 or more, got 1"),
        ("min_frequency", 0.5, "min_frequency must be a whole number, 1 or more, got 0.5"),
        ("text", "drop", "text must be one of 'leave', 'tfidf', got 'drop'"),
        ("for_trees", 1, "for_trees must be True or False, got 1"),
        ("max_width", 0, "max_width must be a whole number, 2 or more, got 0"),
    ],
)
def test_parameters_are_checked_in_fit(mixed, parameter, value, words):
    encoder = DefaultEncoder(**{parameter: value})
    with pytest.raises(UsageError, match=f"DefaultEncoder: {words}"):
        encoder.fit(*mixed)


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(DataError, match="no column can be used of 3 samples: a is left out: every training row"):
        DefaultEncoder().fit(pd.DataFrame({"a": [1, 1, 1]}))


def test_other_columns_than_those_of_fit_are_named(mixed):
    frame, y = mixed
    encoder = DefaultEncoder().fit(frame, y)
    with pytest.raises(ValueError, match="should match those that were passed during fit(.|\n)*float"):
        encoder.transform(frame.drop(columns="float"))


def test_numbers_are_filled_standardised_and_told_where_missing():
    age = [10.5, np.nan, 20, 30, 60] * 10
    columns = encoded(DefaultEncoder(pieces=0), pd.DataFrame({"age": age, "size": [1, 2.5, 3, 4, 5] * 10}))
    assert list(columns) == ["age", "size", "age missing"]
    filled = np.array([10.5, 25, 20, 30, 60])
    assert columns["age"][:5] == pytest.approx((filled - filled.mean()) / filled.std(), abs=1e-6)
    assert columns["age missing"][:5].tolist() == [0, 1, 0, 0, 0]


def test_gaps_that_training_rows_do_not_have_become_the_median():
    frame = pd.DataFrame({"a": [1.0, 2, 3, 4, 7.5] * 10})
    encoder = DefaultEncoder(pieces=0).fit(frame)
    assert encoder.transform(pd.DataFrame({"a": [np.nan]})) == encoder.transform(pd.DataFrame({"a": [3.0]}))


def test_truth_values_are_numbers_with_gaps():
    frame = pd.DataFrame({"vip": pd.array([True, False, None, True] * 5, dtype="boolean")})
    columns = encoded(DefaultEncoder(), frame)
    assert list(columns) == ["vip", "vip missing"]
    assert (columns["vip"][:4] > 0).tolist() == [True, False, True, True]
    assert columns["vip missing"][:4].tolist() == [0, 0, 1, 0]
    objects = frame.astype(object).where(frame.notna(), None)
    assert (DefaultEncoder().fit_transform(objects) == DefaultEncoder().fit_transform(frame)).all()


def test_heavy_tails_are_tamed_and_others_are_not():
    rng = np.random.default_rng(0)
    tail = np.where(rng.random(500) < 0.6, 0.0, np.exp(rng.normal(5, 2, 500)))
    columns = encoded(DefaultEncoder(pieces=0), pd.DataFrame({"tail": tail, "even": rng.random(500)}))
    logs = np.log1p(tail / np.median(tail[tail > 0]))
    assert columns["tail"] == pytest.approx(np.clip((logs - logs.mean()) / logs.std(), -4, 4), abs=1e-5)
    assert columns["even"].max() < 2


def test_pieces_fill_bins_between_quantiles():
    frame = pd.DataFrame({"a": np.arange(101) + 0.5})
    encoder = DefaultEncoder(pieces=4).fit(frame)
    assert encoder.get_feature_names_out().tolist() == ["a", *(f"a piece {i}/4" for i in range(1, 5))]
    out = encoder.transform(pd.DataFrame({"a": [-9.0, 13.0, 63.0, 999.0]}))[:, 1:]
    assert out == pytest.approx(np.array([[0, 0, 0, 0], [0.5, 0, 0, 0], [1, 1, 0.5, 0], [1, 1, 1, 1]]), abs=1e-5)


def test_whole_numbers_of_few_values_get_a_column_each():
    frame = pd.DataFrame({"class": [1, 2, 3, 3] * 20})
    columns = encoded(DefaultEncoder(), frame)
    assert list(columns) == ["class", "class = 1", "class = 2", "class = 3"]
    assert columns["class = 3"][:4].tolist() == [0, 0, 1, 1]
    assert DefaultEncoder().fit(frame).transform(pd.DataFrame({"class": [9]}))[0, 1:].tolist() == [0, 0, 0]


def test_few_categories_one_hot_rare_and_unseen_together_missing_alone():
    frame = pd.DataFrame({"deck": ["A"] * 20 + ["B"] * 20 + [None] * 20 + ["C", "D", "C"]})
    encoder = DefaultEncoder(min_frequency=5)
    encoder.fit(pd.concat([frame, *[frame[:60]] * 9], ignore_index=True))
    assert encoder.get_feature_names_out().tolist() == ["deck is missing", "deck is A", "deck is B", "deck is rare"]
    new = pd.DataFrame({"deck": ["A", None, "D", "never seen"]})
    assert encoder.transform(new).tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]]


def test_unseen_categories_are_zeros_where_none_is_rare():
    encoder = DefaultEncoder().fit(pd.DataFrame({"sex": ["f", "m"] * 30}))
    assert encoder.transform(pd.DataFrame({"sex": ["m", "x", None]})).tolist() == [[0, 1], [0, 0], [0, 0]]


def test_numbers_and_truth_values_of_categorical_columns_are_categories():
    frame = pd.DataFrame({"zone": pd.Categorical([3, 5, 3, 5] * 10)})
    assert DefaultEncoder().fit(frame).get_feature_names_out().tolist() == ["zone is 3", "zone is 5"]


@pytest.fixture
def towns():
    """Forty towns, each with a mean of its own."""
    rng = np.random.default_rng(1)
    town = rng.integers(0, 40, 2000)
    means = rng.normal(size=40)
    return pd.DataFrame({"town": [f"t{i}" for i in town]}), means[town] + 0.1 * rng.normal(size=2000), means


def test_many_categories_become_their_mean_target(towns):
    frame, y, means = towns
    encoder = DefaultEncoder().fit(frame, y)
    assert encoder.get_feature_names_out().tolist() == ["mean of town"]
    of_towns = encoder.transform(pd.DataFrame({"town": [f"t{i}" for i in range(40)]})).ravel()
    assert np.corrcoef(of_towns, means)[0, 1] > 0.999
    unseen = encoder.transform(pd.DataFrame({"town": ["never seen", None]})).ravel()
    overall = encoder.encoders_["category"].scaler_.transform([[y.mean()]]).item()
    assert unseen == pytest.approx([overall, overall], abs=1e-5)


def test_mean_target_of_classes(towns):
    frame, y, _ = towns
    assert DefaultEncoder().fit_transform(frame, (y > 0).astype(int)).shape == (2000, 1)
    three = np.digitize(y, [-0.5, 0.5])
    encoder = DefaultEncoder().fit(frame, three)
    assert encoder.get_feature_names_out().tolist() == [f"mean of town ({i})" for i in (1, 2, 3)]
    assert (
        DefaultEncoder().fit_transform(frame, np.array(list("abc"))[three]) == encoder.fit_transform(frame, three)
    ).all()


def test_without_a_target_many_categories_are_pooled(towns):
    assert DefaultEncoder(max_one_hot=10).fit(towns[0]).get_feature_names_out().tolist()[-1] == "town is rare"
    assert DefaultEncoder(max_one_hot=10).fit_transform(towns[0]).shape == (2000, 10)


def test_a_training_row_does_not_hear_of_its_own_label(towns):
    frame, y, _ = towns
    for row in range(5):
        changed = y.copy()
        changed[row] += 1000.0
        ours, theirs = (TargetMeans().fit_transform(frame, target)[row] for target in (y, changed))
        assert ours == theirs


def test_rows_of_a_group_do_not_hear_of_each_other(towns):
    frame, y, _ = towns
    groups = np.arange(len(y)) // 2
    changed = y.copy()
    changed[0] += 1000.0
    ours, theirs = (TargetMeans().fit_transform(frame, target, groups)[:2] for target in (y, changed))
    assert (ours == theirs).all()
    y_of_groups = np.random.default_rng(0).integers(0, 2, 1000)[groups]
    secret = pd.DataFrame({"group": [f"g{g // 2}" for g in groups], "x": np.random.default_rng(0).normal(size=2000)})
    told = [
        roc_auc_score(y_of_groups, DefaultEncoder().fit_transform(secret, y_of_groups, of_rows)[:, -1])
        for of_rows in (None, groups)
    ]
    assert told[0] > 0.7 > 0.55 > told[1]


def test_noise_of_many_categories_stays_noise():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"c{i}": [f"v{v}" for v in rng.integers(0, 200, 800)] for i in range(4)})
    y = rng.integers(0, 2, 800)
    model = make_pipeline(DefaultEncoder(), LogisticRegression())
    proba = cross_val_predict(
        model, frame, y, cv=StratifiedKFold(5, shuffle=True, random_state=0), method="predict_proba"
    )
    assert 0.45 < roc_auc_score(y, proba[:, 1]) < 0.55
    seen = model[0].fit_transform(frame, y)
    assert 0.45 < roc_auc_score(y, LogisticRegression().fit(seen, y).decision_function(seen)) < 0.6


def test_values_are_split_at_a_sign():
    cabins = [f"{'ABC'[i % 3]}/{i}/{'PS'[i % 2]}" for i in range(60)] + [None] * 3
    columns = encoded(DefaultEncoder(pieces=0), pd.DataFrame({"cabin": cabins}))
    assert list(columns) == [
        "cabin[1]", "cabin[1] missing", "cabin[0] is missing", "cabin[0] is A", "cabin[0] is B", "cabin[0] is C",
        "cabin[2] is missing", "cabin[2] is P", "cabin[2] is S",
    ]  # fmt: skip
    assert np.argsort(columns["cabin[1]"][:60]).tolist() == list(range(60))
    assert columns["cabin[0] is B"][:4].tolist() == [0, 1, 0, 0]


def test_dates_become_parts(mixed):
    frame, _ = mixed
    as_text, as_dates = (
        encoded(DefaultEncoder(pieces=0), frame[[name]].rename(columns={name: "d"})) for name in ("text day", "day")
    )
    assert [name for name in as_text if "missing" in name] == ["d days missing"]
    known = frame["text day"].notna().to_numpy()
    days = (frame["day"] - pd.Timestamp(2011, 1, 1)).dt.total_seconds()
    assert np.corrcoef(as_text["d days"][known], days[known])[0, 1] == pytest.approx(1)
    assert (as_dates["d weekday = 2"] == (frame["day"].dt.day_of_week == 2)).all()
    assert set(as_dates) == {
        "d days", "d year", "d month", "d day", "d weekday", "d hour", "d sine of year", "d cosine of year",
        "d sine of day", "d cosine of day", *(f"d year = {year}" for year in (2011, 2012, 2013)),
        *(f"d weekday = {i}" for i in range(7)),
    }  # fmt: skip


@pytest.mark.parametrize("written", ["%Y/%m/%d", "%m/%d/%Y", "%d.%m.%Y", "%m/%d/%Y %H:%M", "%Y-%m-%dT%H:%M:%SZ"])
def test_dates_are_read_as_they_are_written(written):
    days = pd.Series(pd.date_range("2011-01-01", periods=80, freq="5D"))
    encoder = DefaultEncoder(pieces=0)
    columns = encoded(encoder, pd.DataFrame({"d": days.dt.strftime(written)}))
    assert np.allclose(np.diff(columns["d days"]), np.diff(columns["d days"])[0], atol=1e-5)
    assert np.isfinite(encoder.transform(pd.DataFrame({"d": ["no date", None]}))).all()


def test_trees_get_numbers_as_they_are():
    frame = pd.DataFrame({"a": [1.0, 1e6, np.nan, 3.0] * 10, "c": list("xyzx") * 10})
    columns = encoded(DefaultEncoder(for_trees=True), frame)
    assert columns["a"][:4].tolist() == [1, 1e6, 3, 3]
    assert "a missing" in columns


@pytest.mark.parametrize(("classes", "max_width"), [(2, 1000), (2, 100), (9, 100), (3, 200), (2, 2)])
def test_width_is_bounded(classes, max_width):
    rng = np.random.default_rng(0)
    many = {f"c{i}": [f"v{v}" for v in rng.integers(0, 100, 200)] for i in range(4)}
    few = {f"f{i}": [f"v{v}" for v in rng.integers(0, 19, 200)] for i in range(12)}
    numbers = {f"n{i}": rng.normal(size=200) for i in range(12)}
    frame, y = pd.DataFrame(many | few | numbers), rng.integers(0, classes, 200)
    encoder = DefaultEncoder(max_one_hot=30, pieces=50, max_width=max_width)
    width = encoder.fit_transform(frame, y).shape[1]
    assert width <= max(max_width, 2 * frame.shape[1])
    assert width > 0.6 * max_width
    assert encoder.set_params(for_trees=True).fit_transform(frame, y).shape[1] <= max(max_width, 2 * frame.shape[1])


def test_text_as_components(mixed):
    frame, y = mixed
    out = encoded(DefaultEncoder(text="tfidf"), frame[["sentence"]], y)
    assert list(out) == [f"sentence {i}" for i in range(1, 7)]
    good = frame["sentence"].fillna("").str.count("good").to_numpy()
    assert (
        LogisticRegression(max_iter=500)
        .fit(np.column_stack(list(out.values())), good > 0)
        .score(np.column_stack(list(out.values())), good > 0)
        > 0.95
    )


def test_a_fold_without_a_value_leaves_the_column_out(mixed):
    frame, y = mixed
    frame = frame.assign(late=np.r_[np.full(300, np.nan), np.arange(100.0)])
    encoder = DefaultEncoder().fit(frame[:300], y[:300])
    assert encoder.left_out_["late"] == "no training row holds a value"
    assert np.isfinite(encoder.transform(frame[300:])).all()


def test_columns_of_the_same_name_as_a_part():
    frame = pd.DataFrame({"c[0]": np.arange(60.0) % 7 + 0.5, "c": [f"{i}/{i}" for i in range(60)]})
    names = DefaultEncoder(pieces=0).fit(frame).get_feature_names_out().tolist()
    assert names == ["c[0]", "c[0] (1)", "c[1]"]


@pytest.mark.parametrize("for_trees", [False, True])
def test_scikit_learns_checks(for_trees):
    done = check_estimator(DefaultEncoder(for_trees=for_trees), on_skip=None)
    assert sum(check["status"] == "passed" for check in done) >= 40
