"""The bus of a single process: events of asyncio."""

import asyncio
from collections import defaultdict


class InProcessListener:
    """An ear that one task waits on."""

    def __init__(self, others: "set[InProcessListener]") -> None:
        """Join the listeners of a topic."""
        self._kicked = asyncio.Event()
        self._others = others
        others.add(self)

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for a kick; see `Listener`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._kicked.wait()
        except TimeoutError:
            return False
        self._kicked.clear()
        return True

    def kick(self) -> None:
        """Wake this listener alone."""
        self._kicked.set()

    def close(self) -> None:
        """Leave the listeners of the topic."""
        self._others.discard(self)


class InProcessBus:
    """Wake-ups within this process; there are no others to hear."""

    def __init__(self) -> None:
        """Begin without listeners."""
        self._listeners: defaultdict[str, set[InProcessListener]] = defaultdict(set)

    def kick(self, *topics: str) -> None:
        """Wake the listeners of these topics."""
        for topic in topics:
            for listener in self._listeners[topic]:
                listener.kick()

    @property
    def topics(self) -> tuple[str, ...]:
        """Name the topics that were ever listened to or kicked."""
        return tuple(self._listeners)

    def listen(self, topic: str) -> InProcessListener:
        """Open an ear on a topic."""
        return InProcessListener(self._listeners[topic])

    async def start(self) -> None:
        """Nothing to begin."""

    async def stop(self) -> None:
        """Nothing to end."""
