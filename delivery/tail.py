"""The end of the event log, read once per process for all followers.

While nobody follows, nothing is read.
"""

from collections import defaultdict
from typing import Final
from weakref import WeakSet

import structlog

from delivery.bus import Listener
from delivery.live import Live
from delivery.log import LoggedEvent
from delivery.log_reader import LogReader, Page
from delivery.measures import SILENT, Measures
from domain.ids import Id

CHUNK: Final = 500
"""Positions that are read at once."""
RETRY_S: Final = 1.0
"""Pause after the storage could not be read."""

_log = structlog.get_logger(__name__)


class Tail:
    """Hands new events to the followers of their projects."""

    def __init__(
        self,
        log: LogReader,
        listener: Listener,
        look_again_s: float | None,
        measures: Measures = SILENT,
    ) -> None:
        """Read when the listener is kicked, or else after `look_again_s` if given."""
        self._log = log
        self._measures = measures
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

    def _offer(self, live: Live, events: list[LoggedEvent], end: int) -> None:
        lost_before = live.lost
        live.offer(events, end)
        if live.lost and not lost_before:
            self._measures.fell_back()

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
                    self._offer(live, events[project_id], page.end)
                else:  # came while the page was read, or part of it was purged
                    live.skip(page.end)
