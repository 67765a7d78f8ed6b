"""No user, no password and no signature is in what is shown of an address."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.web.addresses import proxy_fault, shown, without_secrets

PLACE = "proxy.example:8080"
SAFE = {f"http://***@{PLACE}", f"***@{PLACE}", "http://***", "***"}
FORMS = {
    "whole": "http://{user}:{password}@{place}",
    "whole, with a path": "http://{user}:{password}@{place}/",
    "without http://": "{user}:{password}@{place}",
    "password alone": "http://:{password}@{place}",
    "user alone": "http://{user}@{place}",
    "one slash": "http:/{user}:{password}@{place}",
    "as it is sold": "{place}:{user}:{password}",
    "as it is sold, with http://": "http://{place}:{user}:{password}",
    "curl": "{place} -U {user}:{password}",
    "no @": "http://{user}:{password}",
    "two": "http://{user}:{password}@{place},http://{user}:{password}@{place}",
}
LETTERS = string.printable + "é密码＠“”\u200b"  # a strategy over all of Unicode takes ten seconds to be made
secrets = st.text(st.one_of(st.sampled_from("@:/?#[]%&=\\ ;,"), st.sampled_from(LETTERS)), max_size=12)


@pytest.mark.parametrize("form", [name for name in FORMS if name != "no @"])
@given(user=secrets, password=secrets, encoded=st.booleans())
@settings(max_examples=60, deadline=None)
def test_whatever_user_and_password_are_they_are_not_shown(form, user, password, encoded):
    if encoded:
        user, password = quote(user, safe=""), quote(password, safe="")
    address = FORMS[form].format(user=user, password=password, place=PLACE)
    assert shown(address) in SAFE
    proxy_fault(address)


@given(password=secrets.filter(lambda text: text and not text[0].isdigit()))
@settings(max_examples=60, deadline=None)
def test_an_address_that_ends_with_a_password_is_not_shown(password):
    expected = {"http://***", "***"}
    assert shown(f"http://{PLACE}:anna:{password}") in expected
    assert shown(f"http://{PLACE}?user=anna&password={password}") in {*expected, f"http://{PLACE}/***"}


@given(signature=secrets)
@settings(max_examples=60, deadline=None)
def test_of_a_signed_address_the_host_is_shown_alone(signature):
    address = f"https://storage.googleapis.com/titanic/archive.zip?X-Goog-Signature={signature}"
    assert shown(address) in ("https://storage.googleapis.com/***", "https://***")


@given(password=secrets.filter(lambda text: "://" not in text))
@settings(max_examples=60, deadline=None)
def test_an_address_in_a_text_is_shown_as_one_alone(password):
    address = f"http://anna:{password}@{PLACE}"
    assert without_secrets(f"Failed to parse: {address} at 12:30") == f"Failed to parse: {shown(address)} at 12:30"


@pytest.mark.parametrize(
    "text",
    [
        "see https://www.kaggle.com/competitions/titanic/rules, then go on.",
        "write to anna@example.com before 12:30",
        "limit of 5 submissions (12.5 hours from now)",
    ],
)
def test_a_text_without_secrets_stays_as_it_is(text):
    assert without_secrets(text) == text


@pytest.mark.parametrize(
    "address",
    [
        "http://proxy:8080", "HTTP://proxy.corp", "127.0.0.1:3128", "proxy.corp:3128", "http://[::1]:80/",
        "https://proxy", "http://anna:se%23cret@proxy:80", "http://CORP\\anna:secret@proxy:80",
        "http://anna:a@b@proxy:80", "anna@proxy:80",
    ],
)  # fmt: skip
def test_an_address_that_requests_can_use_has_no_fault(address):
    assert proxy_fault(address) is None
