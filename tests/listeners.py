"""A far end that listens on several addresses of loopback, and counts who comes."""

import asyncio
import contextlib
import errno
import socket
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

ANSWER = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
TRIES = 20


@dataclass
class Listeners:
    """One port; `connections` counts by the address that was dialled."""

    port: int
    answer: bytes = ANSWER
    connections: Counter[str] = field(default_factory=Counter)

    async def take(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Count a connection, and answer its first request."""
        self.connections[writer.get_extra_info("sockname")[0]] += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def listening(*hosts: str, answer: bytes = ANSWER) -> AsyncIterator[Listeners]:
    """Listen on one port of all these addresses."""
    sockets = _bound(hosts)
    made = Listeners(sockets[0].getsockname()[1], answer)
    servers = [await asyncio.start_server(made.take, sock=it) for it in sockets]
    try:
        yield made
    finally:
        for server in servers:
            server.close()


def _bound(hosts: tuple[str, ...]) -> list[socket.socket]:
    """Bind to a port that is free on all addresses."""
    for _ in range(TRIES):
        sockets: list[socket.socket] = []
        try:
            for host in hosts:
                port = sockets[0].getsockname()[1] if sockets else 0
                six = ":" in host
                sockets.append(
                    socket.socket(socket.AF_INET6 if six else socket.AF_INET)
                )
                sockets[-1].bind((host, port))
        except OSError as error:
            for it in sockets:
                it.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return sockets
    raise AssertionError(f"no port is free on all of {hosts}")
