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


Step = HttpRequest
"""A closed union; Mail, SshCommand and AppriseCall join it with their channels."""


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


Reply = Answer | NoAnswer
