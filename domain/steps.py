"""What a channel asks to be sent, and what came back.

A step is a value: it can be stored, compared and sent again. Where it needs a
setting that may be secret or may be corrected between tries, it holds a `Ref`;
references are resolved right before the dial and are what is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique


@dataclass(frozen=True, slots=True)
class Ref:
    """A setting by its path (`webhook_url`), read fresh on every try."""

    path: str


Template = tuple[str | Ref, ...]
"""Text with references; `("Bearer ", Ref("api_token"))`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One HTTP request; `body` is sent as the UTF-8 of its resolved template."""

    method: str = "POST"
    url: Template
    headers: tuple[tuple[str, Template], ...] = ()
    body: Template = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyRequest:
    """An HttpRequest with every reference resolved: what goes on the wire.

    Never stored, never logged: it may hold secrets, hence no repr of its fields.
    """

    method: str = field(repr=False)
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail to one mailbox; `html` says the same again for those who can show it.

    Who sends it, and over which server, is the operator's. `answers` is the Message-ID
    of the mail that it follows, with its angle brackets.
    """

    to: Template
    subject: Template
    text: Template
    html: Template = ()
    answers: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyMail:
    """A Mail with every reference resolved. Never stored, never logged.

    `message_id` is the part before the @ of the Message-ID, `date` in ms.
    """

    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    answers: str | None = field(default=None, repr=False)
    message_id: str = field(default="", repr=False)
    date: int = field(default=0, repr=False)


Step = HttpRequest | Mail
"""A closed union; SshCommand and AppriseCall join it with their channels."""

ReadyStep = ReadyRequest | ReadyMail
"""What a step becomes right before it leaves."""


@dataclass(frozen=True, slots=True)
class Skip:
    """The channel has nothing to say about this event; the reason is for people."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the far end answered: `headers` have lower-case names, `body` is capped.

    `led` is how many ms it took until the first byte of the request left, if known.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    led: int | None = field(default=None, compare=False)


@unique
class MailStage(StrEnum):
    """Where in an SMTP dialogue a reply was given. Source: RFC 5321, section 3."""

    GREETING = "GREETING"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAnswer:
    """The reply that decided how a mail fared: code and text of the mail server.

    A mail was taken over where a 2xx stands at the stage DATA. `message_id` is that of
    the mail, with its angle brackets; `answers` tells whether it follows another.
    """

    stage: MailStage
    code: int
    text: str
    message_id: str
    answers: bool = False
    led: int | None = field(default=None, compare=False)


@unique
class Fault(StrEnum):
    """Why there was no answer."""

    DNS = "DNS"
    BLOCKED = "BLOCKED"
    REFUSED = "REFUSED"
    UNREACHABLE = "UNREACHABLE"
    TLS = "TLS"
    CONNECT_TIMEOUT = "CONNECT_TIMEOUT"
    TIMEOUT = "TIMEOUT"
    RESET_BEFORE_BODY = "RESET_BEFORE_BODY"
    RESET_AFTER_BODY = "RESET_AFTER_BODY"
    PROTOCOL = "PROTOCOL"


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request got no answer; `message` is a sentence without secrets; `led` as in
    Answer.
    """

    fault: Fault
    message: str
    led: int | None = field(default=None, compare=False)


Reply = Answer | MailAnswer | NoAnswer
