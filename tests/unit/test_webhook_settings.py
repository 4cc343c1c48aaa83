"""What a webhook's settings may be, rule by rule."""

import base64
from typing import Any

import pytest
from pydantic import ValidationError

from domain.urls import url_fault
from notifiers.webhook import CHANNEL, WebhookSettings

URL = "https://example.com/hook"
KEY = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def key_of(length: int) -> str:
    """Return a signing key of that many bytes."""
    return f"whsec_{base64.b64encode(bytes(range(length))).decode()}"


def faults(**given: Any) -> list[tuple[str, str]]:  # noqa: ANN401
    """Return place and sentence of each broken rule; none repeats a value."""
    broken = None
    try:
        WebhookSettings.model_validate({"webhookUrl": URL, **given})
    except ValidationError as error:
        broken = error
    assert "canary" not in str(broken)
    return [
        (".".join(map(str, found["loc"])), found["msg"])
        for found in (broken.errors(include_input=False) if broken else ())
    ]


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "http://127.0.0.1:9900/hook",
        "http://[2001:db8::1]:8080/a?b=c&d=%20",
        "https://bücher.example/ä",
        "http://my_service:80",
        "HTTPS://EXAMPLE.COM./",
        "https://example.com/" + "a" * 2028,
        "http://1.example/",
        "http://0x7f.example:80/",
    ],
)
def test_an_address_that_can_be_dialled_is_taken(url: str) -> None:
    assert url_fault(url) is None
    assert faults(webhookUrl=url) == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "http"),
        ("canary", "http"),
        ("ftp://canary.example/", "http"),
        ("javascript:canary", "http"),
        ("//canary.example/", "http"),
        ("http:///canary", "host"),
        ("http://canary..example/", "host"),
        ("http://-canary.example/", "host"),
        (f"http://{'canary' * 11}.example/", "host"),
        ("http://canary.example:0/", "port"),
        ("http://canary.example:65536/", "port"),
        ("http://canary.example:x/", "port"),
        ("http://[canary]/", "host"),
        ("http://[fe80::1%25eth0]/", "host"),
        ("http://canary%41.example/", "host"),
        ("http://[::1]canary/", "host"),
        ("http://[v1.canary]/", "host"),
        ("http://canary\u00ad.example/", "host"),
        ("http://2130706433/", "decimal"),
        ("http://0x7f000001/", "decimal"),
        ("http://0177.0.0.1/", "decimal"),
        ("http://127.1/", "decimal"),
        ("http://127.0.0.1./", "decimal"),
        ("http://①②⑦.0.0.1/", "decimal"),
        ("http://127。0。0。1/", "decimal"),
        ("http://canary.0x7F/", "decimal"),
        ("https://user:canary@example.com/", "header"),
        ("https://canary@example.com/", "header"),
        ("https://:canary@example.com/", "header"),
        ("https://@example.com/canary", "header"),
        ("https://example.com/#canary", "fragment"),
        ("https://example.com/canary space", "spaces"),
        ("https://example.com/canary\r\nX: y", "control"),
        ("https://example.com\\@canary.example/", "forbidden"),
        ("https://example.com/" + "c" * 2029, "2048"),
    ],
)
def test_what_cannot_be_dialled_is_refused_with_the_reason(
    url: str, reason: str
) -> None:
    ((place, sentence),) = faults(webhookUrl=url)
    assert place == "webhookUrl"
    assert reason in sentence
    assert "canary" not in sentence


@pytest.mark.parametrize("length", [24, 32, 64])
def test_a_signing_key_has_24_to_64_bytes(length: int) -> None:
    assert faults(signingSecret=key_of(length)) == []


@pytest.mark.parametrize(
    "key",
    [
        "",
        "canary",
        key_of(23),
        key_of(65),
        KEY.removeprefix("whsec_"),
        KEY.replace("whsec_", "whsk_"),
        KEY[:-1],
        KEY.replace("A", "!"),
        KEY.replace("A", "-"),
        f"{KEY}\n",
        "whsec_" + "canäry" * 8,
    ],
)
def test_what_is_no_signing_key_is_refused(key: str) -> None:
    assert [place for place, _ in faults(signingSecret=key)] == ["signingSecret"]


def test_a_previous_key_follows_none() -> None:
    ((place, sentence),) = faults(previousSigningSecret=KEY)
    assert place == "previousSigningSecret"
    assert "signingSecret" in sentence
    assert faults(signingSecret=key_of(24), previousSigningSecret=KEY) == []


@pytest.mark.parametrize("name", ["Authorization", "X-A.b_c!", "a" * 128])
def test_a_header_has_a_name_of_token_characters(name: str) -> None:
    assert faults(headers=[{"name": name, "value": "v"}]) == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "canary:",
        "canary name",
        "canary\n",
        "canäry",
        "a" * 129,
        "host",
        "Host",
        "Content-Length",
        "content-type",
        "Transfer-Encoding",
        "Connection",
        "WEBHOOK-ID",
        "webhook-timestamp",
        "webhook-signature",
        "User-Agent",
    ],
)
def test_a_name_that_is_ours_or_no_token_is_refused(name: str) -> None:
    found = faults(headers=[{"name": name, "value": "v"}])
    assert [place for place, _ in found] == ["headers.0.name"]


@pytest.mark.parametrize(
    "value",
    ["", "canary\r\nX: y", "canary\0", "\tcanary", "canary ", "canäry", "c" * 4097],
)
def test_a_value_that_could_break_the_request_is_refused(value: str) -> None:
    found = faults(headers=[{"name": "X-A", "value": value}])
    assert [place for place, _ in found] == ["headers.0.value"]


def test_there_are_at_most_20_headers_each_once() -> None:
    headers = [{"name": f"X-{n}", "value": "v"} for n in range(20)]
    assert faults(headers=headers) == []
    assert faults(headers=[*headers, {"name": "Y", "value": "v"}]) != []
    headers[1] = {"name": "x-0", "value": "v"}
    assert [place for place, _ in faults(headers=headers)] == ["headers"]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://127.0.0.1:9900/hook", "http://127.0.0.1:9900/hook"),
        ("https://example.com/hook?token=canary", "https://example.com/hook"),
        ("https://example.com/hook?canary", "https://example.com/hook"),
        (
            "https://hooks.slack.com/services/T00/B00/XXcanary123XXXXXXXXXXXXX",
            "https://hooks.slack.com/services/T00/B00/…",
        ),
    ],
)
def test_the_name_shows_no_credential(url: str, name: str) -> None:
    assert CHANNEL.name(WebhookSettings(webhook_url=url)) == name
