"""An honest mail server on loopback, made of aiosmtpd: it signs nobody in without TLS,
knows one user, takes mail for the mailboxes that it has, and keeps what it took over.

`async with MailServer(tls=…, user="u", password="p") as server: … server.port`.
A script says what a step gets instead of its usual reply: a line, or DROP.
"""

import asyncio
import ssl
import warnings
from collections import defaultdict, deque
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Final, Self, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

DROP: Final = "drop"
"""Cut the connection in the place of a reply."""

HANG: Final = "hang"
"""Give no reply at all."""

STEPS: Final = ("GREETING", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "DOT")
"""Where a script can set in; DOT is the reply to the whole mail."""


@dataclass(frozen=True, slots=True)
class Received:
    """A mail that was taken over, or of which the reply was lost (`confirmed`)."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    secured: bool
    user: str | None
    confirmed: bool

    @property
    def message(self) -> EmailMessage:
        """The mail as the standard library reads it."""
        return message_from_bytes(self.content, policy=default)


class MailServer:
    """A server on loopback. `received` is all that it got, in order."""

    def __init__(  # noqa: PLR0913 - all that there is to choose
        self,
        *,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        user: str | None = None,
        password: str = "",
        mailboxes: frozenset[str] | None = None,
        size_limit: int = 1 << 20,
    ) -> None:
        """Offer STARTTLS where there is a context, or speak TLS from the first byte.

        With a user, nobody sends without having signed in. Any mailbox is there unless
        `mailboxes` says which.
        """
        self.received: Final[list[Received]] = []
        self.commands: Final[list[str]] = []
        self._tls, self._implicit = tls, implicit
        self._login = (user, password)
        self._mailboxes = mailboxes
        self._size_limit = size_limit
        self._scripts: defaultdict[str, deque[str]] = defaultdict(deque)
        self._arrival = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: set[Dialogue] = set()
        self.most_at_once = 0
        self.port = 0

    def script(self, step: str, *replies: str) -> None:
        """Have a step get these instead of its usual reply, one after the other."""
        assert step in STEPS  # noqa: S101 - a slip in a test
        self._scripts[step].extend(replies)

    def scripted(self, step: str) -> str | None:
        """Take the next scripted reply of a step, if there is one."""
        return self._scripts[step].popleft() if self._scripts[step] else None

    async def arrived(self, count: int) -> None:
        """Wait until so many mails have arrived."""
        while len(self.received) < count:
            self._arrival.clear()
            await self._arrival.wait()

    async def __aenter__(self) -> Self:
        """Listen on a free port of loopback."""
        loop = asyncio.get_running_loop()
        context = self._tls if self._implicit else None
        self._server = await loop.create_server(
            self._dialogue, "127.0.0.1", 0, ssl=context
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening, and cut what is open."""
        assert self._server is not None  # noqa: S101 - it was entered
        self._server.close()
        for dialogue in list(self._open):
            dialogue.cut()
        await self._server.wait_closed()

    def _dialogue(self) -> "Dialogue":
        with warnings.catch_warnings():
            # It does not see that TLS is there from the first byte.
            warnings.simplefilter("ignore", UserWarning)
            dialogue = Dialogue(
                self,
                data_size_limit=self._size_limit,
                tls_context=None if self._implicit else self._tls,
                auth_required=self._login[0] is not None,
                auth_require_tls=not self._implicit,
                authenticator=self._authenticate,
            )
        self._open.add(dialogue)
        self.most_at_once = max(self.most_at_once, len(self._open))
        return dialogue

    def closed(self, dialogue: "Dialogue") -> None:
        """Note that a connection is over."""
        self._open.discard(dialogue)

    def _authenticate(
        self,
        _server: SMTP,
        _session: Session,
        _envelope: Envelope,
        _how: str,
        data: object,
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)  # noqa: S101 - of the two mechanisms
        given = (data.login.decode(), data.password.decode())
        return AuthResult(
            success=given == self._login, handled=False, auth_data=given[0]
        )

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _: object,
    ) -> str:
        """Take a recipient that has a mailbox here."""
        if self._mailboxes is not None and address not in self._mailboxes:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: "Dialogue", session: Session, envelope: Envelope
    ) -> str:
        """Take a mail over, unless the script says otherwise."""
        scripted = self.scripted("DOT")
        content = envelope.original_content or b""
        received = Received(
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            content=content,
            secured=session.ssl is not None or self._implicit,
            user=cast("str | None", session.auth_data),
            confirmed=scripted is None,
        )
        if scripted in {None, DROP, HANG}:
            self.received.append(received)
            self._arrival.set()
        if scripted is not None:
            return await server.act(scripted)
        return f"250 2.0.0 queued as {len(self.received)}"


class Dialogue(SMTP):
    """One connection, in which every step may be scripted."""

    def __init__(self, owner: MailServer, **options: Any) -> None:  # noqa: ANN401
        """Belong to a server."""
        super().__init__(owner, hostname="sandbox.example", **options)
        self._owner = owner

    def cut(self) -> None:
        """End the connection at once."""
        if self.transport is not None:
            self.transport.abort()  # type: ignore[attr-defined]

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the server."""
        super().connection_lost(error)
        self._owner.closed(self)

    async def act(self, scripted: str) -> str:
        """Do what the script says; return the line to reply, if any."""
        if scripted == DROP:
            self.cut()
        if scripted in {DROP, HANG}:
            await asyncio.Event().wait()
        return scripted

    async def _step(self, step: str, usual: Any, arg: str) -> None:  # noqa: ANN401
        self._owner.commands.append(step)
        if (scripted := self._owner.scripted(step)) is not None:
            await self.push(await self.act(scripted))
            return
        await usual(arg)

    async def _handle_client(self) -> None:
        scripted = self._owner.scripted("GREETING")
        if scripted is not None:
            await self.push(await self.act(scripted))
            self.cut()
            return
        await super()._handle_client()

    async def smtp_EHLO(self, arg: str) -> None:  # noqa: N802
        await self._step("EHLO", super().smtp_EHLO, arg)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        await self._step("STARTTLS", super().smtp_STARTTLS, arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        await self._step("AUTH", super().smtp_AUTH, arg)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        await self._step("MAIL", super().smtp_MAIL, arg or "")

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        await self._step("RCPT", super().smtp_RCPT, arg or "")

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        await self._step("DATA", super().smtp_DATA, arg)
