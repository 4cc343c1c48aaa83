"""Answers that break the rules of HTTP, or keep to them and do harm all the same."""

import asyncio
import gzip
import zlib
from collections.abc import Callable
from typing import Final

from sandbox.hostile import OK, Behave, read_request, says

CHUNKED: Final = OK + b"Transfer-Encoding: chunked\r\n\r\n"

BROTLI: Final = bytes.fromhex("cbffff3ff82700e2b14020f7fe2ffffffff04f00c4611180eefd1f")

SPEED: Final = 64 * 1024
"""Bytes that a flood sends in one go."""

NOT_HTTP: Final = {
    "garbage": bytes(range(256)) * 16,
    "zeros": bytes(4096),
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/0.9": b"<html>fine</html>\r\n",
    "a version that is none": b"HTTP/9.9 200 OK\r\n\r\n",
    "a status that is none": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a negative status": b"HTTP/1.1 -200 OK\r\n\r\n",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "a length that is no number": OK + b"Content-Length: 2x\r\n\r\nab",
    "a negative length": OK + b"Content-Length: -2\r\n\r\nab",
    "a length beyond 64 bits": OK + b"Content-Length: 99999999999999999999\r\n\r\nab",
    "length and chunks": OK
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "a header without a colon": OK + b"no header\r\n\r\n",
    "a header with a NUL": OK + b"X-A: a\0b\r\n\r\n",
}
"""What nobody can take for an answer."""

BROKEN_CHUNKS: Final = {
    "a size that is none": b"zz\r\nab\r\n",
    "a negative size": b"-2\r\nab\r\n",
    "a size beyond 64 bits": b"fffffffffffffffff\r\nab\r\n",
    "a chunk longer than its size": b"2\r\nabcd\r\n0\r\n\r\n",
    "a chunk that breaks off": b"9\r\npart",
    "no last chunk": b"4\r\npart\r\n",
}
"""Bodies that go wrong after a head that says 200."""


def says_apart(*packets: bytes, stays: bool = False) -> Behave:
    """Read the request, say each part in a packet of its own, then close or stay."""

    async def behave(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(reader)
        for packet in packets:
            writer.write(packet)
            await writer.drain()
            await asyncio.sleep(0.01)
        if stays:
            await asyncio.Event().wait()

    return behave


def repeats(head: bytes, piece: bytes, *, every: float = 0) -> Behave:
    """Read the request, say the head, then the piece without an end.

    Every so many seconds; with 0 as fast as it is taken.
    """
    pieces = piece if every else piece * max(1, SPEED // len(piece))

    async def behave(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(reader)
        writer.write(head)
        while True:
            writer.write(pieces)
            await writer.drain()
            await asyncio.sleep(every)

    return behave


def drips(head: bytes, *, every: float = 0.02) -> Behave:
    """Read the request, say the head, then a body of one byte at a time."""
    return repeats(head + b"\r\n", b".", every=every)


endless_body: Final = repeats(OK + b"\r\n", b"endless ")
endless_chunks: Final = repeats(CHUNKED, b"1\r\nx\r\n")
endless_extension: Final = repeats(CHUNKED + b"1;", b"x")
endless_trailers: Final = repeats(CHUNKED + b"0\r\n", b"X-Trailer: more\r\n")
endless_continue: Final = repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n")
endless_hints: Final = repeats(
    b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
)
endless_status: Final = repeats(b"HTTP/1.1 200 ", b"very fine ")
endless_newlines: Final = repeats(b"", b"\r\n")


def promises(length: int) -> Behave:
    """Promise a body of that length, send a few bytes of it, and keep quiet."""
    head = OK + b"Content-Length: %d\r\n\r\n" % length
    return says_apart(head, b"part", stays=True)


class Redirects:
    """Sends everybody on to the next of so many addresses, at last to a good answer.

    `seen` counts the requests.
    """

    def __init__(self, count: int, status: int = 302) -> None:
        """Redirect `count` times."""
        self._count = count
        self._status = status
        self.seen = 0

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer every request of a connection."""
        own = "http://{}:{}".format(*writer.get_extra_info("sockname"))
        while True:
            await read_request(reader)
            self.seen += 1
            if self.seen > self._count:
                writer.write(OK + b"Content-Length: 0\r\n\r\n")
                continue
            to = f"Location: {own}/{self.seen}\r\nContent-Length: 0\r\n\r\n"
            writer.write(b"HTTP/1.1 %d Moved\r\n" % self._status + to.encode())


def gzip_bomb(mebibytes: int) -> Behave:
    """Answer with a body that grows a thousandfold when it is unpacked."""
    return _bomb(mebibytes, (gzip.compress,), "gzip")


def deflate_bomb(mebibytes: int) -> Behave:
    """Answer with a body that grows a thousandfold, in the other old coding."""
    return _bomb(mebibytes, (zlib.compress,), "deflate")


def nested_bomb(mebibytes: int) -> Behave:
    """Answer with a bomb in a bomb: a few bytes that grow a millionfold."""
    return _bomb(mebibytes, (gzip.compress, gzip.compress), "gzip, gzip")


def brotli_bomb() -> Behave:
    """Answer with 27 bytes in the newest coding that stand for 16 MiB of zeros."""
    return _coded(BROTLI, "br")


def _bomb(
    mebibytes: int, codings: tuple[Callable[[bytes], bytes], ...], name: str
) -> Behave:
    body = bytes(mebibytes << 20)
    for coding in codings:
        body = coding(body)
    return _coded(body, name)


def _coded(body: bytes, coding: str) -> Behave:
    head = f"Content-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return says(OK + head.encode() + body)
