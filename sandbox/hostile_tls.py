"""Far ends that have no TLS, another TLS, or never come to it.

What is wrong with a certificate is no matter of behaviour: `far_end` takes a context.
"""

import asyncio
from typing import Final

from sandbox.hostile import Behave

_ALERT: Final = bytes.fromhex("15030100020246")
"""A fatal alert: protocol version. What a far end of the last century says."""


async def refuses_version(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Know only versions of TLS that nobody speaks any more."""
    await reader.read(1 << 14)
    writer.write(_ALERT)
    await writer.drain()


def speaks_first(words: bytes) -> Behave:
    """Say something in plain text before anybody else does, and close."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await writer.drain()

    return behave


async def never_shakes_hands(
    reader: asyncio.StreamReader, _: asyncio.StreamWriter
) -> None:
    """Read the first message of the handshake, and say nothing."""
    await reader.read(1 << 14)
    await asyncio.Event().wait()


async def drips_handshake(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer with a message of the handshake that is long, a byte at a time."""
    await reader.read(1 << 14)
    writer.write(bytes.fromhex("160303400002003ffc0303"))
    while True:
        writer.write(b"\0")
        await writer.drain()
        await asyncio.sleep(0.02)
