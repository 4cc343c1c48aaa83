"""The guard where it stands: behind the look-up, in front of the dial."""

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from delivery.guard import BlockedError, Guard
from delivery.names import Resolver, SystemResolver
from tests.network import LeftLoopbackError

LITERALS = """
127.0.0.1 127.1.2.3 0.0.0.0 10.0.0.1 100.64.0.1 100.100.100.200 168.63.129.16
169.254.169.254 172.16.0.1 192.0.0.192 192.168.0.1 198.18.0.1 224.0.0.1
255.255.255.255
[::] [::1] [::7f00:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:169.254.169.254]
[::ffff:0:127.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::a00:1] [2001:0:7f00:1::1]
[2002:7f00:1::1] [2001:db8::1] [fd00:ec2::254] [fd20:ce::254] [fe80::1] [fec0::1]
[ff02::1] [3fff::1] [5f00::1]
"""

DISGUISED = """
2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001 127.1 0 0xa9fea9fe
①②⑦.0.0.1 127。0。0。1 localhost localhost.
"""
"""Other ways to write an address of this machine or of metadata."""


async def get(url: str, guard: Guard, *, raw: bool = False) -> int:
    connector = aiohttp.TCPConnector(
        socket_factory=guard.socket_factory, resolver=Resolver(guard.addresses)
    )
    async with (
        aiohttp.ClientSession(connector=connector, trust_env=False) as session,
        session.get(URL(url, encoded=raw)) as response,
    ):
        return response.status


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Run a server on loopback that fails the test when it is reached unexpectedly."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=299)

    application = web.Application()
    application.router.add_get("/", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.mark.parametrize("host", LITERALS.split())
async def test_a_literal_that_is_not_public_is_not_dialled(
    host: str, port: int
) -> None:
    with pytest.raises(aiohttp.ClientConnectorError) as caught:
        await get(f"http://{host}:{port}/", Guard())
    assert isinstance(caught.value.os_error, BlockedError)


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("host", DISGUISED.split())
async def test_no_other_spelling_gets_through(host: str, port: int, raw: bool) -> None:
    """The URL itself may be refused by the client before the guard sees an address."""
    with pytest.raises((aiohttp.ClientError, ValueError)) as caught:
        await get(f"http://{host}:{port}/", Guard(resolve=names), raw=raw)
    failure = caught.value
    if isinstance(failure, aiohttp.ClientConnectorError):
        assert isinstance(failure.os_error, BlockedError | socket.gaierror)


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "[2606:4700:4700::1111]", "[::ffff:8.8.8.8]"]
)
async def test_a_public_address_is_dialled(host: str) -> None:
    """The fence around the tests stops the dial that the guard let through."""
    with pytest.raises(LeftLoopbackError):
        await get(f"http://{host}/", Guard())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("how", ["allow", "dev"])
async def test_what_is_opened_is_reached(host: str, how: str, port: int) -> None:
    guard = Guard(dev=True) if how == "dev" else Guard([f"127.0.0.1:{port}"])
    assert await get(f"http://{host}:{port}/", guard) == 299


def test_the_refusal_names_the_setting_and_no_address() -> None:
    with pytest.raises(BlockedError, match="TOCSIN_EGRESS_ALLOW") as caught:
        Guard().socket_factory(
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.1.2.3", 5432))
        )
    assert "10.1" not in str(caught.value)
    assert "5432" not in str(caught.value)


async def names(host: str, port: int) -> list[str]:
    """Stand in for the system's resolver; it reads numbers as the C library does."""
    known = {
        "public.example": ["8.8.8.8"],
        "inside.example": ["10.0.0.1", "fd00::1"],
        "::1": ["::1"],
        "localhost.": ["127.0.0.1"],
        "both.example": ["10.0.0.1", "8.8.8.8"],
        "empty.example": [],
    }
    if host == "slow.example":
        await asyncio.Event().wait()
    if host in known:
        return known[host]
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        raise socket.gaierror(socket.EAI_NONAME, "no such name") from None


@pytest.mark.parametrize(
    "url",
    [
        "https://inside.example/hook",
        "http://inside.example:8080/hook?token=canary",
        "http://user:canary@127.0.0.1:9/",
        "http://2130706433/",
        "http://[::1]/",
    ],
)
async def test_a_target_that_is_not_public_is_warned_of(url: str) -> None:
    [warning] = await Guard(resolve=names).warnings([url, url])
    assert "TOCSIN_EGRESS_ALLOW" in warning
    assert "canary" not in warning


@pytest.mark.parametrize(
    "url",
    [
        "https://public.example/hook",
        "https://both.example/hook",
        "https://missing.example/hook",
        "https://empty.example/hook",
        "http://8.8.8.8/",
        "http://[bad/",
        "not a url",
    ],
)
async def test_nothing_else_is_warned_of(url: str) -> None:
    assert await Guard(resolve=names).warnings([url]) == []


async def test_what_the_operator_allows_is_not_warned_of() -> None:
    guard = Guard(["10.0.0.0/8:443"], resolve=names)
    assert await guard.warnings(["https://inside.example/"]) == []
    assert await guard.warnings(["http://inside.example/"]) != []


async def test_a_look_up_that_hangs_does_not_hold_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("delivery.guard.LOOK_UP_DEADLINE", 0.05)
    urls = ["http://127.0.0.1/", "http://slow.example/", "http://inside.example/"]
    assert len(await Guard(resolve=names).warnings(urls)) == 1


async def test_the_resolver_of_the_system_gives_each_address_once() -> None:
    look_up = SystemResolver()
    assert await look_up("127.0.0.1", 80) == ["127.0.0.1"]
    assert set(await look_up("localhost", 80)) <= {"127.0.0.1", "::1"}
