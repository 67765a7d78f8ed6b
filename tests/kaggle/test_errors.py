"""What Kaggle, the network and the settings say is told as it is; exit codes are said in the same words everywhere."""

import pickle
import re
import ssl
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from made import LEDGER
from stand_in import ANSWERS, KEY, SIGNATURE, TOKEN

from pipelines.errors import HomeworkError
from pipelines.kaggle import errors
from pipelines.kaggle.client import Kaggle
from pipelines.kaggle.errors import AccessError, CredentialsError, RefusedError, from_answer, not_accepted
from pipelines.kaggle.refusals import REFUSALS, UNKNOWN, filled
from pipelines.report.console import EXIT_CODES
from pipelines.web import failures
from pipelines.web.failures import NetworkError, seconds_of, translated

ROOT = Path(__file__).resolve().parents[2]


def codes():
    """The exit codes that the classes own."""
    pending = [HomeworkError]
    for kind in pending:
        pending += kind.__subclasses__()
    return {str(kind.exit_code) for kind in pending}


def test_the_command_line_lists_the_codes_that_the_classes_own():
    listed = set(re.findall(r"(?:: |; )(\d+) ", EXIT_CODES))
    assert listed == codes() | {"0", "130"}


@pytest.mark.parametrize(("name", "start"), [("README.md", "Exit codes: "), ("README.zh-CN.md", "退出码：")])
def test_the_readmes_list_them_too(name, start):
    text = (ROOT / name).read_text(encoding="utf-8").partition(start)[2].partition(".")[0].partition("。")[0]
    assert set(re.findall(r"(?:^|[,，] ?|\n)(\d+) ", text)) >= codes() | {"0", "130"}


def test_every_error_of_kaggle_has_a_code_of_its_own():
    kinds = [
        kind
        for module in (errors, failures)
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == module.__name__
    ]
    assert sorted(kind.exit_code for kind in kinds) == [3, 4, 5, 6, 7]


def test_a_wrong_name_or_option_is_answered_before_anything_heavy_is_imported(home):
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from pipelines.__main__ import app\n"
        "for command in ('data', 'submit', 'scores', 'doctor'):\n"
        "    for wrong in ('../titanic', '--sideways'):\n"
        "        assert CliRunner().invoke(app, [command, wrong]).exit_code == 2, (command, wrong)\n"
        "print(sorted({'torch', 'pandas', 'sklearn', 'kagglesdk', 'kagglehub'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout == "[]\n"


NOT = "Submission not allowed:  "
TODAY = (
    "Your team has used its daily Submission allowance (5) today, please try again tomorrow UTC (12 hours from now)."
)
WORDS = {  # what Kaggle says -> a part of the cause, of the next step, and the class
    "Your team has used its submission allowance (5 of 5). This resets at midnight UTC (9.4 hours from now).": "today",
    NOT + TODAY: "today",
    "You have reached your daily submission limit.": "today",
    "You have reached the limit of 5 submissions.": "today",
    "Maximum number of submissions reached": "today",
    "You have used all of your 5 submissions": "today",
    "Your team has made 5 submissions today": "today",
    "You have exceeded your daily limit of 10 submissions": "today",
    "0 submissions remaining": "today",
    "Daily limit reached": "today",
    "You have submitted too often; come back tomorrow": "today",
    NOT + "This competition only accepts Submissions from Notebooks.": "notebook",
    f'{NOT}{TODAY} This competition only accepts Submissions from Notebooks. Submission files must be named "a.csv".': (
        "notebook"
    ),
    "Submissions must be made through Notebooks": "notebook",
    "This is a Code Competition": "notebook",
    NOT + "Submissions have been disabled for this competition.": "closed",
    "The competition deadline has passed.": "closed",
    "This competition is closed.": "closed",
    "You cannot submit to this competition because it has ended": "closed",
    "Titanic has ended.": "closed",
    "This competition has ended and does not accept late submissions": "closed",
    "Competition is no longer accepting submissions": "closed",
    NOT + "Your file exceeds the maximum size of 20 GB.": "large",
    "The file is larger than the limit of 100 MB.": "large",
    "File too large": "large",
    "The upload limit is 100 MB": "large",
    "Only zip files of 100 MB or less": "large",
    "Your submission exceeds 100 MB": "large",
    "Your team exceeds the maximum team size": "team",
    "Your team has a pending merge request": "merger",
    "The team merger deadline has passed": "merger",
    "You cannot submit while a team merger is pending": "merger",
    "This competition requires identity verification. To submit, you'll need to verify your identity.": "identity",
    "You have not verified your identity using Persona": "identity",
    "Please verify your phone number.": "phone",
    "Your account must be verified": "account",
    "You cannot submit until you accept the competition rules": "rules",
    "Submissions are not allowed until you accept the rules": "rules",
    "You must accept this competition's rules before you'll be able to download files.": "rules",
    "You must join the competition first.": "rules",
    "This competition is by invitation only": "invited",
    "Permission 'competitions.participate' was denied": "spelling",
    "The file is not a valid submission.": "file",
    "id column identity_id is missing": "file",
    "Column identity is missing": "file",
    "Column 'persona' is missing": "file",
    "The daily column is missing from the submission": "file",
    "Submission file daily.csv has 3 rows": "file",
    "Submission uses 3.5 MB; header row missing": "file",
    "Submission must have 418 rows": "file",
}
CAUSES = {
    "today": ("no submission of titanic is left today", "00:00 UTC", RefusedError),
    "notebook": ("takes what a notebook on Kaggle writes", "/competitions/titanic/code", RefusedError),
    "closed": ("takes no submissions now", "late submission", RefusedError),
    "large": ("larger than titanic takes", "zip the csv", RefusedError),
    "team": ("the team is larger", "/competitions/titanic/team", RefusedError),
    "merger": ("a merger of teams", "/competitions/titanic/team", RefusedError),
    "identity": ("verified identity", "Verify now", AccessError),
    "phone": ("phone number", "kaggle.com/settings", AccessError),
    "account": ("account verified first", "kaggle.com/settings", AccessError),
    "rules": ("the rules of titanic are not accepted yet", "/competitions/titanic/rules", AccessError),
    "invited": ("invited people", "invitation", AccessError),
    "spelling": ("no competition 'titanic'", "check the spelling", AccessError),
    "file": ("does not take the file", "compare the file", RefusedError),
}


def told(status, text, what="submission", slug="titanic"):
    return from_answer(status, {}, text, shown=text, what=what, slug=slug)


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("words", WORDS)
def test_each_wording_of_a_refusal_is_told_as_what_it_is(words, status):
    cause, step, kind = CAUSES[WORDS[words]]
    error = told(status, words)
    assert cause in error.message
    assert step in error.hint
    assert f'({status}): "{words}"' in error.message
    assert type(error) is (RefusedError if status == 400 and WORDS[words] == "rules" else kind)


@pytest.mark.parametrize("what", ["submission", "upload", "download", "list of files", "score"])
@pytest.mark.parametrize("status", [400, 403, 409])
def test_words_that_are_not_known_are_quoted_and_no_cause_is_invented(status, what):
    error = told(status, "The moon is full.", what)
    assert error.message == f'{what}: Kaggle said no ({status}): "The moon is full."'
    assert not re.search("rules|phone|UTC|spelling", error.hint)


@pytest.mark.parametrize(
    "words",
    [
        "The limit of the submission description is 500 characters.",
        "We could not verify the checksum of the upload.",
        "You have been removed from this competition.",
        "According to its rules you may not submit.",
        "Your Notebook cannot use internet access in this competition.",
        "Submissions are over there.",
        "Unexpected error while merging tables",
        "Failed to merge your submission with the solution",
        "Description exceeds maximum size of 500 characters",
        "Values larger than 1 are not allowed",
        "Kaggle is in maintenance until tomorrow",
    ],
)
def test_words_near_known_ones_are_quoted_too(words):
    assert told(400, words).message == f'submission: Kaggle said no (400): "{words}"'


@pytest.mark.parametrize("slug", ["daily-power-forecast", "phone-quota", "identity-merge"])
@pytest.mark.parametrize("as_title", [False, True])
def test_the_name_of_a_competition_is_no_reason(slug, as_title):
    name = slug.replace("-", " ").title() if as_title else slug
    error = told(403, f"You must accept the rules of {name} before you submit", slug=slug)
    assert error.message.startswith(f"the rules of {slug} are not accepted yet (403)")
    assert name in error.message
    assert "closed" not in told(403, f"{name}: the moon is full", slug=slug).message


def test_the_reason_is_read_before_a_secret_is_hidden(site, patience, monkeypatch):
    """A proxy's password may be a word that Kaggle's reason is known by."""
    monkeypatch.setenv("https_proxy", site.proxy.replace("//", "//anna:rules@"))
    site.faults["ListDataFiles"] = ["403-flat"]
    with Kaggle(patience=patience) as kaggle, pytest.raises(AccessError) as caught:
        kaggle.files("titanic")
    assert caught.value.message.startswith("the rules of titanic are not accepted yet")
    assert caught.value.message.endswith('"You must accept this competition\'s ***."')


def test_what_a_competition_does_not_take_is_no_reason_against_a_download():
    error = told(400, "The file is not a valid submission.", "download")
    assert "Kaggle said no (400)" in error.message
    assert "python -m pipelines data titanic --from FILE.zip" in error.hint
    assert "python -m pipelines data titanic --from FILE.zip" in error.hint_zh


def test_not_found_is_told_by_what_was_asked():
    download, listed = told(404, "Not found", "download"), told(404, "Not found", "list of files")
    assert "no files of titanic" in download.message
    assert "check the spelling" in download.hint
    assert "--from FILE.zip" in download.hint
    assert "no competition 'titanic'" in listed.message
    assert "--from" not in listed.hint


def test_a_status_tells_where_there_are_no_words():
    assert "larger than" in told(413, "").message
    assert "without a reason" in told(403, "").message
    assert "/competitions/titanic/rules" in told(403, "").hint
    assert isinstance(told(429, "Too many requests"), NetworkError)
    assert isinstance(told(429, NOT + TODAY), RefusedError)
    assert isinstance(told(503, "daily"), NetworkError)
    assert isinstance(not_accepted("key from kaggle.json", 401, TODAY), CredentialsError)


def addresses_in(text):
    return sorted(re.findall(r"https://[\w./-]*\w|\w+\.zip|--\w+|REQUESTS_CA_BUNDLE|https?_proxy", text))


@pytest.mark.parametrize("row", [*[(r.step, r.step_zh) for r in REFUSALS], *UNKNOWN.values()], ids=lambda r: r[0][:30])
def test_english_and_chinese_lead_to_the_same_places(row):
    step, step_zh = filled("titanic", *row)
    assert addresses_in(step_zh) in (
        addresses_in(step),
        [a for a in addresses_in(step) if a != "https://www.kaggle.com/competitions"],
    )


@pytest.mark.parametrize("fault", ["401-html", "403-html"])
def test_a_page_in_between_is_not_taken_for_kaggles_answer(site, cli, monkeypatch, fault):
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    site.faults["ListSubmissions"] = site.faults["DownloadDataFiles"] = [fault]
    done = cli("data", "titanic")
    assert done.code == 6
    assert f"download ({fault[:3]}): a web page came where Kaggle's answer belongs" in done.text
    assert "open https://www.kaggle.com in a browser" in done.text
    assert not re.search("rules|does not accept|make a new token", done.text)
    assert site.count("DownloadDataFiles") == 1


def test_a_secret_that_an_answer_repeats_at_its_end_is_not_cut_in_two(site, patience, monkeypatch):
    monkeypatch.setitem(ANSWERS, "403-flat", (403, {"code": 403, "message": f"{'x' * 290} {KEY}"}))
    site.faults["ListDataFiles"] = ["403-flat"]
    with Kaggle(patience=patience) as kaggle, pytest.raises(AccessError) as caught:
        kaggle.files("titanic")
    assert KEY[:6] not in caught.value.message


def test_the_signature_of_the_uploads_address_is_not_repeated(site, cli, ready, monkeypatch):
    said = {"code": 400, "message": f"Bad blob https://storage/upload?{SIGNATURE} ({SIGNATURE.partition('=')[2]})"}
    monkeypatch.setitem(ANSWERS, "400-other", (400, said))
    site.faults["CreateSubmission"] = ["400-other"]
    done = cli("submit", "titanic")  # which asserts that no secret is shown
    assert (done.code, "Bad blob" in done.text) == (5, True)
    assert SIGNATURE.partition("=")[2] not in done.text + LEDGER.read_text()


PROXIES = {
    "socks5h://127.0.0.1:9": ("needs the package PySocks", "pip install pysocks"),
    "socks4://127.0.0.1:9": ("needs the package PySocks", "pip install pysocks"),
    "socks://127.0.0.1:9": ("no kind of proxy", "socks5h:// if it is a SOCKS proxy"),
    "localhost:9": ("http:// is missing in front", "http://host:port"),
    "http://": ("it is not an address", "http://host:port"),
    "http://proxy:port": ("it is not an address", "http://host:port"),
    "http://127.0.0.1:99999": ("it is not an address", "http://host:port"),
    "http:/127.0.0.1:9": ("it is not an address", "http://host:port"),
    "htp://127.0.0.1:9": ("no kind of proxy", "begin it with http://"),
    '"http://127.0.0.1:9"': ("quotes or blanks", "http://host:port"),
    "http://anna:pa#ss@127.0.0.1:9": ("characters that end an address", "# %23"),
    "http://anna:pa[ss@127.0.0.1:9": ("characters that end an address", "[ %5B"),
    "http://anna:%E5%AF%86@127.0.0.1:9": ("letters that cannot be sent", "Latin letters"),
}


@pytest.mark.parametrize("address", PROXIES)
def test_a_proxy_that_cannot_be_used_is_told_at_once(site, cli, clock, monkeypatch, address):
    monkeypatch.setenv("https_proxy", address)
    monkeypatch.setattr("pipelines.web.addresses.find_spec", lambda _name: None)
    what, step = PROXIES[address]
    done = cli("data", "titanic")
    assert (done.code, clock.waits, site.calls) == (6, [], [])
    assert done.text.startswith("error: no way to api.kaggle.com: https_proxy=")
    assert what in done.text
    assert step in done.text


def test_an_address_that_is_none_is_told_too():
    with (
        pytest.raises(NetworkError, match="could not be made") as caught,
        translated("https://[x/y?signature=1"),
    ):
        raise ValueError("Invalid IPv6 URL: https://[x/y?signature=1")
    assert not caught.value.passing
    assert "signature" not in "".join(traceback.format_exception_only(caught.value))
    assert caught.value.__suppress_context__


def test_a_proxy_that_speaks_http_is_not_asked_by_https(site, cli, clock, monkeypatch):
    monkeypatch.setenv("https_proxy", site.proxy.replace("http:", "https:"))
    done = cli("data", "titanic")
    assert (done.code, clock.waits) == (6, [])
    assert "speaks HTTP, not HTTPS" in done.text
    assert "begin with http://" in done.text


@pytest.mark.parametrize("kind", ["missing", "empty", "DER", "a key", "UTF-16", "an empty folder", "in quotes"])
def test_certificates_that_cannot_be_used_are_told_at_once(site, cli, clock, monkeypatch, tmp_path, kind):
    pem, path = (tmp_path / "ca.pem").read_text(), tmp_path / "bundle"
    contents = {
        "empty": b"", "DER": ssl.PEM_cert_to_DER_cert(pem), "UTF-16": pem.encode("utf-16"), "in quotes": pem.encode(),
        "a key": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    }  # fmt: skip
    if kind in contents:
        path.write_bytes(contents[kind])
    elif kind == "an empty folder":
        path.mkdir()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", f'"{path}"' if kind == "in quotes" else str(path))
    done = cli("data", "titanic")
    what = {
        "missing": "which is not there", "in quotes": "which is not there", "empty": "which is empty",
        "DER": "which is in DER form, not PEM", "an empty folder": "a folder without certificates",
    }.get(kind, "which holds no certificate in PEM form")  # fmt: skip
    assert (done.code, clock.waits, site.calls) == (6, [], [])
    assert f"{path}" in done.text
    assert what in done.text
    assert (f"openssl x509 -inform der -in {path} -out ca.pem" in done.text) is (kind == "DER")
    examined = cli("doctor", "titanic")
    assert examined.code == 1
    assert what in next(line for line in examined.out.splitlines() if "certificate " in line)


@pytest.mark.parametrize(
    "address", ["http://anna:pw@", "http://anna:pw@/", "http://:pw@", "http://anna:pw@:8080", "http://proxy:８０８０"]
)
def test_a_proxy_without_a_host_or_with_odd_digits_is_told(site, cli, clock, monkeypatch, address):
    monkeypatch.setenv("https_proxy", address)
    done = cli("data", "titanic")
    assert (done.code, clock.waits, site.calls) == (6, [], [])
    assert done.text.startswith("error: no way to api.kaggle.com: https_proxy=")
    assert "it is not an address" in done.text
    assert "pw" not in done.text
    assert cli("doctor", "titanic").code == 1


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 01 Jan 0001 00:00:00 +2359", "Mon, 01 Jan 99999 00:00:00 GMT",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2026 00:00:00 +99999999999999999999", "Mon, 99 Foo 2026", ", ,", "",
    ],
)  # fmt: skip
def test_an_absurd_time_to_wait_is_none_at_all(text):
    assert seconds_of(text) in (None, 0.0)
    assert seconds_of("Fri, 31 Dec 9999 23:59:59 -2359") > 1e11


UNFIT = [
    "The access token has expired", "Token expired", "Your token was revoked", "Invalid access token",
    "Request had insufficient authentication scopes.", "The token lacks the required scope competitions.write",
]  # fmt: skip


@pytest.mark.parametrize("words", UNFIT)
def test_a_token_that_is_refused_with_403_makes_way_for_the_key(site, cli, monkeypatch, words):
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    monkeypatch.setitem(ANSWERS, "403-flat", (403, {"code": 403, "message": words}))
    site.faults["DownloadDataFiles"] = ["403-flat"]
    done = cli("data", "titanic")
    assert done.code == 0, done.text
    assert "does not accept the token from KAGGLE_API_TOKEN; it hides the key" in done.text


@pytest.mark.parametrize("words", ["The blob token has expired", "The competition has expired", "Out of scope"])
def test_other_words_of_a_403_are_not_about_the_credential(words):
    assert not isinstance(told(403, words), CredentialsError)


def test_an_error_of_another_process_says_whether_it_passes():
    error = NetworkError("Kaggle is silent", "wait", "请稍候", passing=False, retry_after=7.0)
    error.add_note("of a download")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.args) == (NetworkError, str(error), error.args)
    assert (again.passing, again.retry_after, again.__notes__) == (False, 7.0, ["of a download"])
