"""An honest SSH server on loopback, made of asyncssh's own: it knows one user, by
password or key, and pretends that some sudo is there.

`async with SshServer(user="admin", password="p") as server: … server.port`. What it
carries out is written down before it answers; how it answers is `behaviour`.
"""

import asyncio
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Self

import asyncssh

ASKS: Final = b"sudo: a password is required\n"
REFUSES: Final = b"Sorry, user admin is not allowed to execute that as root.\n"
WRONG: Final = b"sudo: no password was provided\nsudo: 1 incorrect password attempt\n"

Process = asyncssh.SSHServerProcess[bytes]


class Behaviour(Enum):
    """What becomes of a command that is allowed."""

    ENDS = auto()
    FAILS = auto()
    SUDO_ASKS = auto()
    SUDO_REFUSES = auto()
    KILLED = auto()
    DROPS = auto()
    DISCONNECTS = auto()
    CLOSES = auto()
    HANGS = auto()
    FLOODS = auto()
    ECHOES = auto()
    NO_COMMANDS = auto()


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it arrived, and what was read of its standard input."""

    text: str
    read: bytes = b""
    carried_out: bool = False


class SshServer:
    """A server on loopback. `commands` is all that it was asked to run, in order."""

    def __init__(  # noqa: PLR0913 - all that there is to choose
        self,
        *,
        user: str = "admin",
        password: str | None = None,
        public_key: str | None = None,
        host_key: asyncssh.SSHKey | None = None,
        behaviour: Behaviour = Behaviour.ENDS,
        keyboard: bool = False,
    ) -> None:
        """Let one user in; `public_key` as in authorized_keys. With `keyboard` it asks
        for the password by questions only (RFC 4256).
        """
        self.keyboard = keyboard
        self.behaviour = behaviour
        self.commands: Final[list[Command]] = []
        self.logins = 0
        self.attempts: Final[list[str]] = []
        self.host_key = host_key or asyncssh.generate_private_key("ssh-ed25519")
        self.port = 0
        self.user, self.password = user, password
        self.public_key = public_key and asyncssh.import_public_key(public_key)
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self.open: Final[set[asyncssh.SSHServerConnection]] = set()

    @property
    def fingerprint(self) -> str:
        """That of its host key."""
        return self.host_key.get_fingerprint()

    @property
    def restarts(self) -> int:
        """How often it was restarted, or began to be."""
        return sum(it.carried_out and "reboot" in it.text for it in self.commands)

    async def __aenter__(self) -> Self:
        """Listen on a free port of loopback."""
        refuses = self.behaviour is Behaviour.NO_COMMANDS
        self._acceptor = await asyncssh.create_server(
            lambda: _Login(self),
            "127.0.0.1",
            0,
            server_host_keys=[self.host_key],
            process_factory=None if refuses else self._run,
            encoding=None,
            allow_scp=False,
            kbdint_auth=self.keyboard,
            gss_host=None,
        )
        self.port = self._acceptor.get_port()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening, and cut what is open."""
        assert self._acceptor is not None  # noqa: S101 - it was entered
        self._acceptor.close()
        for connection in list(self.open):
            connection.abort()
        await self._acceptor.wait_closed()

    async def _run(self, process: Process) -> None:
        text = process.command or ""
        words = shlex.split(text)
        if words[:1] != ["sudo"]:
            self._note(text)
            process.stderr.write(b"sh: 1: not found\n")
            process.exit(127)
        elif self.behaviour is Behaviour.SUDO_ASKS:
            await self._ask(process, words)
        elif self.behaviour is Behaviour.SUDO_REFUSES:
            self._note(text)
            process.stderr.write(REFUSES)
            process.exit(1)
        else:
            await self._carry_out(process)

    async def _ask(self, process: Process, words: list[str]) -> None:
        """Do as sudo does that wants a password."""
        text = process.command or ""
        if "-S" not in words:
            self._note(text)
            process.stderr.write(ASKS)
            process.exit(1)
            return
        read = await process.stdin.readline()
        right = read.decode().removesuffix("\n") == self.password
        self._note(text, read, carried_out=right)
        if not right:
            process.stderr.write(WRONG)
        process.exit(0 if right else 1)

    async def _carry_out(self, process: Process) -> None:  # noqa: C901 - one a line
        """Do it, and let it end as it shall."""
        echo = self.behaviour is Behaviour.ECHOES
        read = await process.stdin.read() if echo else b""
        self._note(process.command or "", read, carried_out=True)
        match self.behaviour:
            case Behaviour.FAILS:
                process.stderr.write(b"Failed to talk to init daemon.\n")
                process.exit(1)
            case Behaviour.KILLED:
                process.exit_with_signal("TERM")
            case Behaviour.DROPS:
                process.channel.get_connection().abort()
            case Behaviour.DISCONNECTS:
                process.channel.get_connection().disconnect(
                    asyncssh.DISC_BY_APPLICATION, "the system is going down"
                )
            case Behaviour.CLOSES:
                process.close()
            case Behaviour.HANGS:
                await asyncio.Event().wait()
            case Behaviour.FLOODS:
                for _ in range(1_000):
                    process.stderr.write(b"x" * 10_000)
                    await process.stderr.drain()
                process.exit(0)
            case Behaviour.ECHOES:
                process.stderr.write(f"{self.password}\n".encode() + read)
                process.exit(3)
            case _:
                process.exit(0)

    def _note(self, text: str, read: bytes = b"", *, carried_out: bool = False) -> None:
        self.commands.append(Command(text, read, carried_out))


class _Login(asyncssh.SSHServer):
    """One connection."""

    def __init__(self, owner: SshServer) -> None:
        self._owner = owner
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._owner.open.add(conn)

    def connection_lost(self, _error: Exception | None) -> None:
        assert self._connection is not None  # noqa: S101 - it was made
        self._owner.open.discard(self._connection)

    def auth_completed(self) -> None:
        self._owner.logins += 1

    def password_auth_supported(self) -> bool:
        return self._owner.password is not None and not self._owner.keyboard

    def kbdint_auth_supported(self) -> bool:
        return self._owner.keyboard

    def get_kbdint_challenge(
        self, _user: str, _language: str, _methods: str
    ) -> tuple[str, str, str, list[tuple[str, bool]]]:
        return "", "", "", [("Password: ", False)]

    def validate_kbdint_response(self, _user: str, responses: Sequence[str]) -> bool:
        self._owner.attempts.append("keyboard")
        return list(responses) == [self._owner.password]

    def validate_password(self, username: str, password: str) -> bool:
        self._owner.attempts.append("password")
        return (username, password) == (self._owner.user, self._owner.password)

    def public_key_auth_supported(self) -> bool:
        return self._owner.public_key is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self._owner.attempts.append("publickey")
        return (username, key) == (self._owner.user, self._owner.public_key)
