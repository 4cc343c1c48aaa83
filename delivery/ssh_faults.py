"""Why nobody could log in to a host over SSH: exceptions of the client to closed values.

The sentences are for people and are stored: none holds what an exception says.
"""

import socket
from typing import Final

import asyncssh

from delivery.guard import BlockedError
from domain.steps import CommandNotRun, Fault, NoAnswer, NotRun

FAILURES: Final = (asyncssh.Error, OSError, ValueError)
"""All that logging in raises when it fails. (TimeoutError is an OSError.)"""

_Table = tuple[tuple[type[BaseException], Fault, str], ...]

_DIALLING: Final[_Table] = (
    (BlockedError, Fault.BLOCKED, str(BlockedError())),
    (socket.gaierror, Fault.DNS, "The name of the server was not found."),
    (ConnectionRefusedError, Fault.REFUSED, "The server refused the connection."),
    (
        TimeoutError,
        Fault.CONNECT_TIMEOUT,
        "No connection to the server came about in time.",
    ),
    (Exception, Fault.UNREACHABLE, "The server cannot be reached."),
)

_LOST: Final = "The connection was lost before the command was run."

_LOGGING_IN: Final[_Table] = (
    (TimeoutError, Fault.TIMEOUT, "The server did not let us log in in time."),
    (asyncssh.ConnectionLost, Fault.RESET_BEFORE_BODY, _LOST),
    (OSError, Fault.RESET_BEFORE_BODY, _LOST),
    (
        asyncssh.KeyExchangeFailed,
        Fault.PROTOCOL,
        "The server has no SSH algorithm in common with Tocsin.",
    ),
    (
        Exception,
        Fault.PROTOCOL,
        "The server and Tocsin could not make themselves understood in SSH.",
    ),
)

UNREADABLE: Final = CommandNotRun(
    why=NotRun.KEY_UNREADABLE,
    message="The private key cannot be opened: it is damaged, of an unknown kind, or "
    "the passphrase is wrong.",
)

NO_BCRYPT: Final = CommandNotRun(
    why=NotRun.KEY_UNREADABLE,
    message="The private key cannot be opened: this server lacks the library bcrypt, "
    "with which OpenSSH encrypts keys.",
)


def not_logged_in(
    failure: BaseException, *, connected: bool, seen: str | None, pinned: str | None
) -> CommandNotRun | NoAnswer:
    """Say why nobody is logged in. `connected`: there was a connection; `seen` and
    `pinned` are the fingerprints of the key that the host showed, and of that which it
    should have shown.
    """
    if seen is not None and seen != pinned:
        return wrong_key(seen, pinned)
    if isinstance(failure, asyncssh.PermissionDenied):
        words = "The server refused the user name with this password or private key."
        return CommandNotRun(why=NotRun.LOGIN_REFUSED, message=words, host_key=seen)
    table = _LOGGING_IN if connected else _DIALLING
    return next(
        NoAnswer(fault, sentence)
        for kind, fault, sentence in table
        if isinstance(failure, kind)
    )


def wrong_key(seen: str, pinned: str | None) -> CommandNotRun:
    """Say that a host has shown a key that it is not known by."""
    if pinned is None:
        words = (
            f"HOST_KEY_UNCONFIRMED: the server shows the host key {seen}. Compare it "
            "with what the server itself prints, and confirm it by confirmHostKey; "
            "then send this again."
        )
        return CommandNotRun(
            why=NotRun.HOST_KEY_UNCONFIRMED, message=words, host_key=seen
        )
    words = (
        f"HOST_KEY_CHANGED: the server shows the host key {seen}, and not the confirmed "
        f"{pinned}. Either somebody stands between, or the server got a new key: then "
        "set that as hostKeyFingerprint."
    )
    return CommandNotRun(why=NotRun.HOST_KEY_CHANGED, message=words, host_key=seen)
