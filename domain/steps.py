"""What a channel asks to be sent, and what came back.

A step is a value: it can be stored, compared and sent again. Where it needs a
setting that may be secret or may be corrected between tries, it holds a `Ref`;
references are resolved right before the dial and are what is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique

from domain.deliveries import CancelReason


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SshCommand:
    """A command on a host over SSH.

    `with_password` is the form that is run after it where the command ended because
    sudo asks for a password and one is stored: it reads that from standard input.
    What is run `once` is marked on disk right before, and never run again after that.
    One that `disconnects` is expected to end without a status.
    """

    host: Template
    port: Template
    user: Template
    command: str
    with_password: str | None = None
    once: bool = False
    disconnects: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyCommand:
    """An SshCommand with every reference resolved, and with what it takes to log in.

    Never stored, never logged. `host_key` is the fingerprint that the host must show;
    without one nothing is run. One of `password` and `private_key` is there.
    """

    host: str = field(repr=False)
    port: int = field(repr=False)
    user: str = field(repr=False)
    command: str = field(repr=False)
    with_password: str | None = field(repr=False)
    once: bool = field(repr=False)
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)
    host_key: str | None = field(default=None, repr=False)


Step = HttpRequest | Mail | SshCommand
"""A closed union; AppriseCall joins it with its channels."""

ReadyStep = ReadyRequest | ReadyMail | ReadyCommand
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEnd:
    """How a command ended that was begun.

    `status` is its exit status, `signal` the name of what killed it, without SIG. With
    neither its end is not known: the connection was lost (`dropped`), it took longer
    than the deadline (`timed_out`), or its channel was closed. `said` is the beginning
    of standard error and output, `host_key` the fingerprint that the host showed.
    """

    status: int | None = None
    signal: str | None = None
    dropped: bool = False
    timed_out: bool = False
    said: bytes = b""
    host_key: str
    led: int | None = field(default=None, compare=False)


@unique
class NotRun(StrEnum):
    """Why nothing was run on a host that answered."""

    HOST_KEY_UNCONFIRMED = "HOST_KEY_UNCONFIRMED"
    HOST_KEY_CHANGED = "HOST_KEY_CHANGED"
    KEY_UNREADABLE = "KEY_UNREADABLE"
    LOGIN_REFUSED = "LOGIN_REFUSED"
    WITHHELD = "WITHHELD"
    """It was not the time any more, or not yet: found out right before the command."""
    COMMAND_REFUSED = "COMMAND_REFUSED"
    """The host runs no commands for this login. It had been marked already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandNotRun:
    """Nothing was run, for certain; `message` is a sentence without secrets.

    `host_key` is the fingerprint that the host showed. What is withheld is cancelled
    with the reason `cancels`; without one it may be tried again.
    """

    why: NotRun
    message: str
    host_key: str | None = None
    cancels: CancelReason | None = None
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


Reply = Answer | MailAnswer | CommandEnd | CommandNotRun | NoAnswer
