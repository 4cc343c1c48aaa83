"""Far ends that break the rules of connections, and what all such far ends stand on.

They speak byte by byte, because no HTTP server would do it. What breaks the rules of
answers is in `hostile_answers`, of TLS in `hostile_tls`.
"""

import asyncio
import contextlib
import itertools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from sandbox.script import reset

Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What a far end does with one connection."""

OK: Final = b"HTTP/1.1 200 OK\r\n"


@contextlib.asynccontextmanager
async def far_end(
    behave: Behave, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Listen on a free port of loopback, and give the port."""
    running: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are in one
        running[task] = writer
        with contextlib.suppress(
            OSError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            await behave(reader, writer)
        writer.close()
        del running[task]

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task, writer in list(running.items()):
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Read one request with its body; return the body."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((it[15:] for it in lines if it.startswith(b"content-length:")), b"0")
    return await reader.readexactly(int(length))


def says(answer: bytes) -> Behave:
    """Read the request, say these bytes and close."""

    async def behave(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()

    return behave


async def resets_unread(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection at once, whatever is in it."""
    reset(writer.transport)


async def resets_in_body(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Reset the connection when the headers were read and the body was not."""
    await reader.readuntil(b"\r\n\r\n")
    reset(writer.transport)


async def resets_after_body(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Reset the connection when all of the request was read."""
    await read_request(reader)
    reset(writer.transport)


async def answers_once(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer and keep the connection; read a second request and close without a word."""
    await read_request(reader)
    writer.write(OK + b"Content-Length: 0\r\n\r\n")
    await read_request(reader)


async def answers_before_body(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer as soon as the headers are there, and never read the body."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
    await asyncio.Event().wait()


async def answers_before_body_and_closes(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer as soon as the headers are there, and be gone: the body meets a reset."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\nbig")
    await writer.drain()


async def never_reads(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Accept the connection and do nothing with it."""
    await asyncio.Event().wait()


async def never_answers(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Read the request and say nothing."""
    await read_request(reader)
    await asyncio.Event().wait()


async def ends_unread(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say at once that there will be no answer (FIN), and stay connected."""
    writer.write_eof()
    await asyncio.Event().wait()


async def ends_in_body(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """End its side when the headers were read and the body was not; stay connected."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write_eof()
    await asyncio.Event().wait()


async def endless_headers(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Send headers without an end."""
    await read_request(reader)
    writer.write(OK)
    for number in itertools.count():
        writer.write(b"X-%d: more\r\n" % number)
        await _give_way(writer)


async def endless_header(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Send one header without an end."""
    await read_request(reader)
    writer.write(OK + b"X-Long: ")
    while True:
        writer.write(b"a" * 4096)
        await _give_way(writer)


async def endless_informational(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Say "still at it" without an end."""
    await read_request(reader)
    while True:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.005)


async def _give_way(writer: asyncio.StreamWriter) -> None:
    """Let the event loop run, which `drain` alone does only when buffers are full."""
    await writer.drain()
    await asyncio.sleep(0)
