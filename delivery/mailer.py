"""The one sender of mail: over the operator's mail server, secured or not at all.

Whatever the server does, the whole exchange ends at the deadline. One connection a
mail: what a kept one would save is little beside what it may lose.
"""

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass, field
from enum import StrEnum, unique
from pathlib import Path
from typing import Final

import aiosmtplib

from delivery.classify import readable
from delivery.guard import Guard
from delivery.mail_message import address_of, as_bytes, message_id
from delivery.smtp_faults import FAILURES, no_reply
from domain.redact import Scrubber
from domain.steps import MailAnswer, MailStage, NoAnswer, ReadyMail
from domain.timing import SECOND, TOTAL_DEADLINE

AT_ONCE: Final = 10
"""Connections to the mail server at once: common servers refuse more from one client."""

FAREWELL_S: Final = 1.0
"""What the server gets to answer QUIT: the mail is its by then."""


@unique
class MailSecurity(StrEnum):
    """How the connection is secured. Source: RFC 8314, section 3."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """The operator's mail server, and as whom mails are sent (`Name <a@example.com>`).

    `user` and `password` are given together or not at all.
    """

    host: str
    port: int
    security: MailSecurity
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)


class Mailer:
    """Sends mails and gives the replies that decided; make it in the event loop."""

    def __init__(
        self,
        server: MailServer,
        guard: Guard,
        *,
        deadline_ms: int = TOTAL_DEADLINE,
        ca_file: Path | None = None,
    ) -> None:
        """Take the server. `ca_file` (PEM) is trusted besides the system's store."""
        self._server = server
        self._guard = guard
        self._deadline = deadline_ms / SECOND
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tls = ssl.create_default_context()
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)
        self._scrubber = Scrubber(filter(None, [server.password]))

    async def send(self, mail: ReadyMail) -> MailAnswer | NoAnswer:
        """Send a mail once and return what came of it; raise for no server's fault."""
        dialogue = _Dialogue(self._server, self._tls)
        try:
            async with asyncio.timeout(self._deadline), self._room:
                sock = await self._guard.dial(self._server.host, self._server.port)
                reply = await dialogue.hold(sock, mail)
        except aiosmtplib.SMTPResponseException as refusal:
            reply = aiosmtplib.SMTPResponse(refusal.code, refusal.message)
        except FAILURES as failure:
            return no_reply(failure, dialogue.stage)
        finally:
            dialogue.close()
        assert dialogue.stage is not None  # noqa: S101 - there was a reply
        return MailAnswer(
            stage=dialogue.stage,
            code=reply.code,
            text=self._scrubber.scrub(readable(reply.message.encode(errors="replace"))),
            message_id=message_id(mail, self._server.sender),
            answers=mail.answers is not None,
        )


class _Dialogue:
    """One connection to the server; `stage` is what was said last."""

    def __init__(self, server: MailServer, tls: ssl.SSLContext) -> None:
        self.stage: MailStage | None = None
        self._server = server
        self._client = aiosmtplib.SMTP(
            hostname=server.host,
            use_tls=server.security is MailSecurity.TLS,
            start_tls=False,  # we do it ourselves, and never go on without
            tls_context=tls,
            timeout=None,  # the deadline of the whole bounds each part
            local_hostname=address_of(server.sender).rpartition("@")[2],
        )

    async def hold(
        self, sock: socket.socket, mail: ReadyMail
    ) -> aiosmtplib.SMTPResponse:
        """Say all that is to be said; return the reply to the mail itself."""
        client, sender = self._client, self._server.sender
        self.stage = MailStage.GREETING
        await client.connect(sock=sock)
        self.stage = MailStage.EHLO
        await client.ehlo()
        await self._secure()
        self.stage = MailStage.MAIL
        await client.mail(address_of(sender))
        self.stage = MailStage.RCPT
        await client.rcpt(mail.to)
        self.stage = MailStage.DATA
        reply = await client.data(as_bytes(mail, sender))
        with contextlib.suppress(*FAILURES):
            await client.quit(timeout=FAREWELL_S)
        return reply

    async def _secure(self) -> None:
        """Turn to TLS where that is still to be done, then sign in."""
        if self._server.security is MailSecurity.STARTTLS:
            self.stage = MailStage.STARTTLS
            await self._client.starttls()
        if self._server.user is not None and self._server.password is not None:
            self.stage = MailStage.AUTH
            await self._client.login(self._server.user, self._server.password)

    def close(self) -> None:
        """Close the connection, if it is still open."""
        self._client.close()
