"""What a report says of a run whose variant was found by a search."""

import base64
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pipelines.errors import UsageError
from pipelines.pages.parts import Chart, Code, Picture, Table, Text
from pipelines.pages.sections.origin import PNG, tuned
from pipelines.pages.sections.subject import Subject
from pipelines.pages.words import Words
from pipelines.runs.folder import new_folder
from pipelines.settings.tuned import PICTURE, Candidate, Tuned, keep_copy
from pipelines.submission.record import Record, VariantScore

FOUND = Tuned(
    slug="titanic", candidate=Candidate(base="network", hidden=(8,)), study="tune-network-0", metric="accuracy",
    score=0.8412, se=0.0123, gain=0.0034, gain_se=0.0051, verdict="not told apart", line="mlp(8, recipe=Recipe())",
    depths=((0, 9, 3, 0.8312, 0.0125), (1, 20, 8, 0.8412, 0.0123), (2, 4, 0, None, None)),
)  # fmt: skip


@pytest.fixture
def subject_of(titanic, tmp_path):
    def make(language, *names):
        variants = [VariantScore(name=name, score=0.8, seed_scores=[0.8], weight=1.0) for name in names]
        record = Record(slug="titanic", data="folder", preset="fast", folds=5, seeds=1, variants=variants)
        return Subject(SimpleNamespace(path=tmp_path, record=record, competition=titanic), Words(language))

    return make


def test_a_run_of_the_tuned_variant_shows_the_gain_and_the_depths(subject_of, tmp_path):
    FOUND.save(tmp_path)
    section = tuned(subject_of("en", "network", "tuned"))
    assert "Against network, on rows that the search had not seen: +0.0034 ± 0.0051 accuracy, not told apart." in (
        section.lead.replace("\u2212", "-")
    )
    chart, table, note, code = section.parts
    assert [row[:3] for row in table.rows] == [["0", "9", "3"], ["1", "20", "8"], ["2", "4", "0"]]
    assert (table.rows[1][3], table.rows[2][3]) == ("0.8412 ± 0.0123", "–")
    assert "<svg" in chart.svg
    assert code.text == '"tuned": mlp(8, recipe=Recipe()),'
    assert "tune-network-0" in note.text


def test_the_picture_of_the_search_is_in_the_page_itself(subject_of, tmp_path):
    runs, run = tmp_path / "titanic", tmp_path
    png = PNG + b"drawn"
    (runs / FOUND.study).mkdir(parents=True)
    FOUND.save(runs)
    (runs / FOUND.study / PICTURE).write_bytes(png)
    keep_copy(runs, run, tuned=True)
    assert ((run / PICTURE).read_bytes(), Tuned.load(run, "titanic")) == (png, FOUND)
    subject = subject_of("en", "tuned")
    picture = tuned(subject).parts[-1]
    assert picture == Picture("The search in pictures", png, (
        "Plots of the search's candidates: in the order of their trial, and by what was chosen. "
        "The best has accuracy 0.8412."
    ))  # fmt: skip
    assert "accuracy 0.8412" in tuned(subject_of("zh", "tuned")).parts[-1].alt
    assert picture.address == f"data:image/png;base64,{base64.b64encode(png).decode()}"
    (runs / FOUND.study / PICTURE).unlink()
    keep_copy(runs, run, tuned=True)
    assert [each.name for each in run.iterdir() if each.is_file()] == ["tuned.json"]
    (run / PICTURE).write_bytes(b"<svg onload=alert(1)>")
    assert [type(each) for each in tuned(subject).parts] == [Chart, Table, Text, Code]
    keep_copy(runs, run, tuned=False)
    assert not (run / PICTURE).exists()


def test_it_is_told_in_chinese_and_without_a_gain(subject_of, tmp_path):
    replace(FOUND, gain=None, gain_se=None, depths=()).save(tmp_path)
    section = tuned(subject_of("zh", "tuned"))
    assert section.lead == "没有测出增益：时间已到。"
    assert len(section.parts) == 3


def test_other_runs_have_no_such_section(subject_of, tmp_path):
    assert tuned(subject_of("en", "tuned")) is None
    FOUND.save(tmp_path)
    assert tuned(subject_of("en", "network")) is None


def test_a_picture_that_cannot_be_read_ends_no_run(tmp_path):
    runs, run = tmp_path / "titanic", tmp_path
    (runs / FOUND.study / PICTURE).mkdir(parents=True)
    FOUND.save(runs)
    keep_copy(runs, run, tuned=True)
    assert (Tuned.load(run, "titanic"), (run / PICTURE).exists()) == (FOUND, False)


@pytest.mark.parametrize("study", ["../elsewhere", "/tune-x", "tune-a/../..", ".", "", "runs", 7])
def test_a_recipe_whose_search_lies_elsewhere_is_refused_and_not_copied(tmp_path, study):
    runs, run = tmp_path / "titanic", tmp_path
    runs.mkdir()
    replace(FOUND, study=study).save(runs)
    with pytest.raises(UsageError, match="is no folder of a search"):
        keep_copy(runs, run, tuned=True)
    assert not (run / "tuned.json").exists()


def test_a_run_that_has_finished_nothing_leaves_no_folder_with_a_picture(tmp_path):
    runs = tmp_path / "titanic"
    FOUND.save(runs)
    (runs / FOUND.study).mkdir()
    (runs / FOUND.study / PICTURE).write_bytes(PNG)
    folder = new_folder(tmp_path, "titanic", "fast")
    keep_copy(runs, folder.path, tuned=True)
    assert (folder.path / PICTURE).is_file()
    folder.remove_if_empty()
    assert not folder.path.exists()
