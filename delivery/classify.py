"""What a reply means: the table for channels that bring none of their own.

Source: design, section 3. The status line decides, and only 2xx is success.
"""

import codecs
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from delivery.command_ends import classify_end, classify_not_run
from delivery.mail_replies import classify_mail
from domain.channels import Channel
from domain.deliveries import Outcome, OutcomeKind
from domain.steps import (
    Answer,
    CommandEnd,
    CommandNotRun,
    Fault,
    MailAnswer,
    NoAnswer,
    Reply,
    Step,
)
from domain.timing import EXCERPT_KEPT, SECOND

_SECONDS: Final = re.compile(r"[0-9]{1,10}")
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, what turns the direction of a text, and halves of characters."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_HOST: Final = re.compile(r"[a-z0-9.:-]{1,253}")


def classify(channel: Channel, step: Step, reply: Reply, now: int) -> Outcome:
    """Give the channel's verdict on the reply to a step; `now` in ms."""
    if channel.classify is not None:
        return channel.classify(step, reply, now)
    match reply:
        case NoAnswer():
            return _unanswered(reply)
        case MailAnswer():
            return classify_mail(reply)
        case CommandEnd():
            return classify_end(step, reply, readable(reply.said) or None)
        case CommandNotRun():
            return classify_not_run(reply)
        case Answer():
            return _answered(reply, now)


def _unanswered(reply: NoAnswer) -> Outcome:
    unknown = reply.fault is Fault.RESET_AFTER_BODY
    kind = OutcomeKind.UNKNOWN if unknown else OutcomeKind.RETRY
    return Outcome(kind=kind, error=reply.message)


def _answered(answer: Answer, now: int) -> Outcome:
    kind = _kind(answer.status)
    sent = kind is OutcomeKind.SENT
    return Outcome(
        kind=kind,
        error=None if sent else _sentence(answer),
        status_code=answer.status,
        retry_after_ms=None if sent else retry_after(answer.headers, now),
        excerpt=excerpt(answer),
        at_once=kind is OutcomeKind.GONE,
    )


def _kind(status: int) -> OutcomeKind:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return OutcomeKind.SENT
    if status == HTTPStatus.GONE:
        return OutcomeKind.GONE
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return OutcomeKind.RATE_LIMITED
    return OutcomeKind.RETRY


def _sentence(answer: Answer) -> str:
    """Say for people what was answered; of a redirect, which host it names."""
    try:
        words = f"{answer.status} {HTTPStatus(answer.status).phrase}"
    except ValueError:
        words = str(answer.status)
    if answer.status not in _REDIRECTS:
        return f"The far end answered {words}."
    host = _location(answer.headers)
    to = f" (to {host})" if host else ""
    return f"The far end answered {words}{to}; redirects are not followed."


def _location(headers: Mapping[str, str]) -> str | None:
    try:
        host = urlsplit(headers.get("location", "")).hostname or ""
    except ValueError:
        return None
    return host if _HOST.fullmatch(host) else None


def retry_after(headers: Mapping[str, str], now: int) -> int | None:
    """Return for how many ms the far end asks to wait, unbounded.

    None where it does not ask, asks for something unreadable, or names a time that is
    past by our clock. `headers` by lower-case name.
    """
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return int(text) * SECOND
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    wait = int(moment * SECOND) - now
    return wait if wait > 0 else None


def excerpt(answer: Answer) -> str | None:
    """Return the start of an answer's body as text that is safe to store and show.

    At most EXCERPT_KEPT bytes; None where there is nothing to read.
    """
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        return None
    return readable(answer.body[:EXCERPT_KEPT]) or None


def readable(said: bytes) -> str:
    """Return what a far end said as text that is safe to store and show.

    At most EXCERPT_KEPT bytes; a character that is cut at the end is left out.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(said[:EXCERPT_KEPT]).replace("\r\n", "\n")
    text = _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)
    return text.encode()[:EXCERPT_KEPT].decode(errors="ignore")
