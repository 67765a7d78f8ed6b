"""Every mistake of the gallery does damage, and doing it right does not."""

import pytest
from typer.testing import CliRunner

from lectures.mistakes.gallery import find, gallery
from pipelines.__main__ import app
from pipelines.errors import UsageError

LESS_IS_BETTER = {"log loss", "trainings that fail", "test rows without prediction", "problems found by the linter",
                  "distance from the mean loss", "missing values left (pandas 3)"}  # fmt: skip


@pytest.mark.parametrize("mistake", gallery(), ids=lambda mistake: mistake.name)
def test_the_damage_is_there(mistake):
    if mistake.name == "fillna":
        pytest.importorskip("pandas", minversion="3")
    wrong, right = mistake.run(0)  # `mistakes all` takes three seeds
    if mistake.measure in LESS_IS_BETTER:
        assert wrong > right
    elif "/" in mistake.measure:
        assert wrong > right + 0.02  # what is believed is better than what is true
    else:
        assert wrong < right - 0.02


def test_known_damage_has_its_size():
    by_name = {mistake.name: mistake for mistake in gallery()}
    assert by_name["one-hot"].run(0)[0] > 3  # a wrong certainty costs 34.5
    wrong, right = by_name["softmax"].run(0)
    assert 1.5 < wrong < 2.31  # nearly log 10: through two softmaxes hardly any gradient comes
    assert right < 0.5
    assert by_name["batch-of-one"].run(0) == (1.0, 0.0)
    assert by_name["last-loss"].run(0)[1] < 1e-6


def test_names_are_unique_and_guards_are_named():
    names = [mistake.name for mistake in gallery()]
    assert len(set(names)) == len(names) >= 20
    assert all(mistake.guard and mistake.what for mistake in gallery())


def test_the_command_lists_and_runs():
    listed = CliRunner().invoke(app, ["mistakes"])
    assert listed.exit_code == 0
    assert all(mistake.name in listed.output for mistake in gallery())
    assert listed.output.splitlines()[-1].endswith(f"mistakes {gallery()[0].name}, or: mistakes all")
    ran = CliRunner().invoke(app, ["mistakes", "batch-of-one", "--seeds", "2"])
    assert ran.exit_code == 0
    assert "wrong    1.0000 ± 0.000 (sd over 2 seeds)" in ran.output
    assert "right    0.0000" in ran.output


def test_an_unknown_mistake_is_a_usage_error():
    with pytest.raises(UsageError, match="no mistake 'sofmax'; known: sex-rule"):
        find("sofmax")
    assert CliRunner().invoke(app, ["mistakes", "sofmax"]).exit_code == 2
