"""The guard's dial: one judged, connected socket for every protocol."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import asyncssh
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from delivery.guard import BlockedError, Guard
from tests.listeners import Listeners, listening
from tests.zone import Zone

LOOPBACK = ("127.0.0.1", "::1")
ZONE = Zone(
    {
        "mail.example": [["10.0.0.1", "127.0.0.1"]],
        "inside.example": [["10.0.0.1", "fd00::1"]],
        "both.example": [["::1", "127.0.0.1"]],
    }
)


@pytest.fixture
async def far_end() -> AsyncIterator[Listeners]:
    async with listening(*LOOPBACK) as made:
        yield made


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0", "2130706433", "0x7f.1", "0177.0.0.1", "127.0.1"),
        *("::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::FFFF:7F00:1", "::1%1"),
        *("64:ff9b::7f00:1", "::127.0.0.1", "0.0.0.0", "::", "inside.example"),  # noqa: S104
        *("both.example", "BOTH.example.", "169.254.169.254", "10.0.0.1"),
    ],
)
async def test_nothing_inside_is_dialled(host: str, far_end: Listeners) -> None:
    with pytest.raises(BlockedError, match="TOCSIN_EGRESS_ALLOW"):
        await Guard(resolve=ZONE).dial(host, far_end.port)
    await asyncio.sleep(0)
    assert far_end.connections == {}


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("::1", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("::FFFF:7F00:1", "127.0.0.1"),
        ("mail.example", "127.0.0.1"),
        ("both.example", "::1"),
    ],
)
async def test_what_the_operator_opened_is(
    host: str, reached: str, far_end: Listeners
) -> None:
    port = far_end.port
    guard = Guard([f"127.0.0.1:{port}", f"[::1]:{port}"], resolve=ZONE)
    with await guard.dial(host, port) as end:
        assert not end.getblocking()
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(end, b"GET / HTTP/1.1\r\n\r\n")
        assert await loop.sock_recv(end, 12) == b"HTTP/1.1 204"
    assert far_end.connections == {reached: 1}
    with pytest.raises(BlockedError):
        await guard.dial(host, port - 1)


async def test_a_broken_address_delays_only_a_little(far_end: Listeners) -> None:
    """Nobody listens on the first, the second answers: RFC 8305."""
    zone = Zone({"half.example": [["127.0.0.9", "127.0.0.1"]]})
    guard = Guard(["127.0.0.0/8"], resolve=zone)
    (await guard.dial("half.example", far_end.port)).close()
    with pytest.raises(ConnectionRefusedError):
        await guard.dial("127.0.0.9", far_end.port)


async def test_a_public_address_is_let_through() -> None:
    """The fence around the tests stops the dial that the guard let through."""
    with pytest.raises(RuntimeError, match="tests must not connect"):
        await Guard().dial("8.8.8.8", 25)


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


async def test_a_dial_that_is_given_up_leaves_no_socket() -> None:
    """The backlog is full: a connection hangs until the deadline."""
    guard, made = Guard(["127.0.0.1"]), list[socket.socket]()

    async def fill(port: int) -> None:
        while True:
            made.append(await guard.dial("127.0.0.1", port))

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        before, port = open_files(), server.getsockname()[1]
        made.append(await guard.dial("127.0.0.1", port))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fill(port), 0.2)
        for it in made:
            it.close()
        assert open_files() == before


class Box:
    """A mailbox of aiosmtpd."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.mails.append(envelope)
        return "250 OK"


@asynccontextmanager
async def mail_server(box: Box) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, loop=loop), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_mail_leaves_through_it() -> None:
    box, mail = Box(), EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.com", "b@example.com", "x"
    async with mail_server(box) as port:
        guard = Guard([f"127.0.0.1:{port}"], resolve=ZONE)
        client = aiosmtplib.SMTP(hostname="mail.example", timeout=10, start_tls=False)
        await client.connect(sock=await guard.dial("mail.example", port))
        await client.send_message(mail)
        await client.quit()
        with pytest.raises(BlockedError):
            await Guard(resolve=ZONE).dial("mail.example", port)
    assert [it.rcpt_tos for it in box.mails] == [["b@example.com"]]


async def test_a_shell_opens_through_it() -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    known = asyncssh.import_known_hosts(
        f"shell.example {key.export_public_key().decode()}"
    )

    class Open(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

    def greet(process: asyncssh.SSHServerProcess[str]) -> None:
        process.stdout.write("hello")
        process.exit(0)

    server = await asyncssh.create_server(
        Open, "127.0.0.1", 0, server_host_keys=[key], process_factory=greet
    )
    port = server.get_port()
    guard = Guard([f"127.0.0.1:{port}"])
    async with asyncssh.connect(
        sock=await guard.dial("127.0.0.1", port),
        host="shell.example",
        known_hosts=known,
        config=None,
        client_keys=None,
        username="u",
    ) as shell:
        ran = await shell.run("true")
    server.close()
    await server.wait_closed()
    assert ran.stdout == "hello"
