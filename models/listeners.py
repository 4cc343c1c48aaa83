"""Who wants to know when something was committed."""

import asyncio
from collections.abc import Callable

Listener = Callable[[frozenset[str]], None]


class Listeners:
    """Tells each listener, on the event loop, the topics of each commit."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._listeners: list[Listener] = []

    def add(self, listener: Listener) -> None:
        """Tell one more."""
        self._listeners.append(listener)

    def tell(self, topics: frozenset[str]) -> None:
        """Tell all of them soon; what one of them raises is the event loop's."""
        loop = asyncio.get_running_loop()
        for listener in self._listeners if topics else ():
            loop.call_soon(listener, topics)
