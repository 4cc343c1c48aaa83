"""The one runner of commands over SSH.

Nothing of this process's user is used: no agent, no keys, no configuration, no known
hosts. A host is known by the fingerprint that somebody confirmed, or nothing is sent to
it. Whatever it does, logging in and the command both end at their deadlines.
"""

# ruff: noqa: ARG002 - the client says how its callbacks are called

import asyncio
import contextlib
import getpass
import logging
import os
from collections.abc import Mapping
from typing import Final, cast

import asyncssh

from delivery.command_ends import ASKS_FOR_PASSWORD
from delivery.deliver import Begin, Observe
from delivery.guard import Guard
from delivery.ssh_faults import FAILURES, NO_BCRYPT, UNREADABLE, not_logged_in
from domain.steps import CommandEnd, CommandNotRun, NotRun, ReadyCommand, Reply
from domain.timing import EXCERPT_KEPT, SECOND, TOTAL_DEADLINE

RUN_LEAST: Final = 5 * SECOND
"""What a command gets at least, however long it took to log in and to mark the run."""

HOST_KEY_ALGORITHMS: Final = (
    *("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"),
    *("ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256"),
)
"""In this order, always: which key a host shows depends on it, and is confirmed."""

ENVIRONMENT: Final[Mapping[str | bytes, str | bytes]] = {"LC_ALL": "C"}
"""What sudo says is read; servers that allow no such variable pass over it."""

Connection = asyncssh.SSHClientConnection

# It would log names of hosts and users.
logging.getLogger("asyncssh").setLevel(logging.WARNING)
try:
    getpass.getuser()
except (KeyError, OSError):
    # In a container the user may have no name. The client asks for it all the same, and
    # does not even use it.
    os.environ["LOGNAME"] = "tocsin"


class Ssh:
    """Runs commands. One connection a command: nothing is kept that could go stale."""

    def __init__(
        self,
        guard: Guard,
        *,
        observe: Observe,
        deadline_ms: int = TOTAL_DEADLINE,
        run_least_ms: int = RUN_LEAST,
    ) -> None:
        """Take the guard that judges each host, and the deadline of the whole."""
        self._guard = guard
        self._observe = observe
        self._deadline = deadline_ms / SECOND
        self._run_least = run_least_ms / SECOND

    async def run(self, command: ReadyCommand, begin: Begin) -> Reply:
        """Log in, run a command, and return what came of it; raise for no host's fault.

        What is run once is run if `begin` allows it, and nothing comes between.
        """
        until = asyncio.get_running_loop().time() + self._deadline
        client = _Client(command.host_key)
        try:
            key = await _private_key(command)
            if isinstance(key, CommandNotRun):
                return key
            async with asyncio.timeout_at(until):
                connection = await self._log_in(command, client, key)
        except FAILURES as failure:
            return not_logged_in(
                failure,
                connected=client.connected,
                seen=client.seen,
                pinned=command.host_key,
            )
        try:
            self._observe("logged_in")
            if command.once and (withheld := await begin()):
                return withheld
            self._observe("marked")
            return await self._run(connection, client, command, until)
        finally:
            connection.abort()

    async def _log_in(
        self, command: ReadyCommand, client: "_Client", key: asyncssh.SSHKey | None
    ) -> Connection:
        options = asyncssh.SSHClientConnectionOptions(
            client_factory=lambda: client,
            config=None,
            username=command.user,
            password=command.password,
            client_keys=[key] if key else None,
            agent_path=None,
            # An empty set: the client below says which key is known.
            known_hosts=lambda _host, _address, _port: ([], [], []),
            server_host_key_algs=HOST_KEY_ALGORITHMS,
            x509_trusted_certs=None,
            x509_trusted_cert_paths=[],
            preferred_auth=("publickey", "password"),
            public_key_auth=key is not None,
            password_auth=command.password is not None,
            kbdint_auth=False,
            host_based_auth=False,
            gss_auth=False,
            gss_kex=False,
            compression_algs=None,
            login_timeout=self._deadline,
        )
        sock = await self._guard.dial(command.host, command.port)
        client.connected = True
        self._observe("connected")
        try:
            return await asyncssh.connect(
                command.host, command.port, sock=sock, config=None, options=options
            )
        finally:
            if not client.made:
                sock.close()

    async def _run(
        self,
        connection: Connection,
        client: "_Client",
        command: ReadyCommand,
        until: float,
    ) -> Reply:
        """Run the command, and its other form where sudo asks for a password."""
        until = max(until, asyncio.get_running_loop().time() + self._run_least)
        reply = await self._end(connection, client, command.command, b"", until)
        if command.with_password is None or command.password is None:
            return reply
        if not isinstance(reply, CommandEnd) or not _asks_for_password(reply):
            return reply
        line = f"{command.password}\n".encode()
        return await self._end(connection, client, command.with_password, line, until)

    async def _end(
        self,
        connection: Connection,
        client: "_Client",
        text: str,
        line: bytes,
        until: float,
    ) -> CommandEnd | CommandNotRun:
        """Run a text with a line as its standard input; return how it ended."""
        session, timed_out = _Session(), False
        try:
            async with asyncio.timeout_at(until):
                channel, _ = await connection.create_session(
                    lambda: cast("asyncssh.SSHClientSession[bytes]", session),
                    text,
                    env=ENVIRONMENT,
                    encoding=None,
                )
                self._observe("command_sent")
                with contextlib.suppress(OSError):  # it may have ended already
                    channel.write(line)
                    channel.write_eof()
                await session.closed.wait()
        except TimeoutError:
            timed_out = True
        except asyncssh.ChannelOpenError:
            if not client.lost and not session.said:
                words = "The server lets this user log in, and runs no command."
                return CommandNotRun(why=NotRun.COMMAND_REFUSED, message=words)
            session.dropped = True
        self._observe("command_ended")
        return session.end(client.seen or "", timed_out=timed_out)


class _Client(asyncssh.SSHClient):
    """Judges the host's key, and sees the connection end."""

    def __init__(self, pinned: str | None) -> None:
        self._pinned = pinned
        self.connected = False
        self.made = False
        self.lost = False
        self.seen: str | None = None

    def connection_made(self, conn: Connection) -> None:
        """Note that the socket is the connection's to close from now on."""
        self.made = True

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        """Tell whether this is the key that the host is known by."""
        self.seen = key.get_fingerprint()
        return self.seen == self._pinned

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


class _Session(asyncssh.SSHClientSession[bytes]):
    """Listens to a command; of what it says no more is kept than is stored."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self.dropped = False
        self._status: int | None = None
        self._signal: str | None = None
        self._said: dict[int | None, bytearray] = {}

    def data_received(self, data: bytes, datatype: int | None) -> None:
        kept = self._said.setdefault(datatype, bytearray())
        kept += data[: EXCERPT_KEPT - len(kept)]

    def exit_status_received(self, status: int) -> None:
        self._status = status

    def exit_signal_received(
        self, signal: str, core_dumped: bool, msg: str, lang: str
    ) -> None:
        self._signal = signal

    def connection_lost(self, exc: Exception | None) -> None:
        self.dropped = exc is not None
        self.closed.set()

    @property
    def said(self) -> bytes:
        """What it said, standard error first."""
        errors = self._said.get(asyncssh.EXTENDED_DATA_STDERR, b"")
        return bytes(errors + self._said.get(None, b""))[:EXCERPT_KEPT]

    def end(self, host_key: str, *, timed_out: bool) -> CommandEnd:
        """Return how it ended, as far as is known."""
        known = self._status is not None or self._signal is not None
        return CommandEnd(
            status=self._status,
            signal=self._signal,
            dropped=self.dropped,
            timed_out=timed_out and not known,
            said=self.said,
            host_key=host_key,
        )


def _asks_for_password(end: CommandEnd) -> bool:
    """Tell whether sudo refused for want of a password, and so ran nothing."""
    said = end.said.decode(errors="replace")
    return bool(end.status) and ASKS_FOR_PASSWORD.search(said) is not None


async def _private_key(command: ReadyCommand) -> asyncssh.SSHKey | CommandNotRun | None:
    """Open the private key, in a thread: that is made to take long."""
    if command.private_key is None:
        return None
    try:
        return await asyncio.to_thread(
            asyncssh.import_private_key, command.private_key, command.passphrase
        )
    except asyncssh.KeyEncryptionError as error:
        return NO_BCRYPT if "bcrypt" in str(error) else UNREADABLE
    except (asyncssh.KeyImportError, ValueError):
        return UNREADABLE
