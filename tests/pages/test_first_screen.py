import math
from dataclasses import replace
from pathlib import Path

import pytest
from pages_made import HOSTILE, Page

from pipelines.errors import UsageError
from pipelines.pages.first import first_screen, first_screen_html, verdict
from pipelines.pages.marks import Mark, Marks
from pipelines.pages.words import Words, language, shown
from pipelines.submission.record import Baseline, Forecast, HiddenScore, Record, VariantScore, Verdict

BEST = Baseline("logistic regression", 0.8000, 0.0130, 0.0462, 0.0100)
OTHER = Baseline("majority class", 0.6160, 0.0163, 0.2302, 0.0180)
RECORD = Record(
    slug="titanic", data="folder", run="20261126-101010-fast", metric="accuracy", cv_mean=0.8462, cv_se=0.0121,
    preset="fast", folds=10, seeds=5, baselines=[OTHER, BEST], forecast=Forecast(0.79, 0.767, 0.814, 418, 9),
)  # fmt: skip
VERDICTS = {
    "better": (BEST, "Better than the best baseline, logistic regression, by 0.0462 ±", "优于最好的基线", "good"),
    "the same": (replace(BEST, gain=0.01), "Not told apart from the best baseline", "无法区分", "plain"),
    "equal": (replace(BEST, gain=0.0, gain_se=0.0), "Not told apart from the best baseline", "无法区分", "plain"),
    "worse": (replace(BEST, gain=-0.05), "Worse than the best baseline, logistic regression, by 0.05", "不如", "bad"),
}  # fmt: skip


@pytest.mark.parametrize("case", VERDICTS)
def test_the_verdict_counts_chance(case):
    best, english, chinese, tone = VERDICTS[case]
    record = replace(RECORD, baselines=[OTHER, best])
    said, of = verdict(record, Words())
    assert said.startswith(english)
    assert of == tone
    assert chinese in verdict(record, Words("zh"))[0]


@pytest.mark.parametrize(
    ("gain", "says"),
    [(0.0257583, "about once in 100 times"), (0.02, "about once in 22 times"), (0.05, "less than once in 10,000")],
)
def test_how_sure_it_is_is_said_by_the_normal_distribution(gain, says):
    assert says in verdict(replace(RECORD, baselines=[replace(BEST, gain=gain)]), Words())[0]


def test_a_leak_and_made_rows_come_before_the_score():
    said, tone = verdict(replace(RECORD, leaks=["train.csv tells"]), Words())
    assert said.startswith("Do not believe the score yet")
    assert tone == "bad"
    assert first_screen(replace(RECORD, leaks=["train.csv tells"]), None, Words()).leaks == ["train.csv tells"]
    made = first_screen(replace(RECORD, data="sample"), None, Words())
    assert made.made
    assert made.verdict.startswith("On made rows: ")
    assert [fact.label for fact in made.facts if "forecast" in fact.label] == []


def facts(record, words):
    return [(fact.value, fact.error) for fact in first_screen(record, None, words).facts]


def test_the_facts_are_the_records_in_both_languages():
    known = replace(RECORD, practice=HiddenScore(0.82, 0.03, 178), kaggle=Verdict(public=0.7799, private=0.78, rank=7))
    wanted = [
        ("0.8462", "± 0.0121"), ("+0.0462", "± 0.0100"), ("0.7900", "0.7670 – 0.8140"), ("0.8200", "± 0.0300"),
        ("0.7799", ""), ("0.7800", ""),
    ]  # fmt: skip
    assert facts(known, Words()) == wanted
    assert facts(known, Words("zh")) == wanted
    asides = " ".join(fact.aside for fact in first_screen(known, None, Words()).facts)
    assert "higher is better" in asides
    assert "178 rows that the run has not seen; outside the forecast's interval" in asides
    assert "rank 7; inside the forecast's interval" in asides


@pytest.mark.parametrize(
    ("metric", "gain", "says"), [("log loss", 0.1, "lower"), ("mine", 0.1, "higher"), ("mine", -0.1, "lower")]
)
def test_which_way_is_better_is_told_by_the_metric_or_by_the_baselines(metric, gain, says):
    record = replace(RECORD, metric=metric, baselines=[replace(BEST, gain=gain)])
    assert first_screen(record, None, Words()).facts[0].aside == f"{says} is better"


def test_the_next_step_follows_from_what_is_there():
    csv = Path("submissions/titanic/20261126-101010-fast.csv")
    sent = replace(RECORD, kaggle=Verdict(public=0.78))
    made, best = replace(RECORD, data="sample"), replace(RECORD, preset="best")
    cases = ((RECORD, csv), (RECORD, None), (best, None), (made, csv), (sent, csv))
    last = [first_screen(record, path, Words()).steps[-1].text for record, path in cases]
    assert last == [
        "python -m pipelines submit titanic", "python -m pipelines run titanic --folds 10 --seeds 5",
        "python -m pipelines run titanic --preset best --folds 10 --seeds 5", "python -m pipelines data titanic",
        "python -m pipelines try titanic --features idea.py",
    ]  # fmt: skip
    assert first_screen(RECORD, csv, Words()).steps[0].text == str(csv)


def test_the_next_command_is_of_the_same_plan():
    variants = [VariantScore(name, 0.8, [], 0.5) for name in ("mlp", "trees")]
    record = replace(RECORD, where="my data", folds=3, seeds=2, seed=7, variants=variants)
    assert first_screen(record, None, Words()).steps[-1].text == (
        "python -m pipelines run titanic --data 'my data' --folds 3 --seeds 2 --seed 7 --variants mlp,trees"
    )


def test_a_simple_model_that_is_not_told_apart_is_not_called_as_good():
    record = replace(RECORD, baselines=[replace(BEST, gain=0.0150, gain_se=0.0080)])
    assert verdict(record, Words())[0].endswith("(+0.0150 ± 0.0080): these rows do not tell which is better.")
    assert verdict(record, Words("zh"))[0].endswith("（+0.0150 ± 0.0080）：仅凭这些行无法判断哪个更好。")


def test_a_forecast_without_bounds_has_no_line():
    unsure = replace(RECORD, forecast=Forecast(0.79, math.nan, math.nan, 418), practice=HiddenScore(0.82, 0.03, 178))
    screen = first_screen(unsure, None, Words())
    [mark] = [mark for mark in screen.marks.marks if mark.kind == "forecast"]
    assert (mark.value, mark.low, mark.high, mark.shown) == (0.79, None, None, "0.7900")
    html = first_screen_html(unsure, None, Words())
    assert "nan" not in html
    assert "interval is not known" in html
    assert "the forecast's interval" not in html


def test_a_leak_is_told_once_in_the_pages_language():
    leak = "there is no folder x\n  what to do: write groups=...\n  怎么办: 请写 groups"
    record = replace(RECORD, leaks=[leak])
    english, chinese = (first_screen(record, None, say).leaks for say in (Words(), Words("zh")))
    assert english == ["there is no folder x. What to do: write groups=..."]
    assert chinese == ["没有文件夹 x。怎么办：请写 groups"]


def test_the_first_screen_stands_alone_in_a_notebook():
    html = first_screen_html(replace(RECORD, note=HOSTILE), None, Words("zh"))
    page = Page(html)
    assert (page.open_tags, page.wrong, page.tags["script"], page.tags["style"]) == ([], [], 0, 1)
    assert HOSTILE in page.text
    assert page.values("lang", "div") == ["zh-CN"]
    style = html[html.index("<style>") + 7 : html.index("</style>")]
    for line in style.splitlines():  # below its own class alone
        assert not line.rstrip().endswith("{") or line.lstrip().startswith((".khw", "@media")), line


def test_marks_stand_where_their_numbers_are():
    marks = Marks("", [Mark("a", 10.0, 5.0, 15.0, "", "ours"), Mark("b", 12.0, None, None, "", "known")], around=0.0)
    assert marks.ends == pytest.approx((-1.05, 16.05))
    assert [marks.place(each) for each in (-1.05, 7.5, 16.05)] == [0.0, 50.0, 100.0]
    assert [label for _, label in marks.ticks] == ["0", "5", "10", "15"]
    assert marks.ticks[1][0] == marks.place(5.0)
    assert len(Marks("", [Mark("one", 0.0, None, None, "", "ours")]).ticks) > 1


def test_a_baseline_that_is_far_off_stands_at_the_edge():
    near = [Mark("ours", 0.55, 0.54, 0.56, "", "ours"), Mark("good", 0.64, 0.63, 0.65, "", "baseline")]
    far = Mark("blind", 1.95, 1.94, 1.96, "", "baseline")
    assert Marks("", [*near, far]).ends == Marks("", near).ends
    assert [Marks("", [*near, far]).beyond(each) for each in (*near, far)] == [0, 0, 1]
    there = Mark("blind", 0.9, None, None, "", "baseline")
    assert Marks("", [*near, there]).beyond(there) == 0


def test_a_record_of_long_ago_has_a_first_screen_too():
    said = first_screen(Record(slug="titanic", data="folder"), None, Words())
    assert (said.marks, said.baselines, list(said.facts)) == (None, None, [])
    assert first_screen(replace(RECORD, cv_se=None, cv_mean=float("nan")), None, Words()).marks is None
    assert shown(float("inf")) == "–"


def test_small_scores_and_large_ones_are_told_in_digits_that_count():
    record = replace(RECORD, metric="rmse", baselines=[replace(BEST, score=4.5e-5, gain=-0.0000138, gain_se=2e-6)])
    small = first_screen(replace(record, cv_mean=3.12e-5, cv_se=1.234e-6), None, Words()).facts
    assert [(each.value, each.error) for each in small[:2]] == [
        ("0.0000312", "± 0.00000123"), ("−0.0000138", "± 0.00000200")
    ]  # fmt: skip
    large = first_screen(replace(record, cv_mean=24310.3789, cv_se=1234.56), None, Words("zh")).facts[0]
    assert (large.value, large.error) == ("24,310", "± 1,235")


def test_the_language_is_asked_for_or_the_locales(monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert language(None) == "zh"
    assert language("en") == "en"
    with pytest.raises(UsageError, match="--lang must be en or zh, got 'de'"):
        language("de")
