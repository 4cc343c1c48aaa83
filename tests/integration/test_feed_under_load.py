"""Nothing is lost and nothing comes twice while writers run and things go wrong."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest

from delivery.bus.in_process import InProcessBus
from delivery.cursor import CursorExpiredError, decode
from delivery.event_filter import EventFilter
from delivery.feed import Feed
from delivery.following import PAGE
from delivery.housekeeping import purge_events
from delivery.live import BUFFER
from delivery.log import LoggedEvent
from domain.ids import new_id
from tests.event_log import PROJECT, SOON_S, Site, entry, number_of, numbers, running

WRITERS = 4
FAR_AWAY = 10**15


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with running(database_url) as site:
        yield site


async def write_many(site: Site, writer: int, count: int) -> None:
    """Write in turns of various sizes, with other projects' events between."""
    chance = random.Random(writer)  # noqa: S311
    number = 0
    while number < count:
        size = min(chance.randint(1, 7), count - number)
        mine = [entry(10_000 * writer + number + k) for k in range(size)]
        await site.write(*mine, entry(0, new_id()))
        number += size


def check_order(events: list[LoggedEvent], each: int) -> None:
    """Every writer's events are there, once, in the writer's order; positions rise."""
    positions = [event.position for event in events]
    assert positions == sorted(set(positions))
    for writer in range(WRITERS):
        mine = [n for n in map(number_of, events) if n // 10_000 == writer]
        assert mine == [10_000 * writer + k for k in range(each)]


async def test_a_subscriber_cut_ten_times_sees_everything_once(site: Site) -> None:
    each = 250
    cursor = await site.feed.cursor(PROJECT)
    writing = asyncio.gather(*(write_many(site, w, each) for w in range(WRITERS)))
    seen: list[LoggedEvent] = []
    async with asyncio.timeout(30):
        for cut in range(11):
            following = site.feed.follow(PROJECT, cursor)
            goal = WRITERS * each if cut == 10 else len(seen) + 90
            while len(seen) < goal:
                seen.append(await anext(following))
                cursor = seen[-1].cursor
            await following.aclose()
    await writing
    check_order(seen, each)


async def test_a_subscriber_may_move_to_another_process(site: Site) -> None:
    """On a cluster; on an embedded database the process is another one after a stop."""
    each = 100
    cursor = await site.feed.cursor(PROJECT)
    writing = asyncio.gather(*(write_many(site, w, each) for w in range(WRITERS)))
    seen: list[LoggedEvent] = []
    for goal in (100, 200, 300, 400):
        feed = Feed(site.store, site.bus)
        await feed.start()
        following = feed.follow(PROJECT, cursor)
        async with asyncio.timeout(SOON_S):
            while len(seen) < goal:
                seen.append(await anext(following))
                cursor = following.cursor
        await feed.stop()
    await writing
    check_order(seen, each)


async def test_a_slow_follower_gets_everything_from_bounded_memory(site: Site) -> None:
    each = (BUFFER + 2 * PAGE) // WRITERS
    slow = await site.feed.follow(PROJECT, None).open()
    quick = await site.feed.follow(PROJECT, None).open()
    for round_ in range(2):
        writing = asyncio.gather(
            *(write_many(site, WRITERS * round_ + w, each) for w in range(WRITERS))
        )
        ahead = await numbers(quick, WRITERS * each)
        await writing
        assert slow.held <= BUFFER + PAGE
        assert await numbers(slow, WRITERS * each) == ahead


async def test_a_follower_that_skipped_for_long_may_overflow(site: Site) -> None:
    """Its last event is long purged; but it has missed nothing since."""
    slow = await site.feed.follow(PROJECT, None).open()
    nothing = EventFilter(kinds=frozenset())
    beside = await site.feed.follow(PROJECT, None, nothing).open()
    quick = await site.feed.follow(other := new_id(), None).open()
    await site.write(entry(1, at=1))
    assert await numbers(slow, 1) == [1]
    step = asyncio.ensure_future(anext(slow))
    await site.write(*(entry(n, other, at=2) for n in range(50)))
    await numbers(quick, 50)
    async with asyncio.timeout(SOON_S):
        while decode(beside.cursor).position < 51:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await site.store.turn(purge_events, 3, 1_000) == 51
    await site.write(*(entry(n, at=3) for n in range(BUFFER + 100)))
    await site.write(entry(0, other, at=3))
    await numbers(quick, 1)
    assert number_of(await asyncio.wait_for(step, SOON_S)) == 0
    assert await numbers(slow, BUFFER + 99) == list(range(1, BUFFER + 100))


async def test_purging_behind_a_follower_disturbs_nobody(site: Site) -> None:
    each = 250
    following = await site.feed.follow(PROJECT, None).open()
    writing = asyncio.gather(*(write_many(site, w, each) for w in range(WRITERS)))
    seen: list[LoggedEvent] = []
    gone = 0
    while len(seen) < WRITERS * each:
        seen.append(await asyncio.wait_for(anext(following), SOON_S))
        if len(seen) % 100 == 0:
            ahead = seen[-1].position - gone
            gone += await site.store.turn(purge_events, FAR_AWAY, ahead)
    await writing
    check_order(seen, each)
    assert gone == seen[-1].position


async def test_purging_ahead_of_a_follower_is_told_never_silent(site: Site) -> None:
    start = await site.feed.cursor(PROJECT)
    await site.write(*(entry(n, at=n) for n in range(2 * PAGE)))
    await site.numbered(2 * PAGE)
    following = site.feed.follow(PROJECT, start)
    assert await numbers(following, 10) == list(range(10))
    kept = PAGE + 100
    assert await site.store.turn(purge_events, kept, 10_000) == kept
    assert await numbers(following, PAGE - 10) == list(range(10, PAGE))
    with pytest.raises(CursorExpiredError) as refusal:
        await anext(following)
    resumed = site.feed.follow(PROJECT, refusal.value.oldest)
    assert await numbers(resumed, 1) == [kept]


async def test_fifty_followers_get_a_thousand_events_each(site: Site) -> None:
    followings = [await site.feed.follow(PROJECT, None).open() for _ in range(50)]
    reading = asyncio.gather(*(numbers(it, 1_000) for it in followings))
    for start in range(0, 1_000, 20):
        await site.write(*(entry(start + k) for k in range(20)))
    assert Counter(map(tuple, await reading)) == {tuple(range(1_000)): 50}


async def test_followers_go_on_without_a_bus(postgres_url: str) -> None:
    """Kicks get lost when the bus's connection dies; the log is looked at anyway."""
    async with running(postgres_url) as site:
        following = await site.feed.follow(PROJECT, None).open()
        reading = asyncio.ensure_future(numbers(following, 300))
        killer = await asyncpg.connect(postgres_url)
        for number in range(300):
            if number % 50 == 25:
                await killer.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'tocsin bus'"
                    " AND datname = current_database()"
                )
            await site.write(entry(number))
        await killer.close()
        assert await reading == list(range(300))


async def test_a_deaf_process_follows_too(postgres_url: str) -> None:
    async with running(postgres_url) as site:
        deaf = Feed(site.store, InProcessBus())
        await deaf.start()
        following = await deaf.follow(PROJECT, None).open()
        for number in range(2):
            await site.write(entry(number))
            assert await numbers(following, 1) == [number]
        await deaf.stop()
