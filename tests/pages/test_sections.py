"""What a report says: against oracles, in both languages, of hostile names, older runs and rows without a score."""

import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import made_runs
import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, chi2
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, recall_score

import pipelines
from pipelines.pages.parts import Chart, Table, Text
from pipelines.pages.sections import all_sections
from pipelines.pages.sections.confusion import counts_of
from pipelines.pages.sections.learning import Curves, verdict
from pipelines.pages.sections.numbers import tenths_of
from pipelines.pages.sections.reliability import reliability_of
from pipelines.pages.sections.spread import chance_of_folds
from pipelines.pages.sections.subject import wilson
from pipelines.pages.words import Words
from pipelines.pipeline import run
from pipelines.settings.knobs import Knobs
from pipelines.settings.lookup import load

EN, ZH = Words("en"), Words("zh")
NINE = [f"Class_{i}" for i in range(1, 10)]
HOSTILE = ["<script>x()", '"><img src=x>', "A & B", "类别一", "שלום"]


def by_name(sections):
    assert len({each.name for each in sections}) == len(sections)
    return {each.name: each for each in sections}


def charts(sections):
    return [part for each in sections for part in each.parts if isinstance(part, Chart)]


def tables(section):
    return [part for part in section.parts if isinstance(part, Table)]


def words_of(sections):
    """All that a person reads, chart by chart and cell by cell."""
    for each in sections:
        yield from (each.title, each.lead)
        for part in each.parts:
            if isinstance(part, Text):
                yield part.text
            elif isinstance(part, Chart):
                yield from (part.title, part.alt, *(text for text in ET.fromstring(part.svg).itertext()))
            else:
                yield from (part.title, *part.columns, *(cell for row in part.rows for cell in row))


@pytest.fixture(scope="module", autouse=True)
def nobody_has_practised():
    """Whatever the working directory holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.pages.sections.board.PRACTICE", Path("nowhere"))
        yield


@pytest.fixture(scope="module")
def runs(titanic):
    return {
        "binary": made_runs.with_importance(made_runs.of_classes(titanic, (0, 1), names=("network", "trees"))),
        "nine": made_runs.of_classes(titanic, NINE),
        "number": made_runs.of_number(titanic, names=("network", "trees")),
        "plain number": made_runs.of_number(titanic, transform="identity"),
    }


@pytest.fixture(scope="module")
def told(runs):
    return {name: (all_sections(of, EN), all_sections(of, ZH)) for name, of in runs.items()}


COMMON = ["learning", "folds", "importance", "hardest", "leaks", "cost", "environment", "record"]
CLASSES, NUMBERS = ["confusion", "classes", "reliability"], ["truth", "residuals", "size"]
SECTIONS = {
    "binary": [*COMMON, *CLASSES, "variants"], "nine": [*COMMON, *CLASSES], "number": [*COMMON, *NUMBERS, "variants"],
    "plain number": [*COMMON, *NUMBERS],
}  # fmt: skip


@pytest.mark.parametrize("kind", SECTIONS)
def test_sections_that_say_nothing_are_left_out(kind, told):
    assert set(by_name(told[kind][0])) == set(SECTIONS[kind])
    assert all(each.lead for each in told[kind][0])


@pytest.mark.parametrize("kind", SECTIONS)
def test_both_languages_have_the_same_numbers_tables_and_charts(kind, told):
    english, chinese = told[kind]
    for one, other in zip(english, chinese, strict=True):
        assert one.name == other.name
        assert [type(part) for part in one.parts] == [type(part) for part in other.parts]
        assert [len(part.rows) for part in tables(one)] == [len(part.rows) for part in tables(other)]
        numbers = [Counter(re.findall(r"\d+\.\d+", " ".join(words_of([section])))) for section in (one, other)]
        assert numbers[0] == numbers[1], one.name
        assert re.search("[一-鿿]", other.title + other.lead)
        assert not re.search("[一-鿿]", one.title + one.lead)


@pytest.mark.parametrize("kind", SECTIONS)
def test_ids_are_unique_over_a_whole_report_and_all_charts_have_words(kind, told):
    drawn = charts(told[kind][0])
    ids = [each.attrib["id"] for chart in drawn for each in ET.fromstring(chart.svg).iter() if "id" in each.attrib]
    assert len(ids) == len(set(ids))
    assert all(chart.title and chart.alt for chart in drawn)
    assert sum(len(chart.svg) for chart in drawn) < 1_000_000


def test_the_same_run_is_told_in_the_same_bytes(runs, told):
    again = all_sections(runs["binary"], EN)
    assert [chart.svg for chart in charts(again)] == [chart.svg for chart in charts(told["binary"][0])]


def test_the_confusion_matrix_is_scikit_learns(runs, told):
    kept = runs["nine"].predictions
    wanted = confusion_matrix(kept.y, kept.oof.argmax(axis=1))
    np.testing.assert_array_equal(counts_of(kept.y, kept.oof.argmax(axis=1), 9), wanted)
    true, said, rows, of_class, of_all = tables(by_name(told["nine"][0])["confusion"])[0].rows[0]
    np.fill_diagonal(wanted, 0)
    i, j = NINE.index(true), NINE.index(said)
    assert int(rows) == wanted[i, j] == wanted.max()
    assert of_class == f"{100 * wanted[i, j] / (kept.y == i).sum():.1f}\xa0%"
    assert of_all == f"{100 * wanted[i, j] / wanted.sum():.1f}\xa0%"


def test_recall_of_each_class_is_scikit_learns(runs, told):
    kept = runs["nine"].predictions
    wanted = recall_score(kept.y, kept.oof.argmax(axis=1), average=None)
    rows = tables(by_name(told["nine"][0])["classes"])[0].rows
    assert [row[2] for row in rows] == [f"{100 * each:.1f}\xa0%" for each in sorted(wanted)]
    lead = by_name(told["nine"][0])["classes"].lead
    assert NINE[int(wanted.argmin())] in lead
    assert "The largest part of the log loss comes from Class_" in lead


def test_wilsons_limits_are_scipys():
    low, high = wilson(np.array([3.0, 50.0]), np.array([10, 60]))
    for i, (k, n) in enumerate([(3, 10), (50, 60)]):
        wanted = binomtest(k, n).proportion_ci(method="wilson")
        assert (low[i], high[i]) == pytest.approx((wanted.low, wanted.high), abs=2e-4)


def test_reliability_is_scikit_learns_and_its_error_as_by_hand():
    rng = np.random.default_rng(0)
    p = rng.random(2000) ** 2
    hit = rng.random(2000) < p**1.5
    found = reliability_of(p, hit)
    true, said = calibration_curve(hit, p, n_bins=10)
    np.testing.assert_allclose(found.true[found.n > 0], true)
    np.testing.assert_allclose(found.said[found.n > 0], said)
    place, by_hand = np.minimum((p * 10).astype(int), 9), 0.0
    for each in range(10):
        inside = place == each
        by_hand += inside.sum() / 2000 * abs(p[inside].mean() - hit[inside].mean())
    assert found.ece == pytest.approx(by_hand)
    assert found.ece > found.chance[1] > found.chance[0] > 0
    again = [reliability_of(p[rows], hit[rows]).ece for rows in rng.integers(2000, size=(100, 2000))]
    assert found.se == pytest.approx(np.std(again), rel=0.3)


def test_probabilities_that_hold_are_within_chance():
    rng = np.random.default_rng(1)
    p = rng.random(3000)
    within = [found.ece <= found.chance[1] for found in (reliability_of(p, rng.random(3000) < p) for _ in range(20))]
    assert sum(within) >= 17


@pytest.mark.parametrize(("sharper", "says"), [(3.0, "too sure"), (0.3, "less sure than they may be")])
def test_whether_networks_are_too_sure_is_said(titanic, sharper, says):
    of = made_runs.of_classes(titanic, NINE, n=2000)
    p = of.predictions.oof**sharper
    of.predictions = replace(of.predictions, oof=p / p.sum(axis=1, keepdims=True))
    assert says in by_name(all_sections(of, EN))["reliability"].lead


def test_tenths_are_pandas_and_their_means():
    rng = np.random.default_rng(0)
    values, off = rng.random(1005), rng.normal(size=1005)
    found = tenths_of(values, off)
    groups = pd.Series(off).groupby(pd.qcut(values, 10, labels=False))
    np.testing.assert_allclose(found.off, groups.mean(), atol=0.02)
    assert found.n.sum() == 1005
    np.testing.assert_allclose(found.se, groups.sem(), rtol=0.05)
    assert len(tenths_of(np.ones(50), off[:50]).n) == 1


def test_errors_of_folds_are_chi_squared():
    scores, errors = np.array([0.8, 0.82, 0.7]), np.array([0.02, 0.03, 0.02])
    mean = np.average(scores, weights=errors**-2)
    assert chance_of_folds(scores, errors) == pytest.approx(chi2.sf((((scores - mean) / errors) ** 2).sum(), 2))
    assert np.isnan(chance_of_folds(scores, errors * np.nan))


def test_curves_are_the_mean_and_spread_of_all_networks():
    networks = np.random.default_rng(0).random((3, 5, 7))  # folds, seeds, epochs
    found = Curves.of(networks.mean(axis=1).tolist(), networks.std(axis=1).tolist())
    mean, spread = found.overall
    np.testing.assert_allclose(mean, networks.mean(axis=(0, 1)))
    np.testing.assert_allclose(spread, networks.reshape(15, 7).std(axis=0))
    stopped = Curves.of([[3.0, 2.0], [1.0], []], [])
    assert stopped.overall[0].tolist() == [2.0, 1.5]
    assert Curves.of([[3.0, 2.0, 1.0], [], [1.0]], [[0.5, 0.4], []]).spread.tolist() == [[0.5, 0.4, 0.4], [0.0] * 3]


def test_a_loss_that_is_no_number_ends_its_curve(titanic):
    assert Curves.of([[3.0, np.inf, 1.0], [1.0, 2.0, np.nan], [np.nan]], [[0.5] * 3]).mean.tolist() == [[3, 3], [1, 2]]
    of = made_runs.of_classes(titanic, (0, 1))
    first = of.record.variants[0]
    broken = SimpleNamespace(**(vars(first) | {"losses": [[1.0, np.inf], [np.nan]], "held_out": [[np.inf]]}))
    of.record = SimpleNamespace(**(vars(of.record) | {"variants": [broken]}), to_json=lambda: "{}")
    assert "<svg" in charts([by_name(all_sections(of, EN))["learning"]])[0].svg


def variant_of(held_out, losses):
    return SimpleNamespace(name="network", losses=losses, held_out=held_out)


def test_easy_folds_that_end_early_are_no_rise_of_the_held_out_loss():
    easy, hard = [0.7, 0.6, 0.5, 0.45, 0.43], [1.0, 0.9, 0.85, 0.82, 0.8, 0.79, 0.785, 0.785]
    folds = [easy, easy, easy, hard, hard]
    mean = Curves.of(folds, []).overall[0]
    assert mean[[4, 7]] == pytest.approx([(3 * 0.43 + 2 * 0.8) / 5, (3 * 0.43 + 2 * 0.785) / 5])
    assert "by heart" not in verdict(SimpleNamespace(say=EN), variant_of(folds, folds))


@pytest.mark.parametrize(("n_epochs", "n_folds"), [(1, 4), (4, 4), (5, 1)])
def test_of_few_epochs_or_folds_no_verdict_is_given(n_epochs, n_folds):
    variant = variant_of([[0.9, 0.7, 0.5, 0.4, 0.3][:n_epochs]] * n_folds + [[]], [[0.9] * n_epochs] * n_folds)
    said = verdict(SimpleNamespace(say=EN), variant)
    assert "cannot be told from" in said
    assert "about right" not in said
    assert "无法判断" in verdict(SimpleNamespace(say=ZH), variant)


def test_where_the_training_loss_rises_too_no_rows_are_learned_by_heart():
    rising = [[0.5 + 0.001 * fold, 0.6, 0.7, 0.8, 0.925] for fold in range(4)]
    said = verdict(SimpleNamespace(say=EN), variant_of(rising, rising))
    assert "by heart" not in said
    assert "does not fall either (0.5015 to 0.9250)" in said
    assert "smaller learning rate" in said
    assert "从 0.5015 到 0.9250" in verdict(SimpleNamespace(say=ZH), variant_of(rising, rising))


@pytest.mark.parametrize(
    ("held_out", "says"),
    [
        ([1.0, 0.5, 0.3, 0.35, 0.5], "learns its rows by heart"),
        ([1.0, 0.8, 0.6, 0.4, 0.2], "still falls"),
        ([1.0, 0.5, 0.4, 0.4, 0.4], "come to rest"),
    ],
)
def test_what_held_out_rows_tell_is_said(held_out, says):
    folds = [[each + 0.001 * fold for each in held_out] for fold in range(4)]
    variant = variant_of(folds, [[1.0, 0.6, 0.4, 0.2, 0.1]] * 4)
    assert says in verdict(SimpleNamespace(say=EN), variant)
    assert "network" in verdict(SimpleNamespace(say=ZH), variant)


def test_held_out_curves_and_scores_of_seeds_are_drawn_where_a_run_has_them(titanic):
    of = made_runs.of_classes(titanic, (0, 1))
    more = {"held_out": made_runs.curves(end=0.5), "held_out_spread": [], "by_fold_and_seed": [[0.5, 0.6]] * 4}
    first = of.record.variants[0]
    of.record = SimpleNamespace(**(vars(of.record) | {"variants": [SimpleNamespace(**(vars(first) | more))]}))
    of.record.to_json = lambda: "{}"
    found = by_name(all_sections(of, EN))
    assert "held-out rows" in charts([found["learning"]])[0].svg
    assert "0.5000 – 0.6000" in tables(found["folds"])[0].rows[0]


def test_names_of_any_kind_are_shown_and_stay_text(titanic):
    of = made_runs.of_classes(titanic, HOSTILE, names=("network", "<b>&trees"))
    sections = all_sections(of, EN)
    shown = set(words_of(sections))
    assert set(HOSTILE) <= shown
    for chart in charts(sections):
        assert "<script" not in chart.svg
        assert "<img" not in chart.svg
        ET.fromstring(chart.svg)
    assert "<b>&trees" in shown


@pytest.mark.parametrize("n_classes", [30, 60])
def test_many_classes_are_a_heat_map_and_their_worst_pairs(titanic, n_classes):
    of = made_runs.of_classes(titanic, [f"c{i}" for i in range(n_classes)], n=2000)
    found = by_name(all_sections(of, EN))
    assert len(tables(found["confusion"])[0].rows) == 15
    assert len(tables(found["classes"])[0].rows) == 30
    said = [part.text for part in found["confusion"].parts if isinstance(part, Text)]
    assert any("take part in most mistakes" in text for text in said) == (n_classes > 40)


def test_rows_that_no_fold_scores_are_left_out(titanic):
    fold = np.arange(400) // 100 - 1
    for of in (made_runs.of_classes(titanic, (0, 1), fold=fold), made_runs.of_number(titanic, fold=fold)):
        sections = all_sections(of, EN)
        assert not [words for words in words_of(sections) if words == "nan"]
        if "confusion" in by_name(sections):
            assert sum(int(row[-1]) for row in tables(by_name(sections)["confusion"])[0].rows) == 300


def test_rows_that_belong_together_count_once(titanic):
    n = 400
    alone, together = (made_runs.of_classes(titanic, (0, 1), units=units) for units in (None, np.arange(n) // 50))
    leads = [by_name(all_sections(of, EN))["classes"] for of in (alone, together)]
    assert tables(leads[0])[0].rows != tables(leads[1])[0].rows


def test_one_hard_row_is_told_as_one(titanic):
    of = made_runs.of_classes(titanic, (0, 1))
    of.hardest = of.hardest[:1]
    lead = by_name(all_sections(of, EN))["hardest"].lead
    assert re.match(r"This row makes [\d.]+\xa0% of the whole loss\. In 1 of them most", lead)
    assert lead.endswith(" 1 of them has values that are unusual for such a truth.")
    several = by_name(all_sections(made_runs.of_classes(titanic, (0, 1)), EN))["hardest"].lead
    assert several.startswith("These 3 rows make ")


@pytest.mark.parametrize("kind", SECTIONS)
def test_what_charts_show_is_said_with_the_pages_own_commas(kind, told):
    english, chinese = ([chart.alt for chart in charts(sections)] for sections in told[kind])
    assert not [alt for alt in chinese if "; " in alt or ": " in alt]
    assert any("; " in alt for alt in english)
    assert any("；" in alt for alt in chinese)


def test_dots_of_variants_have_shapes_of_their_own(titanic):
    of = made_runs.of_classes(titanic, (0, 1), names=("network", "trees"))
    more = [SimpleNamespace(**(vars(each) | {"by_fold_and_seed": [[0.5, 0.6]] * 4})) for each in of.record.variants]
    of.record = SimpleNamespace(**(vars(of.record) | {"variants": more}), to_json=lambda: "{}")
    (chart,) = charts([by_name(all_sections(of, EN))["folds"]])
    for svg in (chart.svg, chart.narrow):
        used = re.findall(r"<use [^>]*href=\"#([^\"]+)\"", svg)
        shape_of = dict(re.findall(r'<path id="([^"]+)" d="([^"]+)"', svg))
        kinds = {re.sub("[^A-Z]", "", shape_of[name]) for name in used}  # of whatever size
        assert len(kinds) == 3  # folds, network, trees


def test_older_runs_are_told_as_far_as_they_go(titanic):
    bare = {
        "fold_se": [], "variants": [], "seconds": None, "versions": {}, "git_commit": None, "inputs_sha256": {},
        "device": None, "cv_se": None, "folds": None, "version": 1, "preset": None, "seed": None, "seeds": None,
    }  # fmt: skip
    of = made_runs.of_classes(titanic, (0, 1), weights=False, **bare)
    of.hardest = []
    found = by_name(all_sections(of, EN))
    assert not {"learning", "cost", "hardest", "variants"} & set(found)
    assert {"confusion", "reliability", "folds", "record"} <= set(found)
    two = made_runs.of_number(titanic, names=("a", "b"), weights=False, fold_scores=[])
    assert "folds" not in by_name(all_sections(two, ZH))


def test_warnings_of_the_leak_watch_are_told_in_the_pages_language(titanic):
    leak = "rows were kept together\n  what to do: write groups=...\n  怎么办: 请写 groups"
    of = made_runs.of_classes(titanic, (0, 1), leaks=[leak])
    english, chinese = (by_name(all_sections(of, say))["leaks"] for say in (EN, ZH))
    assert [part.text for part in english.parts] == ["rows were kept together", "What to do: write groups=..."]
    assert [part.text for part in chinese.parts] == [
        "rows were kept together",
        "怎么办：请写 groups",
    ]  # ours have Chinese


def test_seeds_that_change_more_than_rows_do_change_at_least_as_much(titanic):
    of = made_runs.of_classes(titanic, (0, 1))
    [variant] = of.record.variants
    of.record = replace(of.record, cv_se=0.01, variants=[replace(variant, seed_scores=[0.7, 0.8])])
    assert "changes one network's score by 0.0707, at least as much as other rows would (0.0100)" in (
        by_name(all_sections(of, EN))["folds"].lead
    )


def test_the_dearest_variant_is_not_said_to_cost_most_of_it(told):
    assert "The largest part went to " in by_name(told["binary"][0])["cost"].lead


def test_a_classifier_that_errs_nowhere_is_told(titanic):
    of = made_runs.of_classes(titanic, (0, 1))
    of.predictions = replace(of.predictions, oof=np.eye(2)[of.predictions.y])
    found = by_name(all_sections(of, EN))
    assert "own class is the most probable one" in found["confusion"].lead
    assert found["reliability"].lead.startswith("The probabilities can be taken at their word")


SHORT = {"data": Path("sample"), "folds": 2, "seeds": 1, "epochs": 1}


@pytest.mark.parametrize("name", ["titanic", "house_prices", "otto"])
def test_a_trained_run_is_told_whole(name, tmp_path):
    outcome = run(load(name), Knobs(**SHORT, runs=tmp_path), write=False)
    saved = pipelines.load_run(outcome.folder.path)
    found = by_name(all_sections(saved, ZH))
    assert len(found["hardest"].parts) == 3
    assert len(tables(found["hardest"])[0].rows) == 20
    assert saved.record.slug in found["record"].parts[0].text
    damaged = tmp_path / "moved"
    shutil.copytree(outcome.folder.path, damaged)
    (damaged / "hardest.json").write_text("[{")
    told = by_name(all_sections(pipelines.load_run(damaged), EN))["hardest"]
    assert "is damaged" in told.lead
    assert "hardest.json cannot be read" in told.parts[0].text
