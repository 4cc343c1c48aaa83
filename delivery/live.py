"""What one follower has yet to take of the events that happen while it follows."""

import asyncio
from collections import deque
from typing import Final

from delivery.event_filter import EventFilter
from delivery.log import LoggedEvent

BUFFER: Final = 1_000
"""Events that wait for a slow follower; then it has to read the log again."""


class Live:
    """One follower's share of the new events.

    Holds the wanted ones after `start` up to `end`, unless `lost`; those up to `start`
    are to be had from the log, and may come here again.
    """

    def __init__(self, wanted: EventFilter) -> None:
        """Hold nothing until attached."""
        self.start = self.end = 0
        self.events: deque[LoggedEvent] = deque()
        self.lost = True
        self.closed = False
        self._wanted = wanted
        self._news = asyncio.Event()

    def begin(self, start: int) -> None:
        """Hold what comes after a position."""
        self.start = self.end = start
        self.lost = False

    @property
    def seen(self) -> int:
        """The position up to which nothing wanted is left here."""
        return self.events[0].position - 1 if self.events else self.end

    def offer(self, events: list[LoggedEvent], end: int) -> None:
        """Take what is wanted of a project's next events, all up to `end`."""
        if self.lost:
            return
        wanted = [event for event in events if self._wanted.matches(event)]
        self.end = max(self.end, end)
        self.events.extend(wanted)
        if len(self.events) > BUFFER:
            self.lose()
        elif wanted:
            self._news.set()

    def skip(self, end: int) -> None:
        """Leave everything up to `end` to be read from the log."""
        self.start = self.end = max(self.end, end)
        self.events.clear()
        self._news.set()

    def lose(self) -> None:
        """Give up: the follower has to attach again and read the log."""
        self.end = self.seen
        self.lost = True
        self.events.clear()
        self._news.set()

    def close(self) -> None:
        """Let the follower end."""
        self.closed = True
        self._news.set()

    async def wait(self) -> None:
        """Wait until something has changed."""
        await self._news.wait()
        self._news.clear()
