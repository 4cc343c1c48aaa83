"""The body of a request on its way out: it knows how far the request has come."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from domain.timing import SECOND

Observe = Callable[[str], None]
"""Told of stages as they are reached; tests kill the process there."""

_FIRST: Final = 32 * 1024
"""Bytes of a body that are written without waiting for the far end to read."""


def nothing(_stage: str) -> None:
    """Observe nothing."""


class RequestBody(Payload):
    """Bytes for aiohttp to send, and the marks of how far it has come.

    `connected`: there is a connection. `begun`: some of the request may be on its way.
    `sent`: all of it may; before that, the far end cannot have it whole. `led`: ms from
    its making to the first byte.
    """

    def __init__(self, value: bytes, observe: Observe) -> None:
        """Take the bytes; `observe` is told "connected" and "request_sent"."""
        super().__init__(value)
        self._size = len(value)
        self._observe = observe
        self._transport: asyncio.WriteTransport | None = None
        self.connected = self.begun = self.sent = False
        self._made = time.monotonic()
        self.led: int | None = None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the body as text (asked for by the base class only)."""
        text: str = self._value.decode(encoding, errors)
        return text

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the body; called when the connection is there."""
        # Consumed: or the client would send some methods again by itself, unseen.
        self.connected = self._consumed = True
        self._transport = writer.transport
        self._observe("connected")
        # The first piece goes to the system at once, together with the headers, and
        # nothing else runs meanwhile: if the connection is closed now, then because
        # the system took nothing.
        await writer.write(self._value[:_FIRST])
        if writer.transport is None or writer.transport.is_closing():
            raise ConnectionResetError
        self.begun = True
        self.led = round((time.monotonic() - self._made) * SECOND)
        if rest := self._value[_FIRST:]:
            await writer.write(rest)
        self.sent = True
        self._observe("request_sent")

    def let_go(self) -> None:
        """Drop the connection, unless it may be used again.

        The client only closes it, and then it stays for as long as the far end does not
        read what is left of the request, which may be for good.
        """
        it = self._transport
        if it is not None and (it.is_closing() or not self.sent):
            it.abort()
