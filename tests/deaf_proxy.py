"""A proxy before PostgreSQL that loses notifications, as poolers in transaction mode do.

Messages of the server have a type (one byte) and a length that counts itself:
https://www.postgresql.org/docs/current/protocol-message-formats.html.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

NOTIFICATION = b"A"


@asynccontextmanager
async def deaf_proxy(port: int) -> AsyncIterator[int]:
    """Listen before a server on loopback without TLS; give the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", port)
        for task in (_copy(reader, ours), _filter(theirs, writer)):
            tasks.add(asyncio.create_task(task))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
    writer.close()


async def _filter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(head[1:], "big") - 4)
            if head[:1] != NOTIFICATION:
                writer.write(head + body)
    writer.close()
