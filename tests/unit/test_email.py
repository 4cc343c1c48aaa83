"""The e-mail channel: its address, and what a mail says."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from domain.channels import Context
from domain.incidents import EventKind
from domain.moments import duration, moment
from domain.steps import Mail
from domain.timing import DAY, HOUR, MINUTE, SECOND
from notifiers.email import CHANNEL, EmailSettings
from tests.conformance.kit import AT, snapshot

SETTINGS = EmailSettings(email="alerts@example.com")


def mail(kind: EventKind, **far_end: object) -> Mail:
    event = replace(snapshot(kind), resource_name="web-1")
    rendered = CHANNEL.render(
        Context(snapshot=event, settings=SETTINGS, far_end=far_end)
    )
    assert isinstance(rendered, tuple)
    [step] = rendered
    assert isinstance(step, Mail)
    return step


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("alerts@example.com", "alerts@example.com"),
        ("Alerts+prod@EXAMPLE.com", "Alerts+prod@example.com"),
        ("a@bücher.example.com", "a@xn--bcher-kva.example.com"),
    ],
)
def test_an_address_is_kept_in_its_normal_form(given: str, kept: str) -> None:
    assert EmailSettings(email=given).email == kept


@pytest.mark.parametrize(
    "given",
    [
        *("", "a", "a@", "@example.com", "a@b@example.com", "a b@example.com"),
        *(
            "a@example.com\n",
            "a@example.com\r\nBcc: b@example.com",
            "A <a@example.com>",
        ),
        *(
            "a@example..com",
            "ü@example.com",
            "a@[127.0.0.1]",
            f"{'a' * 65}@example.com",
        ),
        *("a@example.com,b@example.com", f"a@{'b' * 250}.com"),
    ],
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(ValidationError):
        EmailSettings(email=given)


def test_the_first_mail_says_what_has_happened() -> None:
    opened = mail(EventKind.OPENED)
    assert opened.subject == ("[HIGH] web-1: timeout",)
    assert opened.answers is None
    [text] = opened.text
    assert isinstance(text, str)
    assert text.startswith("An incident has opened.\n\nIt is down.\n\n")
    assert "Started:" in text
    assert "Resolved:" not in text


def test_a_later_mail_answers_the_first_under_the_same_subject() -> None:
    resolved = mail(EventKind.RESOLVED, messageId="<dlv_1@example.com>")
    assert resolved.subject == ("Re: [HIGH] web-1: timeout",)
    assert resolved.answers == "<dlv_1@example.com>"
    [text] = resolved.text
    assert isinstance(text, str)
    assert "Duration: 1 min 30 s" in text


def test_without_a_first_mail_it_stands_alone() -> None:
    assert mail(EventKind.RESOLVED).answers is None


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "0 s"),
        (999, "0 s"),
        (61 * SECOND, "1 min 1 s"),
        (2 * HOUR, "2 h"),
        (DAY + MINUTE, "1 d"),
        (3 * DAY + 4 * HOUR + MINUTE, "3 d 4 h"),
    ],
)
def test_durations_are_said_in_two_units(ms: int, said: str) -> None:
    assert duration(ms) == said


def test_moments_are_said_in_utc() -> None:
    assert moment(AT) == "2026-01-01 00:00:00 UTC"
