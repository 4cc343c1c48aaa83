"""TLS: what is trusted, and how each failure of it is told."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from delivery.guard import Guard
from delivery.sender import Sender
from domain.steps import Answer, Fault, NoAnswer, ReadyRequest, Reply
from sandbox.hostile import OK, Behave, far_end, never_reads, resets_unread, says
from sandbox.hostile_tls import (
    drips_handshake,
    never_shakes_hands,
    refuses_version,
    speaks_first,
)
from tests.certificates import AUTHORITY, WRONG, good

HELLO = says(OK + b"Content-Length: 2\r\n\r\nhi")


@pytest.fixture
async def sender(tmp_path: Path) -> AsyncIterator[Sender]:
    """Give a sender that trusts the tests' authority."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    sender = Sender(Guard(dev=True), deadline_ms=10_000, ca_file=tmp_path / "ca.pem")
    yield sender
    await sender.close()


class WantsCertificate:
    """Waits for one client, whose certificate is missing, and tells it so."""

    def __init__(self, version: ssl.TLSVersion) -> None:
        self._tls = good()
        self._tls.verify_mode = ssl.CERT_REQUIRED
        self._tls.maximum_version = version
        AUTHORITY.configure_trust(self._tls)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]

    def serve(self) -> None:
        with self._listening, self._listening.accept()[0] as raw:
            raw.settimeout(10)
            with self._tls.wrap_socket(
                raw, server_side=True, do_handshake_on_connect=False
            ) as end:
                with pytest.raises(ssl.SSLError):
                    end.do_handshake()
                while socket.socket.recv(end, 4096):  # until the client goes
                    pass


async def post(sender: Sender, port: int, host: str = "localhost") -> Reply:
    url = f"https://{host}:{port}/canary"
    request = ReadyRequest(method="POST", url=url, headers=(), body=b"{}")
    return await sender.send(request)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_certificate_of_a_trusted_authority_is_accepted(
    sender: Sender, host: str
) -> None:
    async with far_end(HELLO, tls=good()) as port:
        reply = await post(sender, port, host)
    assert isinstance(reply, Answer)
    assert reply.body == b"hi"


async def test_the_authority_is_trusted_only_where_it_is_configured() -> None:
    sender = Sender(Guard(dev=True))
    async with far_end(HELLO, tls=good()) as port:
        reply = await post(sender, port)
    await sender.close()
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.TLS


@pytest.mark.parametrize(("make", "says_what"), WRONG.values(), ids=WRONG)
async def test_each_failure_of_tls_is_told(
    sender: Sender, make: Callable[[], ssl.SSLContext], says_what: str
) -> None:
    async with far_end(HELLO, tls=make()) as port:
        reply = await post(sender, port)
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.TLS
    assert says_what in reply.message
    assert "canary" not in reply.message


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_far_end_that_wants_a_certificate_is_a_failure_of_tls(
    sender: Sender, version: ssl.TLSVersion
) -> None:
    """With TLS 1.3 it says so only after the request was sent."""
    server = WantsCertificate(version)
    serving = asyncio.create_task(asyncio.to_thread(server.serve))
    reply = await post(sender, server.port)
    await sender.close()
    await serving
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.TLS


async def test_a_far_end_with_another_version_is_a_failure_of_tls(
    sender: Sender,
) -> None:
    async with far_end(refuses_version) as port:
        reply = await post(sender, port)
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.TLS


async def test_a_far_end_without_tls_is_a_failure_of_tls(sender: Sender) -> None:
    async with far_end(speaks_first(b"220 mail.example ESMTP\r\n")) as port:
        reply = await post(sender, port)
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.TLS


@pytest.mark.parametrize("behave", [never_reads, never_shakes_hands, drips_handshake])
async def test_a_handshake_that_hangs_is_no_connection(behave: Behave) -> None:
    sender = Sender(Guard(dev=True), deadline_ms=500)
    async with far_end(behave) as port:
        reply = await post(sender, port)
    await sender.close()
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.CONNECT_TIMEOUT


async def test_a_handshake_that_is_reset_is_certain(sender: Sender) -> None:
    async with far_end(resets_unread) as port:
        reply = await post(sender, port)
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.RESET_BEFORE_BODY
