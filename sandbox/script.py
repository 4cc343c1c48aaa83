"""What a double can be told to do instead of answering honestly."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Respond:
    """Answer with a status, headers and a body, after a while (seconds)."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    after: float = 0


@dataclass(frozen=True, slots=True)
class Hang:
    """Take the request and never answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Reset the connection, before or after the body was read."""

    body_read: bool


@dataclass(frozen=True, slots=True)
class Close:
    """Read the request and close the connection without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowHeaders:
    """Send the status line, then a header that never ends, a byte at a time."""

    every: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Drip:
    """Send all headers, then the body a byte at a time, without an end."""

    status: int = 200
    every: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class EndlessBody:
    """Send all headers, then a body without an end, as fast as it is read."""

    status: int = 200


Act = Respond | Hang | Reset | Close | SlowHeaders | Drip | EndlessBody


async def play(act: Act, request: web.Request) -> web.StreamResponse:
    """Do what the script says; returns an answer or ends with the connection."""
    match act:
        case Respond():
            await asyncio.sleep(act.after)
            return web.Response(
                status=act.status, headers=dict(act.headers), body=act.body
            )
        case Hang():
            return await _until_closed()
        case Reset():
            reset(_transport(request))
        case Close():
            _transport(request).close()
        case SlowHeaders():
            await _slow_headers(_transport(request), act.every)
        case Drip():
            await _stream(request, act.status, b".", act.every)
        case EndlessBody():
            await _stream(request, act.status, bytes(1 << 16), 0)
    return await _until_closed()


def reset(transport: asyncio.Transport | asyncio.WriteTransport) -> None:
    """End a connection with a RST, so that the other end sees an error."""
    end: socket.socket = transport.get_extra_info("socket")
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _transport(request: web.Request) -> asyncio.Transport:
    if request.transport is None:
        raise ConnectionResetError
    return request.transport


async def _until_closed() -> web.StreamResponse:
    """Wait for good: the server cancels the handler when its connection ends."""
    await asyncio.Event().wait()
    raise AssertionError


async def _slow_headers(transport: asyncio.Transport, every: float) -> None:
    transport.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not transport.is_closing():
        await asyncio.sleep(every)
        transport.write(b".")


async def _stream(
    request: web.Request, status: int, piece: bytes, every: float
) -> None:
    response = web.StreamResponse(status=status)
    response.enable_chunked_encoding()
    await response.prepare(request)
    while True:
        await response.write(piece)
        await asyncio.sleep(every)
