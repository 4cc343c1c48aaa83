"""What a process holds: its open sockets and its tasks."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def sockets() -> int:
    """Count the sockets that this process has open."""
    return sum(link.startswith("socket:") for link in _links())


def _links() -> Iterator[str]:
    for file in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # it was the one that lists them
            yield str(file.readlink())


async def settled(count: int) -> int:
    """Wait until no more than so many sockets are open; return how many there are.

    The other end of a connection of the same process closes a moment later. What does
    not come to pass in a while never does, and is returned.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            while sockets() > count:  # noqa: ASYNC110 - closing has no event
                await asyncio.sleep(0.01)
    return sockets()
