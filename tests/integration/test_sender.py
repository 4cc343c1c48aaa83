"""The sender: exactly what goes on the wire, and how the answer is shown."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from delivery.guard import Guard
from delivery.sender import Sender
from domain.product import USER_AGENT
from domain.steps import Answer, Fault, NoAnswer, ReadyRequest
from sandbox.hostile import (
    OK,
    far_end,
    read_request,
    says,
)


def request(
    url: str, body: bytes = b"{}", method: str = "POST", **headers: str
) -> ReadyRequest:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return ReadyRequest(method=method, url=url, headers=pairs, body=body)


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    """Give a sender that may dial loopback."""
    sender = Sender(Guard(dev=True), deadline_ms=10_000)
    yield sender
    await sender.close()


class Echo:
    """Keeps what arrived, byte by byte, and on how many connections."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.connections = 0

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            await reader.readexactly(length)
            writer.write(OK + b"Content-Length: 2\r\n\r\nhi")


async def test_exactly_the_request_goes_out(sender: Sender) -> None:
    echo = Echo()
    async with far_end(echo) as port:
        url = f"http://127.0.0.1:{port}/a%2Fb//../c;d=é?x=%41&y=1+2&z"
        reply = await sender.send(
            request(url.replace("é", "%C3%A9"), b'{"a":1}', Content_Type="x/y", X_A="1")
        )
    assert reply == Answer(status=200, headers={"content-length": "2"}, body=b"hi")
    line, *headers = echo.heads[0].decode().strip().split("\r\n")
    assert line == "POST /a%2Fb//../c;d=%C3%A9?x=%41&y=1+2&z HTTP/1.1"
    assert sorted(headers) == [
        "Accept-Encoding: identity",
        "Accept: */*",
        "Content-Length: 7",
        "Content-Type: x/y",
        f"Host: 127.0.0.1:{port}",
        f"User-Agent: {USER_AGENT}",
        "X-A: 1",
    ]


async def test_an_address_that_is_no_ascii_is_encoded(sender: Sender) -> None:
    echo = Echo()
    async with far_end(echo) as port:
        await sender.send(request(f"http://127.0.0.1:{port}/ü x"))
    assert echo.heads[0].startswith(b"POST /%C3%BC%20x HTTP/1.1\r\n")


async def test_the_framing_is_not_the_channels(sender: Sender) -> None:
    """Such headers would smuggle requests, or make the client wait for nothing."""
    echo = Echo()
    async with far_end(echo) as port:
        reply = await sender.send(
            request(
                f"http://127.0.0.1:{port}/",
                Transfer_Encoding="chunked",
                content_length="7",
                Expect="100-continue",
                Connection="close",
            )
        )
    assert isinstance(reply, Answer)
    for name in (b"Transfer-Encoding", b"Expect", b"Connection", b"Length: 7"):
        assert name not in echo.heads[0]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/a\r\nX-Evil: 1", "ftp://h/", "x"]
)
async def test_an_address_that_cannot_be_dialled_is_not(
    sender: Sender, url: str
) -> None:
    echo = Echo()
    async with far_end(echo) as port:
        reply = await sender.send(request(url.format(port=port)))
    assert isinstance(reply, NoAnswer) or not any(
        b"\nX-Evil" in it for it in echo.heads
    )


async def test_a_header_that_is_no_header_is_not_sent(sender: Sender) -> None:
    echo = Echo()
    async with far_end(echo) as port:
        reply = await sender.send(request(f"http://127.0.0.1:{port}/", X="a\r\nY: b"))
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.PROTOCOL
    assert echo.heads == []


async def test_user_info_and_a_header_for_the_same_is_no_crash(sender: Sender) -> None:
    async with far_end(Echo()) as port:
        reply = await sender.send(
            request(f"http://u:p@127.0.0.1:{port}/", Authorization="Bearer x")
        )
    assert isinstance(reply, NoAnswer)


async def test_connections_are_kept(sender: Sender) -> None:
    echo = Echo()
    async with far_end(echo) as port:
        for _ in range(5):
            await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert (len(echo.heads), echo.connections) == (5, 1)


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
async def test_nothing_is_sent_twice(sender: Sender, method: str) -> None:
    """The client must not repeat a request by itself when a kept connection ends."""
    seen = 0

    async def behave(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal seen
        while True:
            await read_request(reader)
            seen += 1
            if seen == 2:
                return
            writer.write(OK + b"Content-Length: 0\r\n\r\n")

    async with far_end(behave) as port:
        one = await sender.send(request(f"http://127.0.0.1:{port}/", method=method))
        two = await sender.send(request(f"http://127.0.0.1:{port}/", method=method))
    assert isinstance(one, Answer)
    assert isinstance(two, NoAnswer)
    assert (two.fault, seen) == (Fault.RESET_AFTER_BODY, 2)


async def test_cookies_are_not_kept(sender: Sender) -> None:
    echo = Echo()
    answer = OK + b"Set-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n"
    async with far_end(says(answer)) as port:
        reply = await sender.send(request(f"http://127.0.0.1:{port}/"))
    async with far_end(echo) as port:
        await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert isinstance(reply, Answer)
    assert b"ookie" not in echo.heads[0]


async def test_proxies_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    sender = Sender(Guard(dev=True))
    async with far_end(Echo()) as port:
        reply = await sender.send(request(f"http://127.0.0.1:{port}/"))
    await sender.close()
    assert isinstance(reply, Answer)


async def test_headers_that_are_no_text_are_shown_as_far_as_they_are(
    sender: Sender,
) -> None:
    answer = OK + b"X-Odd: a\xffb\r\nX-Fine: \xc3\xa9\r\nContent-Length: 0\r\n\r\n"
    async with far_end(says(answer)) as port:
        reply = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert isinstance(reply, Answer)
    assert (reply.headers["x-odd"], reply.headers["x-fine"]) == ("a�b", "é")
