"""Digit Recognizer: files without ids, pixels as bytes, images of the made digits."""

import numpy as np
import pytest

from competitions.digit_recognizer.competition import OnPixels
from competitions.digit_recognizer.sample import make_sample
from pipelines.data.sources import from_sample
from pipelines.data.tables import read
from pipelines.features.frames import make_features
from pipelines.settings.lookup import load
from pipelines.submission import linter, writer
from pipelines.validation.conditions import as_inputs


@pytest.fixture(scope="module")
def digits():
    return load("digit-recognizer")


@pytest.fixture(scope="module")
def tables(digits):
    return read(digits, from_sample(digits))


def test_pixels_are_bytes_from_the_file_to_the_features(digits, tables):
    features = make_features(digits, tables)
    for rows, n in ((features.train, 300), (features.test, 100)):
        assert rows.shape == (n, 784)
        assert set(rows.dtypes) == {np.dtype("uint8")}
    given = make_sample()["test.csv"]
    np.testing.assert_array_equal(features.test, given)  # in the order of the file


def test_rows_without_ids_go_out_numbered_from_1(digits, tables):
    said = np.eye(10)[np.arange(100) % 10]
    csv = writer.to_csv(digits, tables.sample_submission, tables.test[digits.key], said)
    assert csv.decode().splitlines()[:4] == ["ImageId,Label", "1,0", "2,1", "3,2"]
    assert csv.decode().splitlines()[-1] == "100,9"
    assert linter.lint(digits, csv, from_sample(digits).files["sample_submission.csv"]) == []


def test_networks_see_an_image_as_it_is_drawn(digits):
    """Rows from top to bottom, and from 0 to 1."""
    seen = []
    variant = digits.variants["convolutions"]
    model = variant.make_model(784, 10)
    assert isinstance(model, OnPixels)
    model.images.register_forward_pre_hook(lambda _model, inputs: seen.append(inputs[0]))
    pixels = as_inputs(variant.make_encoder().fit_transform(make_sample()["test.csv"]))[:3]
    model(pixels)
    assert seen[0].shape == (3, 1, 28, 28)
    np.testing.assert_allclose(seen[0][2, 0, 5], pixels[2, 5 * 28 : 6 * 28] / 255, atol=1e-7)
