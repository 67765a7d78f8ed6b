"""Whatever Kaggle answers, at whatever step: at most one submission of the same bytes, and no secret anywhere."""

import base64
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from made import COMPLETE, LEDGER, events
from stand_in import KEY, SIGNATURE, STORAGE, TOKEN, USERNAME, Odd

from pipelines.kaggle import upload
from pipelines.kaggle.client import Kaggle
from pipelines.submission.ledger import Entry
from pipelines.web.failures import NetworkError

HOMEWORK_EXAMPLES = int(os.environ.get("HOMEWORK_EXAMPLES", "15"))  # some thousands by hand
PASSWORD = "p4ssw0rd-of-the-proxy"
SHORT = ["hw", "7", "2", "ab", "abc", "csv", "COMPLETE", "-", "***"]  # they stand in what is said without a secret
SHOWN = (KEY, TOKEN, SIGNATURE, SIGNATURE.partition("=")[2])
# What an answer may repeat: the key and the proxy's password, as they are and as they are sent.
ECHO = " ".join(w for s in (KEY, PASSWORD) for w in (s, base64.b64encode(f"{USERNAME}:{s}".encode()).decode()))
NAMED = ["drop", "401", "400-limit", "400-file", "403-html", "404", "429", "429:2", "500", "503", "html", "empty"]
AFTER = [f"after-{name}" for name in NAMED if name != "401"]
STATUSES = st.sampled_from([200, 200, 201, 204, 206, 301, 302, 400, 401, 403, 404, 408, 413, 418, 429, 500, 502, 599])
HEADERS = st.sampled_from(
    [
        (), (("Retry-After", "3"),), (("Retry-After", "\xb2"),), (("Retry-After", "soon"),),
        (("Retry-After", "9" * 400),), (("Content-Encoding", "gzip"),), (("Location", "https://["),),
        (("Location", "/elsewhere"),),
        (("Connection", "close"), ("Content-Type", "application/json")),
    ]
)  # fmt: skip
# Anything but a lie that is well formed: a count or a reference that another submission could have.
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, -1), st.floats(), st.sampled_from(["", "x", "\xb2", ECHO, "\ud800"]),
    st.lists(st.sampled_from([None, {}, {"ref": None}, {"ref": "x"}, {"description": 3}, [[]]]), max_size=2),
    st.sampled_from([{}, {"message": ECHO}, {"code": 7}]),
)  # fmt: skip
NAMES = [
    "ref", "message", "error", "submissions", "nextPageToken", "numToday", "numTotal", "numAllowedNow", "token",
    "createUrl", "status", "publicScore", "errorDescription", "teamName", "code",
]  # fmt: skip
URLS = ["https://[", "ftp://x/y", "http://", "//x", f"https://{STORAGE}/upload/nothing?{SIGNATURE}", ECHO]
JSON = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4).map(lambda value: json.dumps(value).encode())
PLACES = st.sampled_from(URLS).map(lambda url: json.dumps({"token": "nothing", "createUrl": url}).encode())
BODIES = st.one_of(
    JSON, PLACES, st.sampled_from([b"", b"[]", b"null", b"{", b"\xff\xfe{", b"[" * 10_000, ECHO.encode(), b"<html>"])
)
ODD = st.builds(Odd, STATUSES, BODIES, HEADERS, st.booleans(), st.booleans())
FAULTS = {
    "GetSubmissionLimits": st.one_of(st.none(), st.sampled_from(NAMED), ODD),
    "ListSubmissions": st.one_of(st.none(), st.sampled_from(NAMED), ODD),
    "StartSubmissionUpload": st.one_of(st.none(), st.sampled_from(NAMED), ODD),
    "upload": st.one_of(st.none(), st.sampled_from(NAMED), ODD),
    "CreateSubmission": st.one_of(st.sampled_from([*AFTER, *AFTER, *NAMED]), ODD),
    "GetSubmission": st.one_of(st.none(), st.sampled_from(NAMED), ODD),
    "GetLeaderboard": st.one_of(st.none(), ODD),
    "DownloadLeaderboard": st.one_of(st.none(), st.sampled_from(NAMED), ODD),
}
STEPS = st.fixed_dictionaries({call: st.lists(fault, max_size=3) for call, fault in FAULTS.items()})
HAPPENS = st.lists(
    st.sampled_from(["nothing", "nothing", "by hand", "midnight", "another clone"]), min_size=1, max_size=3
)


@pytest.fixture
def anew(site, ready, monkeypatch):
    """Sets the site and the folder back: one csv, nothing sent, a proxy with a password."""
    plain = site.proxy

    def reset(faults, late, page, password):
        monkeypatch.setenv("https_proxy", plain.replace("//", f"//anna:{password}@"))
        LEDGER.unlink(missing_ok=True)
        site.faults.clear()
        site.faults.update({call: list(several) for call, several in faults.items()})
        site.submissions, site.uploads, site.before_midnight = [], {}, 0
        site.late, site.page, site.allowed, site.verdicts = late, page, 100, [COMPLETE]

    return reset


def no_secret_in(text, password):
    secrets = (*SHOWN, *ECHO.split()) if password == PASSWORD else SHOWN  # a short one is in innocent words too
    assert not [secret for secret in secrets if secret in text], text


@given(
    faults=STEPS,
    happens=HAPPENS,
    late=st.integers(0, 8),
    page=st.sampled_from([1, 2, 100]),
    password=st.sampled_from([PASSWORD, *SHORT]),
)
@settings(
    max_examples=HOMEWORK_EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
def test_one_submission_at_most_however_often_and_no_secret(site, cli, anew, faults, happens, late, page, password):
    anew(faults, late, page, password)

    def submit(*options):
        done = cli("submit", "titanic", *options)
        no_secret_in(done.text, password)
        for path in Path("submissions").rglob("*"):
            no_secret_in(path.read_text() if path.is_file() else "", password)
        assert done.code in (0, 3, 4, 5, 6, 7), done.text
        return done

    def made():
        return [item["ref"] for item in site.submissions if "hw-" in item["description"]]

    for event in happens:
        if event == "by hand":
            site.by_hand("titanic")
        elif event == "midnight":
            site.midnight()
        elif event == "another clone" and not any(item["late"] for item in site.submissions):
            LEDGER.unlink(missing_ok=True)
            site.faults.pop("ListSubmissions", None)  # who knows nothing believes the list
        submit()
        assert len(made()) <= 1
    site.faults.clear()
    for item in site.submissions:
        item["late"] = 0
    before, done = made(), submit()
    if done.code == 6:  # nothing was made, and that cannot be known: the way out makes one
        assert before == made() == []
        assert "--again" in done.text
        done = submit("--again")
    assert (done.code, len(made())) == (0, 1), done.text
    assert not before or f"submission {before[0]} already" in done.text
    no_secret_in(cli("scores", "titanic", "--json").text, password)


def test_listed_late_and_the_count_unknown_is_left_open_and_found_later(site, cli, ready):
    site.faults["GetSubmissionLimits"] = ["500"] * 99
    site.faults["CreateSubmission"] = ["after-drop"]
    site.late = 20
    for _ in range(2):
        done = cli("submit", "titanic")
        assert (done.code, len(site.submissions), events()) == (6, 1, ["sending"])
        assert "it is not known yet" in done.text
        assert "nor say how many it counts" in done.text
    site.submissions[0]["late"] = 0
    assert cli("submit", "titanic").code == 0
    assert (len(site.submissions), events()) == (1, ["sending", "submitted", "scored"])


@pytest.mark.parametrize("made", [0, 2])
def test_midnight_between_is_left_open(site, cli, ready, made):
    """The count of today falls back, or says what it said before."""
    for number in range(made):
        site.by_hand("titanic", name=f"{number}.csv")
    site.faults["CreateSubmission"] = ["after-500"]
    site.late, create = 20, site.submit

    def then_midnight(*arguments):
        ref = create(*arguments)
        site.midnight()
        return ref

    site.submit = then_midnight
    for _ in range(2):
        done = cli("submit", "titanic")
        assert (done.code, len(site.submissions)) == (6, made + 1)
    assert events() == ["sending"]


def test_a_day_that_has_ended_leaves_it_open_and_an_hour_closes_it(site, cli, ready, clock):
    noon = clock.date
    clock.date = noon.replace(hour=23, minute=50)
    site.faults["CreateSubmission"] = ["drop"]
    site.faults["ListSubmissions"] = [None, *["500"] * 99]
    assert cli("submit", "titanic").code == 6
    site.faults.clear()
    for minutes, code in ((20, 6), (120, 0)):
        clock.date = noon.replace(hour=23, minute=50) + timedelta(minutes=minutes)
        assert cli("submit", "titanic").code == code, minutes
    assert len(site.submissions) == 1


def test_the_day_ends_between_the_count_and_the_last_step(site, cli, ready, clock):
    """What was counted before midnight says nothing about the day that has begun."""
    site.by_hand("titanic")
    clock.date = clock.date.replace(hour=23, minute=59)
    site.faults["CreateSubmission"], take = ["after-500"], site.next_fault
    site.late = 20

    def then_midnight(call):
        if call == "upload":
            clock.date += timedelta(minutes=2)
        return take(call)

    site.next_fault = then_midnight
    assert (cli("submit", "titanic").code, len(site.submissions)) == (6, 2)
    line = json.loads(LEDGER.read_text())
    assert (line["time"], line.get("today")) == ("2026-03-01T00:01:00+00:00", None)


@pytest.mark.parametrize("password", ["hw", "7", "2", "ab", "csv", "COMPLETE", "fast", "0"])
def test_a_short_password_of_a_proxy_changes_no_answer(site, cli, ready, monkeypatch, password):
    """Its letters stand in the tag, the file's name, the status and the score."""
    monkeypatch.setenv("https_proxy", site.proxy.replace("//", f"//anna:{password}@"))
    site.faults["CreateSubmission"] = ["after-drop"]
    site.page = 1
    done = cli("submit", "titanic")
    assert (done.code, len(site.submissions), events()) == (0, 1, ["sending", "submitted", "scored"])
    assert "public score 0.77511" in done.text
    site.by_hand("titanic")
    LEDGER.unlink()
    [ours, _] = json.loads(cli("scores", "titanic", "--json").out)
    assert (ours["status"], ours["public"], ours["forecast"]) == ("COMPLETE", 0.77511, 0.77)
    again = cli("submit", "titanic")
    assert (again.code, len(site.submissions)) == (0, 2)
    assert "submission 4000 already" in again.text


def test_a_made_one_that_is_answered_with_a_refusal_is_not_logged_as_refused(site, cli, ready):
    site.faults["CreateSubmission"] = ["after-400-file"]
    site.late = 2
    assert cli("submit", "titanic").code == 5
    assert events() == ["sending"]
    assert cli("submit", "titanic").code == 0
    assert (len(site.submissions), events()) == (1, ["sending", "submitted", "scored"])


@pytest.mark.parametrize("page", [2, 25, 60, 100])
def test_a_fresh_clone_looks_at_all_pages(site, cli, ready, page):
    cli("submit", "titanic", "--no-wait")
    for number in range(125):
        site.by_hand("titanic", name=f"{number}.csv")
    site.page, site.allowed, site.verdicts = page, 200, [COMPLETE]
    LEDGER.unlink()
    done = cli("submit", "titanic")
    assert (done.code, len(site.submissions), site.count("upload")) == (0, 126, 1)
    assert "submission 4000 already" in done.text


@pytest.mark.parametrize("full", [20, 50])
def test_pages_by_number_are_followed_where_no_token_comes(site, patience, full):
    """An older form of the list; one that ignores the number gives its page again, and that is the end."""
    refs = list(range(1, 2 * full + 6))
    pages = [refs[:full], refs[full : 2 * full], refs[2 * full :]]
    answers = [Odd(200, json.dumps({"submissions": [{"ref": ref} for ref in page]}).encode()) for page in pages]
    with Kaggle(patience=patience) as kaggle:
        site.faults["ListSubmissions"] = list(answers)
        assert [item["ref"] for item in kaggle.submissions("titanic")] == refs
        site.faults["ListSubmissions"] = [answers[0], answers[0]]
        assert [item["ref"] for item in kaggle.submissions("titanic")] == refs[:full]
    assert site.count("ListSubmissions") == 5


def test_a_list_without_an_end_sends_nothing_and_names_the_way_out(site, cli, ready):
    page = json.dumps({"submissions": [{"ref": 1}], "nextPageToken": "1"}).encode()
    site.faults["ListSubmissions"] = [Odd(200, page)] * 9
    done = cli("submit", "titanic")
    assert (done.code, site.count("upload")) == (6, 0)
    assert "does not come to an end" in done.text
    assert cli("submit", "titanic", "--again").code == 0
    assert len(site.submissions) == 1


def test_an_answer_nested_beyond_reason_is_no_answer(site, cli, ready):
    for depth in (25, 400, 900):
        nested = b"[" * depth + b"]" * depth
        site.faults["ListSubmissions"] = [Odd(200, b'{"submissions": [{"ref": 1, "description": ' + nested + b"}]}")]
        done = cli("submit", "titanic")
        assert (done.code, site.count("upload")) == (6, 0)
        assert "something else came where Kaggle's answer belongs" in done.text


@pytest.mark.parametrize("faults", [["500"], ["drop"], ["after-drop"]])
@pytest.mark.parametrize("status", ["COMPLETE", "ERROR"])
def test_a_teammates_submission_meanwhile_does_not_block(site, cli, ready, faults, status):
    site.verdicts = [{**COMPLETE, "status": status}]
    site.faults["CreateSubmission"], take = list(faults), site.next_fault

    def and_theirs(call):
        fault = take(call)
        if call == "CreateSubmission" and fault:
            site.by_hand("titanic", "of a teammate")
        return fault

    site.next_fault = and_theirs
    done = cli("submit", "titanic")
    ours = [item for item in site.submissions if "hw-" in item["description"]]
    assert len(site.submissions) - len(ours) == 1
    # One that cannot be scored may count for nothing: then Kaggle counts one more than can be explained.
    unclear = status == "ERROR" and faults != ["after-drop"]
    assert (done.code, len(ours)) == ((6, 0) if unclear else (5 if status == "ERROR" else 0, 1)), done.text
    if unclear:
        assert cli("submit", "titanic", "--again").code == 5  # sent, and the stand-in cannot score anything
        assert len(site.submissions) == 2


def test_the_same_file_sent_through_a_browser_is_not_sent_again(site, cli, ready):
    path = next(Path("submissions/titanic").glob("*.csv"))
    site.faults["CreateSubmission"] = ["500"] * 9
    cli("submit", "titanic")
    site.faults.clear()
    site.by_hand("titanic", "", path.name, path.read_bytes()[:-1])
    site.by_hand("titanic", "", "other.csv", path.read_bytes())
    site.submissions[0]["status"] = "COMPLETE"
    site.by_hand("titanic", "", path.name, path.read_bytes())
    done = cli("submit", "titanic")
    assert (done.code, len(site.submissions)) == (0, 3)
    assert "submission 4002 already" in done.text


NO_LIST = {
    "error 500 under a 200": (200, {"code": 500, "message": "Internal error"}),
    "nested error under a 200": (200, {"error": {"code": 503}}),
    "error without a code": (200, {"error": "backend"}),
    "code as text": (200, {"code": "500"}),
    "nothing": (200, {}),
    "null": (200, {"submissions": None}),
    "another key": (200, {"items": []}),
    "code of another kind": (200, {"code": 13, "message": "internal"}),
    "partial content": (206, {"submissions": []}),
    "accepted": (202, {"submissions": []}),
    "an empty list though one is counted": (200, {"submissions": []}),
    "one of theirs, none of ours": (200, {"submissions": [{"ref": 1, "date": "2020-01-01T00:00:00Z"}]}),
    "our tag, no reference": (200, {"submissions": [{"ref": "x", "description": "[TAG]"}]}),
    "our tag, reference 0": (200, {"submissions": [{"ref": 0, "description": "[TAG]"}, {"ref": 9}]}),
    "our tag, reference true": (200, {"submissions": [{"ref": True, "description": "[TAG]"}]}),
}


def odd(status, answer, **named):
    return Odd(status, json.dumps(answer).encode(), **named)


@pytest.mark.parametrize("case", NO_LIST)
def test_an_answer_that_is_no_list_is_not_taken_for_an_empty_one(site, cli, ready, case):
    status, answer = NO_LIST[case]
    assert cli("submit", "titanic", "--no-wait").code == 0
    tag = json.loads(LEDGER.read_text().splitlines()[0])["tag"]
    LEDGER.unlink()  # a fresh clone
    site.faults["ListSubmissions"] = [odd(status, json.loads(json.dumps(answer).replace("TAG", tag)))] * 9
    done = cli("submit", "titanic", "--no-wait")
    assert (done.code, len(site.submissions), site.count("upload")) == (6, 1, 1), done.text
    if not ("code" in answer or "error" in answer or status != 200) or answer.get("code") == 13:
        assert "--again" in done.text
        if answer.keys() != {"submissions"} or not answer["submissions"]:
            failed = cli("scores", "titanic")
            assert (failed.code == 6) is (answer.get("submissions") != []), failed.text
    assert cli("submit", "titanic", "--no-wait", "--again").code == 0
    assert len(site.submissions) == 2


@pytest.mark.parametrize("answer", [{}, {"submissions": None}, {"submissions": None, "nextPageToken": ""}])
def test_a_list_that_is_left_out_is_empty_where_nothing_is_counted(site, cli, ready, answer):
    site.faults["ListSubmissions"] = [odd(200, answer)] * 2
    site.faults["GetSubmissionLimits"] = [odd(200, {"numAllowedNow": 5})] * 3
    done = cli("submit", "titanic", "--no-wait")
    assert (done.code, len(site.submissions)) == (0, 1), done.text
    assert "submissions left today: 5 (0 made)" in done.text


def test_an_error_under_a_200_is_that_error(site, cli, ready):
    refused = {"error": {"code": 400, "message": "You have reached your daily submission limit."}}
    site.faults["CreateSubmission"] = [odd(200, refused)]
    done = cli("submit", "titanic")
    assert (done.code, site.submissions, events()) == (5, [], ["sending", "refused"])
    assert "no submission of titanic is left today (400)" in done.text
    site.faults["ListDataFiles"] = [odd(200, {"code": 403, "message": "You must accept the rules"})] * 2
    examined = cli("doctor", "titanic")
    assert (examined.code, "the rules of titanic are not accepted yet (403)" in examined.out) == (1, True)


def test_an_empty_page_with_a_token_is_not_the_last(site, patience):
    pages = [([1], "a"), ([], "b"), ([], "c"), ([2], "")]
    site.faults["ListSubmissions"] = [
        odd(200, {"submissions": [{"ref": ref} for ref in refs], "nextPageToken": token}) for refs, token in pages
    ]
    with Kaggle(patience=patience) as kaggle:
        assert [item["ref"] for item in kaggle.submissions("titanic")] == [1, 2]
        site.faults["ListSubmissions"] = [odd(200, {"submissions": [], "nextPageToken": "a"})] * 9
        with pytest.raises(NetworkError, match="does not come to an end"):
            list(kaggle.submissions("titanic"))
    assert len(site.faults["ListSubmissions"]) == 7


def test_numbers_that_come_as_text_are_numbers(site, cli, ready):
    site.verdicts = [{**COMPLETE, "ref": "4000"}]
    site.faults["CreateSubmission"] = [odd(200, {"ref": "4000"}, after=True)]
    site.faults["GetSubmissionLimits"] = [odd(200, {"numToday": "0", "numTotal": "0", "numAllowedNow": "5"})]
    done = cli("submit", "titanic")
    assert (done.code, len(site.submissions)) == (0, 1), done.text
    assert "submissions left today: 5 (0 made)" in done.text
    LEDGER.unlink()
    assert "submission 4000 already" in cli("submit", "titanic").text
    LEDGER.unlink()
    assert json.loads(cli("scores", "titanic", "--json").out)[0]["ref"] == 4000


def test_what_was_made_and_is_listed_without_a_reference_is_unclear_and_never_not_made(site, cli, ready):
    site.verdicts, site.faults["CreateSubmission"] = [{"ref": None}], ["after-drop"]
    for _ in range(2):
        done = cli("submit", "titanic")
        assert (done.code, len(site.submissions), events()) == (6, 1, ["sending"])
        assert "under a reference that is no number" in done.text
    assert cli("submit", "titanic", "--again", "--no-wait").code == 0


def test_a_fresh_clone_before_the_list_catches_up(site, cli, ready):
    """Counted and not listed yet: by the count of all, and by today's alone; what is listed or ours blocks nothing."""
    site.late = 3
    assert cli("submit", "titanic", "--no-wait").code == 0
    ready(seed=7)  # another csv, whose folder knows the first: nothing is hidden
    assert cli("submit", "titanic", "--no-wait").code == 0
    LEDGER.unlink()
    site.by_hand("titanic", "theirs")
    site.submissions[0] |= {"late": 0, "date": "2020-01-01T00:00:00Z", "status": "ERROR"}
    for limits in (None, odd(200, {"numToday": 2, "numAllowedNow": 3})):
        site.faults["GetSubmissionLimits"] = [limits]
        site.submissions[1]["late"] = 9
        done = cli("submit", "titanic", "--no-wait")
        assert (done.code, len(site.submissions)) == (6, 3)
        assert "Kaggle counts more submissions than it lists" in done.text
    site.submissions[1]["late"] = 0
    assert "submission 4001 already" in cli("submit", "titanic", "--no-wait").text


@pytest.mark.parametrize("message", ["hw-000000000000-abcdef", "as [hw-000000000000-1] was"])
def test_words_that_look_like_a_tag_do_not_hide_the_tag(site, cli, ready, message):
    assert cli("submit", "titanic", "--no-wait", "--message", message).code == 0
    LEDGER.unlink()
    done = cli("submit", "titanic", "--no-wait", "--message", message)
    assert (done.code, len(site.submissions)) == (0, 1)
    assert "submission 4000 already" in done.text


def test_a_count_of_today_alone_is_not_certain_once_it_may_have_begun_anew():
    assert upload._why_unclear((1, None, 1), (1, None, 1)) == (
        "Kaggle does not list it, nor say how many it counts in all"
    )
    assert upload._why_unclear((1, 4, 1), (1, None, 1)) != ""
    assert upload._why_unclear((0, None, 1), (0, None, 1)) == upload._why_unclear((1, 4, 1), (1, 4, 1)) == ""
    assert upload._why_unclear((1, 4, 1), (1, 5, 1)) == "Kaggle counts one more, and lists none"


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "9999", ""])
def test_an_absurd_time_in_the_ledger_stops_nothing(time):
    entry = Entry("titanic", "a.csv", "", "t", time)
    assert upload._is_recent(entry, datetime.now(UTC)) or time.startswith("0001")
    assert not upload._began_on(entry, datetime.now(UTC))
