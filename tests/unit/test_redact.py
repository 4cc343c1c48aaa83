"""Addresses are shown without credentials, texts without secrets."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.redact import Scrubber, masked_url

SECRET = 's3cr/t+"ü&x=\\ end'


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com", "https://example.com"),
        ("https://example.com/hook", "https://example.com/hook"),
        ("http://example.com:8080/api/v2/on-call_alerts.php", None),
        ("http://[::1]:9000/hook1/", None),
        (
            "https://HOST.example/IncomingWebhook/",
            "https://host.example/IncomingWebhook/",
        ),
        (
            "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXX",
            "https://hooks.slack.com/services/…/…/…",
        ),
        (
            "https://discord.com/api/webhooks/1234567890/AbC-dE_fG1hIjK",
            "https://discord.com/api/webhooks/…/…",
        ),
        (
            "https://api.telegram.org/bot123:ABC/sendMessage",
            "https://api.telegram.org/…/sendMessage",
        ),
        (
            "https://example.com/hook/6b1f4c1e-93a0-4f9e-8d0d-0a3d1c7b2e11",
            "https://example.com/hook/…",
        ),
        ("https://example.com/kqzvxwjyhplmrtbnd", "https://example.com/…"),
        ("https://example.com/a1b2c3/dead8eef00", "https://example.com/…/…"),
        ("https://example.com/a%20token;key=1", "https://example.com/…"),
        (
            "https://user:pass@example.com/h?sig=abc&flag&=x#part",
            "https://example.com/h?sig=…&…&=…",
        ),
        ("https://a@b@example.com/", "https://example.com/"),
    ],
)
def test_only_ordinary_parts_of_an_address_are_shown(
    url: str, shown: str | None
) -> None:
    assert masked_url(url) == (shown or url)


@pytest.mark.parametrize(
    "text", ["", "hunter2", "http://", "http://[bad/x", "http://h:x/"]
)
def test_nothing_is_shown_of_what_is_no_address(text: str) -> None:
    assert masked_url(text) == "…"


@given(st.text(st.sampled_from("abcdefXYZ0123456789-_"), min_size=33))
def test_a_long_segment_never_stays(segment: str) -> None:
    assert masked_url(f"https://example.com/{segment}") == "https://example.com/…"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        html.escape(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1].replace("/", r"\/"),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").replace("%C3%BC", "%c3%bc").replace("%2F", "%2f"),
        quote_plus(SECRET),
    ],
)
def test_a_secret_goes_in_each_form(form: str) -> None:
    if form.count("%c3"):
        form = quote(SECRET, safe="").lower()
    assert Scrubber([SECRET]).scrub(f"<{form}>") == "<[secret]>"


@given(st.text(min_size=4, max_size=60), st.binary(max_size=5), st.binary(max_size=5))
def test_a_secret_goes_from_base64_wherever_it_stands(
    secret: str, before: bytes, after: bytes
) -> None:
    raw = before + secret.encode() + after
    scrubber = Scrubber([secret])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = scrubber.scrub(f"Basic {encode(raw).decode()}.")
        assert "[secret]" in text
        assert len(text) <= len("Basic [secret].") + 2 * 4 * 3


@given(st.text(min_size=4, max_size=60), st.text(), st.text())
def test_a_scrubbed_text_never_holds_the_secret(
    secret: str, before: str, after: str
) -> None:
    text = Scrubber([secret]).scrub(before + secret + after)
    assert secret not in text.replace("[secret]", "\0")


def test_a_secret_that_the_end_cuts_is_known_by_its_beginning() -> None:
    scrubber = Scrubber(["canary-4711"])
    assert scrubber.scrub("token: canary-47") == "token: [secret]"
    assert scrubber.scrub("token: can") == "token: can"


def test_a_secret_named_like_the_replacement_is_replaced_once() -> None:
    assert (
        Scrubber(["secret", "a secret"]).scrub("it is a secret.") == "it is [secret]."
    )


def test_of_two_secrets_the_longer_goes() -> None:
    assert Scrubber(["abcd", "abcd-efgh"]).scrub("abcd-efgh") == "[secret]"


def test_short_secrets_and_plain_texts_stay() -> None:
    assert Scrubber(["abc", ""]).scrub("abc") == "abc"
    assert Scrubber([]).scrub("text") == "text"


def test_a_scrubber_does_not_show_its_secrets() -> None:
    assert "canary" not in repr(Scrubber(["canary-4711"]))
