"""The live feed: events of the log for subscribers, resumable, without gap or double."""

import asyncio
from typing import Final

from delivery.bus import Bus
from delivery.event_filter import EventFilter
from delivery.following import Following
from delivery.log import TAIL
from delivery.log_reader import LogReader
from delivery.measures import SILENT, Measures
from delivery.tail import Tail
from domain.ids import Id
from models.store import Store

LOOK_AGAIN_S: Final = 1.0
"""PostgreSQL only, while somebody follows: covers kicks that got lost on the way."""

EVERYTHING: Final = EventFilter()
"""All events that tell of deliveries."""


class Feed:
    """Feeds the followers of one process."""

    def __init__(self, store: Store, bus: Bus, measures: Measures = SILENT) -> None:
        """Take a bus that is kicked by the store's commits."""
        self.store = store
        self._bus = bus
        self._measures = measures

    async def start(self) -> None:
        """Begin to follow the log."""
        look_again_s = LOOK_AGAIN_S if self.store.dialect == "postgres" else None
        self._log = await LogReader.open(self.store)
        self._listener = self._bus.listen(TAIL)
        self._tail = Tail(self._log, self._listener, look_again_s, self._measures)
        self._task = asyncio.create_task(self._tail.run())

    async def stop(self) -> None:
        """Let all followers end."""
        self._tail.close()
        self._listener.close()
        self._task.cancel()
        await asyncio.wait([self._task])

    async def cursor(self, project_id: Id) -> str:
        """Return the cursor of now: to be taken before a list is read that a client
        wants to keep up to date. What changes later comes after it.
        """
        bounds = await self._log.bounds()
        return self._log.cursor(project_id, bounds.head)

    def follow(
        self, project_id: Id, after: str | None, wanted: EventFilter = EVERYTHING
    ) -> Following:
        """Return the events after a cursor, without one those from now on."""
        return Following(self._log, self._tail, project_id, after, wanted)
