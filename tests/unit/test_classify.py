"""The default table: which reply means what."""

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.classify import classify, excerpt, retry_after
from domain.channels import Channel
from domain.deliveries import Outcome, OutcomeKind
from domain.steps import Answer, Fault, HttpRequest, NoAnswer, Reply
from domain.timing import EXCERPT_KEPT
from notifiers.webhook import CHANNEL

NOW = 1_767_225_600_000
STEP = HttpRequest(url=("https://example.com/hook",))
PLAIN = replace(CHANNEL, classify=None)


def verdict(reply: Reply, channel: Channel = PLAIN) -> Outcome:
    return classify(channel, STEP, reply, NOW)


@given(st.integers(100, 599))
def test_only_2xx_is_sent(status: int) -> None:
    kind = verdict(Answer(status=status)).kind
    assert (kind is OutcomeKind.SENT) == (200 <= status <= 299)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (410, OutcomeKind.GONE),
        (429, OutcomeKind.RATE_LIMITED),
        *(
            (status, OutcomeKind.RETRY)
            for status in (100, 101, 301, 302, 304, 307, 400)
        ),
        *(
            (status, OutcomeKind.RETRY)
            for status in (401, 403, 404, 408, 413, 422, 425)
        ),
        *((status, OutcomeKind.RETRY) for status in (500, 501, 502, 503, 504, 599)),
    ],
)
def test_every_other_status_has_its_class(status: int, kind: OutcomeKind) -> None:
    outcome = verdict(Answer(status=status))
    assert outcome.kind is kind
    assert outcome.status_code == status
    assert outcome.at_once is (status == 410)
    assert outcome.error is not None


@pytest.mark.parametrize("fault", Fault)
def test_no_answer_is_tried_again(fault: Fault) -> None:
    outcome = verdict(NoAnswer(fault, "A sentence."))
    unknown = fault is Fault.RESET_AFTER_BODY
    assert outcome.kind is (OutcomeKind.UNKNOWN if unknown else OutcomeKind.RETRY)
    assert outcome.error == "A sentence."
    assert outcome.status_code is None


def test_a_channel_may_judge_for_itself() -> None:
    own = Outcome(kind=OutcomeKind.REJECTED)
    channel = replace(CHANNEL, classify=lambda step, reply, now: own)
    assert verdict(Answer(status=200), channel) is own


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer(status=503), "The far end answered 503 Service Unavailable."),
        (Answer(status=599), "The far end answered 599."),
        (
            Answer(status=302, headers={"location": "https://x.example/a?t=canary"}),
            "The far end answered 302 Found (to x.example); redirects are not followed.",
        ),
        (
            Answer(status=301, headers={"location": "http://<b>canary</b>/"}),
            "The far end answered 301 Moved Permanently; redirects are not followed.",
        ),
        (
            Answer(status=307, headers={"location": "http://[canary/"}),
            "The far end answered 307 Temporary Redirect; redirects are not followed.",
        ),
    ],
)
def test_the_error_is_a_sentence(answer: Answer, sentence: str) -> None:
    assert verdict(answer).error == sentence


def test_success_has_no_error_and_no_wait() -> None:
    outcome = verdict(Answer(status=204, headers={"retry-after": "60"}))
    assert (outcome.error, outcome.retry_after_ms) == (None, None)


@pytest.mark.parametrize("status", [301, 429, 503])
def test_a_wait_that_is_asked_for_is_passed_on(status: int) -> None:
    answer = Answer(status=status, headers={"retry-after": "120"})
    assert verdict(answer).retry_after_ms == 120_000


def date(seconds: int) -> str:
    moment = datetime.fromtimestamp(NOW / 1000 + seconds, UTC)
    return format_datetime(moment, usegmt=True)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("0", 0),
        (" 7 ", 7_000),
        ("86400", 86_400_000),
        (date(90), 90_000),
        (date(-90), None),
        (date(0), None),
        ("Thu, 01 Jan 2026 00:01:30 -0000", 90_000),
        *(
            (text, None)
            for text in ("", "-5", "+5", "1.5", "soon", "1e3", "٣", "9" * 11)
        ),
        ("Fri, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, wait: int | None) -> None:
    assert retry_after({"retry-after": text}, NOW) == wait


@given(st.text())
def test_no_retry_after_breaks_anything(text: str) -> None:
    assert (retry_after({"retry-after": text}, NOW) or 0) >= 0


@given(st.binary(max_size=3 * EXCERPT_KEPT))
def test_an_excerpt_is_short_and_safe(body: bytes) -> None:
    text = excerpt(Answer(status=200, body=body)) or ""
    assert len(text.encode()) <= EXCERPT_KEPT
    assert all(c >= " " or c in "\n\t" for c in text)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", None),
        (b"ok\r\nfine\t!", "ok\nfine\t!"),
        (b"a\x00b\x1b[31m\x7f\xff", "a�b�[31m��"),
        ("\u202eevil\u2066\u0085".encode(), "�evil��"),
        ("é".encode() * EXCERPT_KEPT, "é" * (EXCERPT_KEPT // 2)),
        (b"x" + "é".encode() * EXCERPT_KEPT, "x" + "é" * (EXCERPT_KEPT // 2 - 1)),
    ],
)
def test_an_excerpt_is_the_start_as_text(body: bytes, text: str | None) -> None:
    assert excerpt(Answer(status=200, body=body)) == text


def test_what_is_compressed_has_no_excerpt() -> None:
    answer = Answer(status=200, headers={"content-encoding": "gzip"}, body=b"\x1f\x8b")
    assert excerpt(answer) is None
