"""All teams: asked for in one call or page by page, kept for a day; where a score stands; a mark for each run."""

import json
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from made import COMPLETE, LEDGER
from scipy.stats import percentileofscore
from stand_in import Odd, make_zip

from pipelines.kaggle.board import picture
from pipelines.kaggle.board.leaderboard import fetch, kept, refresh
from pipelines.kaggle.board.marks import RunMark, alike, marks
from pipelines.kaggle.board.percentile import Field, Leaderboard, Standing, facts, field_of
from pipelines.kaggle.board.show import Shown
from pipelines.kaggle.client import Kaggle
from pipelines.kaggle.errors import AccessError
from pipelines.report.pictures import picture as drawn
from pipelines.submission.ledger import Entry
from pipelines.submission.record import Forecast, HiddenScore, Record, Verdict
from pipelines.web.failures import NetworkError

KEPT = Path("submissions/titanic/leaderboard.cache")
MANY = [(f"team {n}", f"{1 - n / 2100:.5f}") for n in range(1, 451)]  # more than two pages


@pytest.fixture
def kaggle(site, patience):
    with Kaggle(patience=patience) as opened:
        yield opened


@pytest.mark.parametrize(
    ("zipped", "pages"), [("whole", 0), ("redirect", 0), ("", 3)], ids=["one answer", "storage", "pages"]
)
def test_the_whole_board_is_read_whichever_way_it_comes(site, kaggle, zipped, pages):
    site.teams, site.zipped = MANY, zipped
    board = fetch(kaggle, "titanic", KEPT)
    assert board.scores == tuple(float(score) for _, score in MANY)
    assert (board.places["team 1"], board.places["team 450"]) == (1, 450)
    assert site.count("GetLeaderboard") == pages
    assert kept("titanic", KEPT) == replace(board, places={})
    assert "team 1" not in KEPT.read_text()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"PK\x05\x06", b"no zip", make_zip({"a.csv": b"Rank\n1\n"}), make_zip({"a.txt": b"x"}),
        make_zip({"titanic-privateleaderboard.csv": b"TeamName,Score\nthey,0.9\n"}),
        make_zip({"a.csv": b"TeamName,Score\nthey,\xff\n"}), make_zip({"a.csv": b"", "b.csv": b""}),
    ],
    ids=["nothing", "cut", "text", "no scores", "no csv", "private", "no UTF-8", "two"],
)  # fmt: skip
def test_a_zip_that_holds_no_public_board_makes_way_for_the_pages(site, kaggle, body):
    site.faults["DownloadLeaderboard"] = [Odd(200, body)]
    assert fetch(kaggle, "titanic", KEPT).places == {"they": 1, "us": 2}


def test_a_board_that_does_not_come_to_an_end_is_none(site, kaggle):
    site.zipped = ""
    again = Odd(200, json.dumps({"submissions": [{"teamName": "x", "score": "1"}], "nextPageToken": "7"}).encode())
    site.faults["GetLeaderboard"] = [again, again]
    with pytest.raises(NetworkError, match="does not come to an end"):
        fetch(kaggle, "titanic", KEPT)
    site.faults["GetLeaderboard"] = [None, "403-permission"]
    site.teams = MANY
    with pytest.raises(AccessError):
        fetch(kaggle, "titanic", KEPT)
    assert not KEPT.exists()


def test_it_is_asked_for_once_a_day(site, kaggle, clock):
    for hours, asked in ((0, 1), (23, 1), (1, 2), (-48, 3)):  # the last one: what was kept is of the future
        clock.date += timedelta(hours=hours)
        assert refresh(kaggle, "titanic", KEPT) == ""
        assert site.count("DownloadLeaderboard") == asked


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20], lambda text: text.replace("0.77033", "0.97033"), lambda _: "[]", lambda _: "{}",
        lambda text: text.replace("0.77033", "NaN"), lambda text: text.replace('"titanic"', '"otto"'),
        lambda _: "[" * 100_000,
    ],
    ids=["cut", "a digit", "list", "empty", "NaN", "another's", "deep"],
)  # fmt: skip
def test_what_is_damaged_is_asked_for_anew(site, kaggle, damage):
    board = fetch(kaggle, "titanic", KEPT)
    KEPT.write_text(damage(KEPT.read_text()))
    assert kept("titanic", KEPT) is None
    assert refresh(kaggle, "titanic", KEPT) == ""
    assert kept("titanic", KEPT).scores == board.scores
    assert site.count("DownloadLeaderboard") == 2


def test_what_cannot_be_written_is_only_said(site, patience, tmp_path):
    said, taken = [], tmp_path / "file"
    taken.write_text("")
    with Kaggle(patience=patience, say=said.append) as kaggle:
        assert fetch(kaggle, "titanic", taken / "leaderboard.cache").scores == (0.78947, 0.77033)
    assert "the leaderboard is not kept" in said[-1]


@pytest.mark.parametrize("greater", [True, False])
def test_a_standing_is_that_of_scipy(greater):
    scores = [round(random.Random(n).random(), 1) for n in range(200)]
    field = Field.of(Leaderboard(None, tuple(scores)), greater_is_better=greater)
    for score in (0.0, 0.3, 0.34, 1.0, 2.0):
        gains = scores if greater else [-each for each in scores]
        worse, no_better = (
            percentileofscore(gains, score if greater else -score, kind=kind) for kind in ("strict", "weak")
        )
        found = field.standing(score)
        assert found.percent == pytest.approx(worse)
        assert found.percent_level == pytest.approx(no_better - worse)
    for percent in (1, 50, 90, 99, 100):  # the least good score with that many teams no better than it
        reached = [s for s in scores if (lambda s: field.standing(s).worse + field.standing(s).level)(s) >= 2 * percent]
        assert field.score_at(percent) == (min if greater else max)(reached)


def test_a_loss_is_better_when_it_is_less():
    board = Leaderboard(None, (0.40, 0.45, 0.45, 0.60))
    field = field_of(board, "otto-group-product-classification-challenge", "log loss")
    row = {"public": 0.45, "forecast": 0.5, "forecast_low": 0.4, "forecast_high": 0.7}
    assert field.standing(0.45) == Standing(worse=1, level=2, teams=4)
    assert facts(field, row) == {
        "public_percent": 25.0, "public_percent_level": 50.0, "forecast_percent": [0.0, 25.0, 75.0],
    }  # fmt: skip


def test_without_a_folder_of_the_competition_the_boards_order_tells_the_direction():
    assert field_of(Leaderboard(None, (0.4, 0.6)), "unheard-of", "a metric").greater_is_better is False
    assert field_of(Leaderboard(None, (0.6, 0.4)), "unheard-of", None).greater_is_better is True
    assert field_of(Leaderboard(None, ()), "titanic", "accuracy") is None


def test_the_rank_is_found_beyond_the_first_page(site, cli, ready):
    site.zipped, site.teams = "", [*MANY, ("us", "0.77511"), ("last", "0.5")]
    assert "rank 451" in cli("submit", "titanic").text
    [row] = json.loads(cli("scores", "titanic", "--json").out)
    assert (row["rank"], row["public_percent"]) == (451, pytest.approx(100 / 452))
    assert (site.count("GetLeaderboard"), site.count("DownloadLeaderboard")) == (3, 1)  # of today


@pytest.mark.parametrize("refused", [False, True])
def test_of_several_new_scores_the_board_is_asked_for_once(site, cli, ready, refused):
    cli("submit", "titanic", "--no-wait")
    ready(seed=1)
    cli("submit", "titanic", "--no-wait")
    site.verdicts = [COMPLETE]
    if refused:
        site.faults["DownloadLeaderboard"], site.faults["GetLeaderboard"] = ["403-html"] * 9, ["404"] * 9
    rows = json.loads(cli("scores", "titanic", "--json").out)
    assert [row["rank"] for row in rows] == [None if refused else 2] * 2
    asked = 2 if refused else 1  # where it was refused, what is kept of all teams is asked for once more
    assert site.count("DownloadLeaderboard") == asked


def test_scores_says_where_a_submission_stands(site, cli, ready):
    site.teams = [("a", "1.00000"), ("b", "1.00000"), ("us", "0.77511"), ("c", "0.77511"), ("d", "0.76"), ("e", "0.1")]
    cli("submit", "titanic")
    said = cli("scores", "titanic").out.splitlines()
    assert said[2:] == [
        "leaderboard of 2026-02-28: 6 teams; the best score 1.00000 (2 teams), the median 0.77511",
        "  the last public score is better than 33.3 % of the teams, level with 33.3 %",
        "  its forecast is better than 33.3 % of the teams (16.7 % to 66.7 %)",
    ]
    assert cli("scores", "titanic", "--offline").out.splitlines() == said


def test_offline_and_refused_the_rest_goes_on(site, cli, ready, monkeypatch):
    site.faults["DownloadLeaderboard"], site.faults["GetLeaderboard"] = ["403-html"] * 9, ["404"] * 9
    assert cli("submit", "titanic").code == 0
    done = cli("scores", "titanic", "--plot")
    assert (done.code, "note: no leaderboard of today: " in done.text) == (0, True)
    assert "0.77511" in done.out
    assert "leaderboard of" not in done.out
    assert not KEPT.exists()
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    done = cli("scores", "titanic", "--plot")
    assert (done.code, done.out.splitlines()[-1]) == (0, "picture: submissions/titanic/scores.png")


def run_of(name, *, slug="titanic", **known):
    folder = Path("runs") / slug / name
    folder.mkdir(parents=True)
    record = Record(**{"slug": slug, "data": "kaggle", "metric": "accuracy", "cv_mean": 0.8, "cv_se": 0.01, **known})
    record.save(folder / "record.json")
    return record


def test_a_run_is_one_mark_wherever_it_is_known(kaggle, ready):
    forecast, hidden = Forecast(0.77, 0.75, 0.79, 418), HiddenScore(0.81, 0.02, 178)
    run_of("20260101-101010-fast", csv_sha256="ab" * 32, forecast=forecast, run="20260101-101010-fast")
    run_of("20260102-101010-cv", practice=hidden)
    run_of("20260103-101010-made", data="sample")
    beside = Path("submissions/titanic/20260104-101010-gone.json")  # its run's folder was removed
    said = Verdict(ref=1, public=0.78, private=0.76)
    Record(slug="titanic", data="kaggle", csv_sha256="cd" * 32, run=beside.stem, kaggle=said).save(beside)
    entries = [
        Entry("titanic", "20260101-101010-fast.csv", "ab" * 32, "t", "2026-01-01T11:00:00", 3, public=0.775),
        Entry("titanic", "by-hand.csv", "", "", "2026-01-05 08:00:00.1Z", 4, public=0.7),
        Entry("titanic", "theirs.csv", "", "hw-cdcdcdcdcdcd-1", "2026-01-06", 5, public=0.79),  # our bytes
    ]
    found = {mark.name: mark for mark in marks("titanic", Path("runs"), Path("submissions"), entries)}
    [csv] = Path("submissions/titanic").glob("*.csv")
    assert list(found) == [
        "20260101-101010-fast", "20260102-101010-cv", "20260103-101010-made", "20260104-101010-gone", "by-hand.csv",
        csv.stem,
    ]  # fmt: skip
    first = found["20260101-101010-fast"]
    assert first == RunMark(first.name, "2026-01-01T10:10:10", "accuracy", 0.8, 0.01, forecast, public=0.775)
    assert found["20260102-101010-cv"].practice == hidden
    assert found["20260103-101010-made"].made_rows
    assert (found["20260104-101010-gone"].public, found["20260104-101010-gone"].private) == (0.79, None)
    assert (found["by-hand.csv"].time, found["by-hand.csv"].public) == ("2026-01-05T08:00:00", 0.7)
    assert [mark.name for mark in alike(list(found.values())) if mark.made_rows] == []
    fetch(kaggle, "titanic", KEPT)
    assert Shown.of("titanic", Path("runs"), Path("submissions")).field is not None
    made = Shown.of("titanic", Path("runs"), Path("submissions"), run="20260103-101010-made")
    assert ([mark.name for mark in made.marks], made.field) == (["20260103-101010-made"], None)  # no team has made rows


def test_marks_of_another_metric_are_left_out_and_damage_is_passed_over(home):
    run_of("20260101-101010-old", metric="log loss")
    run_of("20260102-101010-new")
    run_of("20260103-101010-broken")
    Path("runs/titanic/20260103-101010-broken/record.json").write_text("{")
    LEDGER.parent.mkdir()
    LEDGER.write_text("no line of ours\n")
    Path("submissions/titanic").mkdir()
    Path("submissions/titanic/a.json").write_text("[]")
    found = marks("titanic", Path("runs"), Path("submissions"))
    assert [mark.name for mark in found] == ["20260101-101010-old", "20260102-101010-new"]
    assert [mark.name for mark in alike(found)] == ["20260102-101010-new"]


def test_what_is_known_of_a_run_is_drawn(tmp_path):
    known = [
        RunMark(
            "20260101-101010-fast", "2026-01-01T10:10:10", "accuracy", 0.8, 0.01, Forecast(0.77, 0.75, 0.79, 418, 0)
        ),
        RunMark(
            "20260101-111010-practice", "2026-01-01T11:10:10", "accuracy", 0.8, 0.01, None, HiddenScore(0.82, 0.02, 9)
        ),
        RunMark("a <b> $x$.csv", "2026-01-02T11:10:10", public=0.78, private=0.76),
    ]
    field = Field.of(Leaderboard(None, (1.0, 0.79, 0.79, 0.78, 0.77, 0.77, *[0.5] * 4)), greater_is_better=True)
    with drawn(tmp_path / "a.png", (6, 4), dpi=50) as figure:
        axes = figure.add_subplot()
        picture.draw(axes, known, lambda _english, chinese: chinese, field)
        labels = axes.get_legend_handles_labels()[1]
        assert set(labels) == {"预估，95% 区间", "交叉验证", "留出行（演练）", "公榜分数", "私榜分数"}
        assert [text.get_text() for text in axes.texts] == ["50% 的队伍", "90% 的队伍"]
        [bar] = axes.patches
        assert (bar.get_y(), bar.get_y() + bar.get_height()) == (0.75, pytest.approx(0.79))
        heights = {round(y, 5) for line in axes.lines for y in line.get_ydata()}
        assert {0.8, 0.82, 0.78, 0.76} < heights
        for text in axes.texts:
            text.set_text("")  # the font here has no Chinese, of which a PNG would warn
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_teams_beyond_the_marks_do_not_stretch_the_picture(tmp_path):
    field = Field.of(Leaderboard(None, (1.0, 1.0, 0.78, 0.0)), greater_is_better=True)
    known = [RunMark("20260101-101010-fast", "2026-01-01T10:10:10", "accuracy", 0.78, 0.01)]
    with drawn(tmp_path / "a.png", (6, 4), dpi=50) as figure:
        axes = figure.add_subplot()
        picture.draw(axes, known, lambda english, _chinese: english, field)
        low, high = axes.get_ylim()
        assert (low > 0.76, high < 0.8) == (True, True)
        assert [text.get_text() for text in axes.texts] == ["50 % of teams"]


def test_scores_draws_runs_that_were_never_submitted(site, cli):
    for n in range(picture.MOST + 2):
        run_of(f"20260101-1010{n:02d}-fast")
    done = cli("scores", "titanic", "--plot", "--offline")
    assert (done.code, done.out.splitlines()[-1]) == (0, "picture: submissions/titanic/scores.png")
    first = Path("submissions/titanic/scores.png").read_bytes()
    assert first[:4] == b"\x89PNG"
    cli("scores", "titanic", "--plot", "--offline")
    assert Path("submissions/titanic/scores.png").read_bytes() == first
    said = json.loads(cli("scores", "titanic", "--plot", "--offline", "--json").out)
    assert said == []


def test_without_runs_and_where_it_cannot_be_written_it_is_said(site, cli, ready):
    assert cli("scores", "otto", "--plot", "--offline").out.endswith(
        "picture: none: there is no run of otto-group-product-classification-challenge yet\n"
    )
    Path("submissions/titanic/scores.png").mkdir()
    done = cli("scores", "titanic", "--plot", "--offline")
    assert (done.code, "picture: none: submissions/titanic/scores.png: is no ordinary file" in done.out) == (0, True)
    site.verdicts = [COMPLETE]
    assert cli("submit", "titanic").code == 0
