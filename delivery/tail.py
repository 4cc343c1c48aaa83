"""The end of the event log, read once per process for all followers.

While nobody follows, nothing is read.
"""

import asyncio
from collections import defaultdict, deque
from typing import Final
from weakref import WeakSet

import structlog

from delivery.bus import Listener
from delivery.event_filter import EventFilter
from delivery.log import LoggedEvent
from delivery.log_reader import LogReader, Page
from domain.ids import Id

BUFFER: Final = 1_000
"""Events that wait for a slow follower; then it has to read the log again."""
CHUNK: Final = 500
"""Positions that are read at once."""
RETRY_S: Final = 1.0
"""Pause after the storage could not be read."""

_log = structlog.get_logger(__name__)


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


class Tail:
    """Hands new events to the followers of their projects."""

    def __init__(
        self, log: LogReader, listener: Listener, look_again_s: float | None
    ) -> None:
        """Read when the listener is kicked, or else after `look_again_s` if given."""
        self._log = log
        self._listener = listener
        self._look_again_s = look_again_s
        self._at = 0
        # Weak: a follower that was dropped without a word must not be fed for ever.
        self._lives: defaultdict[Id, WeakSet[Live]] = defaultdict(WeakSet)

    def attach(self, project_id: Id, live: Live, position: int) -> None:
        """Begin to collect for a follower; `position` says where to begin to read the
        log if nobody else follows now.
        """
        if not self._followed():
            self._at = position
            self._listener.kick()  # kicks since then found nothing to do
        live.begin(self._at)
        self._lives[project_id].add(live)

    def detach(self, project_id: Id, live: Live) -> None:
        """Collect no more for a follower, and let it end."""
        self._lives[project_id].discard(live)
        live.close()

    def close(self) -> None:
        """Let all followers end."""
        for lives in self._lives.values():
            for live in lives:
                live.close()

    async def run(self) -> None:
        """Follow the log until cancelled."""
        pause = self._look_again_s
        while True:
            await self._listener.wait(pause)
            pause = self._look_again_s
            try:
                await self._advance()
            except Exception:  # noqa: BLE001 - followers would hang without a word
                _log.warning("tail_unreadable", exc_info=True)
                pause = RETRY_S

    async def _advance(self) -> None:
        while projects := self._followed():
            after = self._at
            page = await self._log.span(projects, after, CHUNK)
            self._hand_out(page, projects, complete=page.bounds.purged <= after)
            self._at = page.end
            if page.end >= page.bounds.head:
                return

    def _followed(self) -> set[Id]:
        for project_id in [it for it, lives in self._lives.items() if not lives]:
            del self._lives[project_id]
        return set(self._lives)

    def _hand_out(self, page: Page, projects: set[Id], *, complete: bool) -> None:
        events: defaultdict[Id, list[LoggedEvent]] = defaultdict(list)
        for event in page.events:
            events[event.project_id].append(event)
        for project_id, lives in self._lives.items():
            for live in lives:
                if complete and project_id in projects:
                    live.offer(events[project_id], page.end)
                else:  # came while the page was read, or part of it was purged
                    live.skip(page.end)
