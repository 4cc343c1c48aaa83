"""Why a mail got no reply that decides: exceptions of the SMTP client to faults.

The sentences are for people and are stored: none holds an address or what an exception
says, because those may hold secrets.
"""

import socket
import ssl
from typing import Final

import aiosmtplib

from delivery.faults import insecure
from delivery.guard import BlockedError
from domain.steps import Fault, MailStage, NoAnswer

FAILURES: Final = (aiosmtplib.SMTPException, OSError, ValueError)
"""All that an exchange raises when it fails. (TimeoutError is an OSError.)"""

_DIALLING: Final[tuple[tuple[type[BaseException], Fault, str], ...]] = (
    (BlockedError, Fault.BLOCKED, "The mail server's address may not be dialled."),
    (socket.gaierror, Fault.DNS, "The name of the mail server was not found."),
    (ConnectionRefusedError, Fault.REFUSED, "The mail server refused the connection."),
    (
        TimeoutError,
        Fault.CONNECT_TIMEOUT,
        "No connection to the mail server came about in time.",
    ),
    (Exception, Fault.UNREACHABLE, "The mail server cannot be reached."),
)

_UNSUPPORTED: Final = {
    MailStage.STARTTLS: NoAnswer(
        Fault.TLS, "The mail server offers no secure connection (STARTTLS)."
    ),
    MailStage.AUTH: NoAnswer(
        Fault.PROTOCOL, "The mail server offers no way to sign in that we know."
    ),
}
"""What the client finds missing in the server's greeting, without asking for it."""

_UNCLEAR: Final = NoAnswer(
    Fault.PROTOCOL,
    "The mail server and Tocsin could not make themselves understood in SMTP.",
)


def no_reply(failure: BaseException, stage: MailStage | None) -> NoAnswer:
    """Say why there was no reply; `stage` None while it was being dialled."""
    if tls := _tls(failure):
        return NoAnswer(Fault.TLS, insecure(tls))
    if stage is None:
        return next(
            NoAnswer(fault, sentence)
            for kind, fault, sentence in _DIALLING
            if isinstance(failure, kind)
        )
    if stage is MailStage.DATA:
        # It may have been taken over: only the server knows.
        words = "The mail server did not say whether it took the mail over."
        return NoAnswer(Fault.RESET_AFTER_BODY, words)
    if isinstance(failure, TimeoutError):
        return NoAnswer(Fault.TIMEOUT, "The mail server did not answer in time.")
    if isinstance(failure, ConnectionError):
        words = "The mail server closed the connection before the mail was sent."
        return NoAnswer(Fault.RESET_BEFORE_BODY, words)
    return _UNSUPPORTED.get(stage, _UNCLEAR)


def _tls(failure: BaseException | None) -> ssl.SSLError | None:
    """Return the failure of TLS that stands behind another, if one does."""
    while failure is not None:
        if isinstance(failure, ssl.SSLError):
            return failure
        failure = failure.__cause__ or failure.__context__
    return None
