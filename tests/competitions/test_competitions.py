"""The contract that every folder of `competitions/` keeps; a new one is found by itself."""

import os
import pickle
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pipelines.competition import Competition
from pipelines.data.sources import from_folder, from_sample
from pipelines.data.tables import read
from pipelines.errors import UsageError
from pipelines.features import frames
from pipelines.features.frames import features_of
from pipelines.settings.lookup import load, names
from pipelines.submission import linter, writer
from pipelines.validation import crossval
from pipelines.validation.conditions import as_inputs
from pipelines.validation.crossval import Plan
from pipelines.validation.estimators import fit_one, fits_of
from pipelines.validation.splits import split

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", params=names())
def competition(request) -> Competition:
    return load(request.param)


@pytest.fixture(scope="module")
def source(competition):
    return from_sample(competition)


@pytest.fixture(scope="module")
def data(competition, source):
    return read(competition, source)


@pytest.fixture(scope="module")
def features(competition, data):
    return frames.make_features(competition, data)


def networks(competition):
    return [variant for variant in competition.variants.values() if variant.make_model is not None]


def test_it_is_one_frozen_value(competition):
    with pytest.raises(FrozenInstanceError):
        competition.slug = "other"


def test_it_is_found_by_slug_and_url(competition):
    assert load(competition.slug) is competition
    assert load(competition.url + "/overview") is competition


def test_unknown_names_list_the_known_ones():
    with pytest.raises(UsageError, match="known: .*titanic"):
        load("https://www.kaggle.com/c/house-prices")


def test_the_sample_is_the_same_each_time_and_has_every_class(competition, source, data):
    assert from_sample(competition).files == source.files
    known = set(range(len(competition.classes)))
    assert set(data.y) == known if competition.number is None else len(set(data.y)) > 1


def test_features_never_see_the_target(competition, data):
    seen, own = [], competition.add_features or (lambda frame: frame)
    spied = replace(competition, add_features=lambda frame, **more: seen.append(list(frame)) or own(frame, **more))
    frames.make_features(spied, data)
    assert competition.target not in seen[0]


def test_encoders_are_new_each_time_and_give_finite_float32_or_bytes(competition, data, features):
    for variant in networks(competition):
        encoder = variant.make_encoder()
        assert variant.make_encoder() is not encoder
        X = encoder.fit_transform(features.train, data.y)
        unseen = encoder.transform(features.test)
        assert X.dtype == unseen.dtype
        assert X.dtype in (np.float32, np.uint8)
        assert X.shape == (len(data.train), unseen.shape[1])
        assert np.isfinite(X).all()
        assert np.isfinite(unseen).all()


def test_encoders_survive_columns_of_gaps(competition, data, features):
    nullable = [name for name, column in competition.schema.columns.items() if column.nullable]
    emptied = {name: data.test[name].where(data.test[name].isna()) for name in nullable}
    gaps = features_of(competition, data.test.assign(**emptied), data.more)
    for variant in networks(competition):
        encoder = variant.make_encoder()
        encoder.fit(features.train, data.y)
        assert np.isfinite(encoder.transform(gaps)).all()


def test_models_are_new_each_time_and_return_logits(competition, data, features):
    for variant in networks(competition):
        of_rows = as_inputs(variant.make_encoder().fit_transform(features.train, data.y)[:5])
        inputs = of_rows * 3 if of_rows.is_floating_point() else of_rows
        model, other = (variant.make_model(inputs.shape[1], competition.n_outputs) for _ in range(2))
        assert not {id(p) for p in model.parameters()} & {id(p) for p in other.parameters()}
        outputs = model.eval()(inputs)
        assert outputs.shape == (5, competition.n_outputs)
        assert not torch.allclose(outputs.sum(dim=1), torch.ones(5))


def test_estimators_predict_every_class_or_a_number(competition, features):
    """Gaps and unseen categories are theirs to bear, too; on few rows, which stand in no order."""
    few = replace(
        features, train=features.train[::4].reset_index(drop=True), y=features.y[::4], rows=None, groups=None, time=None
    )
    if competition.number is None and np.bincount(few.y, minlength=competition.n_outputs).min() < 2:
        few = replace(features, rows=None, groups=None, time=None)  # many classes of a few rows each
    folds = split(few.y, 2, 0)
    plan = Plan(folds=2, seeds=1, variants=competition.variants)
    for fit in fits_of(plan, competition.variants)[::2]:
        said = fit_one(competition, few, folds, fit)
        assert said.scored.shape == (1, len(folds[0].scored), competition.n_outputs)
        assert said.test.shape == (len(features.test), competition.n_outputs)


def test_variants_can_be_pickled(competition):
    """Groups of jobs go to other processes."""
    for name, variant in competition.variants.items():
        assert pickle.loads(pickle.dumps(variant)).recipe == variant.recipe, name


def test_baselines_predict_probabilities_of_every_class_or_a_number(competition, data, features):
    few = slice(None, None, 4)  # the rows stand in no order
    for make in (make for make in competition.baselines.values() if make is not None):
        model = make().fit(features.train[few], data.y[few])
        said = model.predict_proba(features.test) if competition.classes else model.predict(features.test)
        assert said.reshape(len(data.test), -1).shape == (len(data.test), competition.n_outputs)
    if competition.published:
        assert competition.published.baseline in competition.baselines


def test_presets(competition):
    assert {"fast", "best"} <= set(competition.presets)
    assert all(preset.folds >= 2 and preset.seeds >= 1 for preset in competition.presets.values())
    assert all(set(preset.variants) <= set(competition.variants) for preset in competition.presets.values())
    assert all(preset.variants for preset in competition.presets.values())


def csv_at_random(competition, tables):
    rng, n_test = np.random.default_rng(0), len(tables.test)
    if competition.classes:
        said = rng.dirichlet(np.ones(len(competition.classes)), n_test)
    else:
        said = rng.choice(tables.y, (n_test, 1))
    return writer.to_csv(competition, tables.sample_submission, tables.test[competition.key], said)


def test_random_predictions_go_through_writer_and_linter(competition, source, data):
    csv = csv_at_random(competition, data)
    assert linter.lint(competition, csv, source.files[competition.sample_submission]) == []
    assert linter.lint(competition, source.files[competition.sample_submission],
                           source.files[competition.sample_submission]) != []  # fmt: skip


def test_the_sample_can_be_learned(competition, features):
    """Two folds and a few epochs beat what knows no columns by more than twice the error of the difference."""
    own = networks(competition)[0]
    few = Plan(folds=2, seeds=1, variants={"network": replace(own, recipe=replace(own.recipe, epochs=15))})
    result = crossval.cross_validate(competition, features, few)
    blind = next(row for row in result.baselines if row.name in {"majority class", "class shares", "mean", "median"})
    assert blind.gain > 2 * blind.gain_se


def real_source(competition):
    """The competition's own files, from data/ or HOMEWORK_DATA."""
    for root in (ROOT / "data", Path(os.environ.get("HOMEWORK_DATA", ROOT / "data"))):
        if (root / competition.slug).is_dir():
            return from_folder(competition, root / competition.slug)
    return pytest.skip(f"the files of {competition.slug} are neither in data/ nor where HOMEWORK_DATA says")


@pytest.mark.real_data
def test_the_real_files_keep_the_contract(competition, data):
    """They are read, encoded, written and linted as the made rows are, of which none is one of theirs."""
    source = real_source(competition)
    tables = read(competition, source)
    if competition.classes:
        assert set(tables.y) == set(range(len(competition.classes)))
    features = frames.make_features(competition, tables)
    few = split(tables.y, 5, 0, features.twins, groups=features.groups, time=features.time)[-1].scored[:2000]
    for variant in competition.variants.values():
        if variant.make_encoder is not None:
            encoder = variant.make_encoder()
            encoder.fit(features.train.iloc[few], tables.y[few])
            assert np.isfinite(encoder.transform(features.test[:2000])).all()
    csv = csv_at_random(competition, tables)
    assert linter.lint(competition, csv, source.files[competition.sample_submission]) == []
    made, real = ({*hashed(competition, of.train), *hashed(competition, of.test)} for of in (data, tables))
    assert data.train.shape[1] < 7 or not made & real  # few values in few columns agree by chance


def hashed(competition, rows):
    return pd.util.hash_pandas_object(rows.drop(columns=competition.key), index=False)
