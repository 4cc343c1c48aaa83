"""When the feed reads the log, how often, and what may happen right before and after."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from delivery.bus.in_process import InProcessBus
from delivery.cursor import CursorExpiredError
from delivery.feed import Feed
from delivery.housekeeping import purge_events
from models.store import Row, Store, open_store
from tests.event_log import PROJECT, SOON_S, Site, entry, number_of, numbers

Interruption = Callable[[], Awaitable[object]]


class WatchedStore:
    """A store that counts what is read through it, and lets something happen once
    right before or after a read.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.dialect = store.dialect
        self.reads = 0
        self.before: Interruption | None = None
        self.after: Interruption | None = None

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        self.reads += 1
        if before := self.before:
            self.before = None
            await before()
        rows = await self._store.fetch(sql, *args)
        if after := self.after:
            self.after = None
            await after()
        return rows

    async def fetchrow(self, sql: str, *args: object) -> Row | None:
        rows = await self.fetch(sql, *args)
        return rows[0] if rows else None

    async def fetchval(self, sql: str, *args: object) -> Any:  # noqa: ANN401
        row = await self.fetchrow(sql, *args)
        return row[0] if row else None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._store, name)

    async def quiet(self) -> None:
        """Wait until what was begun has been read."""
        seen = -1
        while seen != self.reads:
            seen = self.reads
            await asyncio.sleep(0.1)


@pytest.fixture
async def site(sqlite_url: str) -> AsyncIterator[Site]:
    """An embedded site whose feed's reads are watched: there nothing looks again."""
    store = await open_store(sqlite_url)
    bus = InProcessBus()
    store.on_commit(lambda topics: bus.kick(*topics))
    feed = Feed(WatchedStore(store), bus)
    await feed.start()
    yield Site(sqlite_url, store, bus, feed)
    await feed.stop()
    await store.close()


@pytest.fixture
def watched(site: Site) -> WatchedStore:
    store = site.feed.store
    assert isinstance(store, WatchedStore)
    return store


async def test_an_idle_feed_reads_nothing(site: Site, watched: WatchedStore) -> None:
    following = await site.feed.follow(PROJECT, None).open()
    step = asyncio.ensure_future(anext(following))
    await watched.quiet()
    watched.reads = 0
    await asyncio.sleep(1.5)
    assert watched.reads == 0
    await site.write(entry(1))
    assert number_of(await asyncio.wait_for(step, SOON_S)) == 1
    await watched.quiet()
    assert watched.reads == 1


async def test_the_log_is_read_once_for_all(site: Site, watched: WatchedStore) -> None:
    followings = [await site.feed.follow(PROJECT, None).open() for _ in range(20)]
    await watched.quiet()
    watched.reads = 0
    await site.write(*(entry(number) for number in range(100)))
    for following in followings:
        assert await numbers(following, 100) == list(range(100))
    assert watched.reads == 1


async def test_the_log_is_not_read_for_nobody(
    site: Site, watched: WatchedStore
) -> None:
    following = await site.feed.follow(PROJECT, None).open()
    dropped = await site.feed.follow(PROJECT, None).open()
    await following.aclose()
    del dropped
    await watched.quiet()
    watched.reads = 0
    await site.write(entry(1))
    await watched.quiet()
    assert watched.reads == 0


async def test_a_commit_while_a_follower_opens_is_seen(
    site: Site, watched: WatchedStore
) -> None:
    """It comes after the position was read, and its kick before anybody follows."""

    async def commit() -> None:
        await site.write(entry(1))
        for _ in range(10):  # so that the tail hears of it, and finds nobody
            await asyncio.sleep(0)

    watched.after = commit
    following = await site.feed.follow(PROJECT, None).open()
    assert await numbers(following, 1) == [1]


async def test_a_purge_ahead_of_the_tail_is_told(
    site: Site, watched: WatchedStore
) -> None:
    """A process that slept for days must not skip what it slept through."""
    following = await site.feed.follow(PROJECT, None).open()
    step = asyncio.ensure_future(anext(following))
    await watched.quiet()
    watched.before = lambda: site.store.turn(purge_events, 3, 1_000)
    await site.write(entry(1, at=1), entry(2, at=2), entry(3, at=3))
    with pytest.raises(CursorExpiredError) as refusal:
        await asyncio.wait_for(step, SOON_S)
    resumed = site.feed.follow(PROJECT, refusal.value.oldest)
    assert await numbers(resumed, 1) == [3]


async def test_a_follower_may_join_while_the_tail_reads(
    site: Site, watched: WatchedStore
) -> None:
    """The rows of its project are not among those that come back."""
    other = type(PROJECT)(bytes(16))
    first = await site.feed.follow(PROJECT, None).open()
    start = await site.feed.cursor(other)
    await watched.quiet()
    second = site.feed.follow(other, start)
    watched.after = second.open
    await site.write(entry(1), entry(1, other))
    assert await numbers(first, 1) == [1]
    assert await numbers(second, 1) == [1]
    await site.write(entry(2), entry(2, other))
    assert await numbers(second, 1) == [2]


async def test_the_tail_reads_again_after_a_failure(
    site: Site, watched: WatchedStore
) -> None:
    async def fail() -> None:
        raise OSError("the disk is gone for a moment")

    following = await site.feed.follow(PROJECT, None).open()
    await watched.quiet()
    watched.before = fail
    await site.write(entry(1))
    assert await numbers(following, 1) == [1]
