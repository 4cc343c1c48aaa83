"""The bus carries wake-ups between parts and processes, never the only copy.

A kick says "look again" about a topic. It may come for nothing, and it may get lost
between processes: whoever waits looks again by itself after a while.
"""

from typing import Protocol


class Listener(Protocol):
    """One waiter's ear on one topic."""

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for a kick, at most so many seconds; tell whether one came.

        One that came since the last wait counts, several count as one.
        """
        ...

    def kick(self) -> None:
        """Wake this listener alone."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class Bus(Protocol):
    """Wake-ups by topic, for all listeners of all processes on one database."""

    def kick(self, *topics: str) -> None:
        """Wake the listeners, soon and without waiting; call it on the event loop."""
        ...

    def listen(self, topic: str) -> Listener:
        """Open an ear; kicks from now on count."""
        ...

    async def start(self) -> None:
        """Begin to hear other processes."""
        ...

    async def stop(self) -> None:
        """End it; kicks within this process still arrive."""
        ...
