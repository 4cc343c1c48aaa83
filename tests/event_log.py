"""A running event log for tests: store, bus, relay where there is one, and feed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from delivery.bus import Bus
from delivery.bus.in_process import InProcessBus
from delivery.bus.postgres import PostgresBus
from delivery.event_filter import EventFilter
from delivery.feed import Feed
from delivery.following import Following
from delivery.log import DELIVERY, Entry, LoggedEvent, append
from delivery.log_reader import LogReader, Page
from delivery.relay import Relay
from domain.ids import Id, encode, new_id
from models.store import PostgresStore, Store, open_store

SOON_S = 10.0
"""Far more than anything here takes; reached only when something got lost."""
PROJECT = new_id()
ALL = EventFilter()


def entry(number: int, project_id: Id = PROJECT, **more: Any) -> Entry:  # noqa: ANN401
    """Make an entry that can be told by its number; `status` goes into its body."""
    status = more.pop("status", "DELIVERED")
    delivery_id = more.pop("delivery_id", None) or new_id()
    body = {
        "delivery": {"id": encode("Delivery", delivery_id), "status": status},
        "attempt": {"number": number},
    }
    given = {"at": number, **more}
    return Entry(
        project_id=project_id,
        kind=DELIVERY,
        delivery_id=delivery_id,
        body=body,
        **given,
    )


def number_of(event: LoggedEvent) -> int:
    """Tell the number that its entry was made with."""
    number: int = event.body["attempt"]["number"]
    return number


@dataclass
class Site:
    """What one process runs."""

    url: str
    store: Store
    bus: Bus
    feed: Feed

    async def write(self, *entries: Entry) -> None:
        """Log entries in a turn of their own."""
        await self.store.turn(append, entries)

    async def numbered(self, head: int) -> LogReader:
        """Wait until so many positions have been given; return a reader."""
        log = await LogReader.open(self.store)
        async with asyncio.timeout(SOON_S):
            listener = self.bus.listen("tail")
            while (await log.bounds()).head < head:
                await listener.wait(0.1)
            listener.close()
        return log

    async def page(self, after: int = 0, wanted: EventFilter = ALL) -> Page:
        """Read the log of the project."""
        log = await LogReader.open(self.store)
        return await log.page(PROJECT, after, wanted, 10_000)


@contextlib.asynccontextmanager
async def running(url: str, *, relay: bool = True) -> AsyncIterator[Site]:
    """Run what a process runs on this database."""
    async with contextlib.AsyncExitStack() as stack:
        store = await open_store(url)
        stack.push_async_callback(store.close)
        bus: Bus = InProcessBus()
        if isinstance(store, PostgresStore):
            bus = PostgresBus(store.connect)
        store.on_commit(lambda topics: bus.kick(*topics))
        parts: list[Bus | Relay | Feed] = [bus]
        if relay and isinstance(store, PostgresStore):
            parts.append(Relay(store.connect, bus))
        parts.append(feed := Feed(store, bus))
        for part in parts:
            await part.start()
            stack.push_async_callback(part.stop)
        yield Site(url, store, bus, feed)


async def take(following: Following, count: int) -> list[LoggedEvent]:
    """Take so many events."""
    async with asyncio.timeout(SOON_S):
        return [await anext(following) for _ in range(count)]


async def numbers(following: Following, count: int) -> list[int]:
    """Take so many events and tell their numbers."""
    return [number_of(event) for event in await take(following, count)]


async def nothing_more(following: Following) -> bool:
    """Tell whether a follower has nothing to take for a moment."""
    step = asyncio.ensure_future(anext(following))
    await asyncio.wait([step], timeout=0.05)
    if step.done():
        return False
    step.cancel()
    await asyncio.wait([step])
    return True
