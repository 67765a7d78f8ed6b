"""The contract that every folder of `competitions/` keeps; a new one is found by itself."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch

from pipelines.competition import Competition, load, names
from pipelines.data import tables as raw
from pipelines.data.sources import from_sample
from pipelines.errors import UsageError
from pipelines.submission import writer as submission
from pipelines.validation import crossval as validation
from pipelines.validation.folds import Plan


@pytest.fixture(scope="module", params=names())
def competition(request) -> Competition:
    return load(request.param)


@pytest.fixture(scope="module")
def source(competition):
    return from_sample(competition)


@pytest.fixture(scope="module")
def data(competition, source):
    return raw.read(competition, source)


@pytest.fixture(scope="module")
def features(competition, data):
    return validation.make_features(competition, data)


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
    assert set(data.y) == set(range(len(competition.classes)))


def test_features_never_see_the_target(competition, data):
    seen = []
    spied = replace(competition, add_features=lambda frame: seen.append(list(frame)) or competition.add_features(frame))
    validation.make_features(spied, data)
    assert competition.target not in seen[0]
    assert competition.id_column not in seen[0]


def test_the_encoder_is_new_each_time_and_gives_finite_float32(competition, data, features):
    encoder = competition.make_encoder()
    assert competition.make_encoder() is not encoder
    X = encoder.fit_transform(features.train, data.y)
    unseen = encoder.transform(features.test)
    assert X.dtype == unseen.dtype == np.float32
    assert X.shape == (len(data.train), unseen.shape[1])
    assert np.isfinite(X).all()
    assert np.isfinite(unseen).all()


def test_the_encoder_survives_columns_of_gaps(competition, data, features):
    encoder = competition.make_encoder()
    encoder.fit(features.train, data.y)
    nullable = [name for name, column in competition.schema.columns.items() if column.nullable]
    emptied = {name: data.test[name].where(data.test[name].isna()) for name in nullable}
    gaps = competition.add_features(data.test.drop(columns=competition.id_column).assign(**emptied))
    assert np.isfinite(encoder.transform(gaps)).all()


def test_the_model_is_new_each_time_and_returns_logits(competition):
    model = competition.make_model(7, len(competition.classes))
    other = competition.make_model(7, len(competition.classes))
    assert not {id(p) for p in model.parameters()} & {id(p) for p in other.parameters()}
    model.eval()
    outputs = model(torch.randn(5, 7) * 3)
    assert outputs.shape == (5, len(competition.classes))
    assert not torch.allclose(outputs.sum(dim=1), torch.ones(5))


def test_baselines_predict_probabilities_of_every_class(competition, data, features):
    for make in competition.baselines.values():
        proba = make().fit(features.train, data.y).predict_proba(features.test)
        assert proba.shape == (len(data.test), len(competition.classes))
    if competition.published:
        assert competition.published.baseline in competition.baselines


def test_presets(competition):
    assert {"fast", "best"} <= set(competition.presets)
    assert all(preset.folds >= 2 and preset.seeds >= 1 for preset in competition.presets.values())
    assert all(set(preset.variants) <= set(competition.all_variants) for preset in competition.presets.values())
    assert all(preset.variants for preset in competition.presets.values())


def test_random_predictions_go_through_writer_and_linter(competition, source, data):
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(len(competition.classes)), len(data.test))
    csv = submission.to_csv(competition, data.sample_submission, data.test[competition.id_column], proba)
    assert submission.lint(competition, csv, source.files[competition.sample_submission]) == []
    assert submission.lint(competition, source.files[competition.sample_submission],
                           source.files[competition.sample_submission]) != []  # fmt: skip


def test_the_sample_can_be_learned(competition, features):
    """Two folds and a few epochs beat what knows no columns by more than twice the error of the difference."""
    own = competition.all_variants["network"]
    few = Plan(folds=2, seeds=1, variants={"network": replace(own, recipe=replace(own.recipe, epochs=15))})
    result = validation.cross_validate(competition, features, few)
    blind = next(row for row in result.baselines if row.name in {"majority class", "class shares"})
    assert blind.gain > 2 * blind.gain_se
