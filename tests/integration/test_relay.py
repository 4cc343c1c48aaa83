"""Positions are given once, to committed rows, without a hole, whoever dies."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from delivery.bus.in_process import InProcessBus
from delivery.dedicated import Connect
from delivery.relay import LOCK, Relay
from tests.event_log import PROJECT, SOON_S, Site, entry, number_of, numbers, running

OFTEN_S = 0.05
SELDOM_S = 10 * SOON_S


@pytest.fixture
async def site(postgres_url: str) -> AsyncIterator[Site]:
    async with running(postgres_url) as site:
        yield site


def opening(url: str) -> Connect:
    """Do without the store of a process."""
    return lambda: asyncpg.connect(url)


@contextlib.asynccontextmanager
async def session(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def insert(connection: asyncpg.Connection, number: int) -> None:
    """Append an entry by hand, to decide when it is committed."""
    await connection.execute(
        "INSERT INTO event_log (project_id, kind, body, at) VALUES ($1, $2, $3, 0)",
        PROJECT.hex(),
        "delivery",
        f'{{"delivery": {{"status": "PENDING"}}, "attempt": {{"number": {number}}}}}',
    )


async def leaders(connection: asyncpg.Connection) -> list[int]:
    """Tell which sessions hold the relay's lock."""
    rows = await connection.fetch(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND (classid::bigint << 32 | objid::bigint) = $1"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        LOCK,
    )
    return [row["pid"] for row in rows]


async def the_leader(connection: asyncpg.Connection, *not_this: int) -> int:
    """Wait for a leader, for another than this one."""
    async with asyncio.timeout(SOON_S):
        while set(found := await leaders(connection)) <= set(not_this):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    (pid,) = found
    return pid


async def test_the_earlier_of_two_transactions_commits_later(site: Site) -> None:
    """It gets the later position, and a subscriber misses neither."""
    following = await site.feed.follow(PROJECT, None).open()
    async with session(site.url) as slow, session(site.url) as quick:
        late = slow.transaction()
        await late.start()
        await insert(slow, 1)
        await insert(quick, 2)
        assert await numbers(following, 1) == [2]
        await late.commit()
        assert await numbers(following, 1) == [1]
    events = (await site.page()).events
    assert [(it.position, number_of(it)) for it in events] == [(1, 2), (2, 1)]
    async with session(site.url) as any_:
        ids = await any_.fetch("SELECT id FROM event_log ORDER BY position")
    assert ids[0]["id"] > ids[1]["id"], "the test did what it says"


async def test_a_backlog_is_numbered_in_the_order_of_ids(postgres_url: str) -> None:
    async with running(postgres_url, relay=False) as site:
        await site.write(*(entry(number) for number in range(2_345)))
        assert (await site.page()).bounds.head == 0
        relay = Relay(opening(postgres_url), site.bus, SELDOM_S)
        await relay.start()
        await site.numbered(2_345)
        events = (await site.page()).events
        await relay.stop()
    assert [number_of(event) for event in events] == list(range(2_345))
    assert [event.position for event in events] == list(range(1, 2_346))


async def test_followers_are_told_of_positions(site: Site) -> None:
    """They need not wait until they look again by themselves."""
    told = site.bus.listen("tail")
    for number in range(3):
        await site.write(entry(number))
        assert await told.wait(SOON_S)
        assert (await site.page()).bounds.head == number + 1


async def test_rows_are_numbered_although_nobody_was_told(site: Site) -> None:
    """A writer may die between its commit and its kick."""
    async with session(site.url) as writer:
        await insert(writer, 1)
    await site.numbered(1)


async def test_only_one_process_leads(site: Site) -> None:
    relays = [Relay(opening(site.url), InProcessBus(), OFTEN_S) for _ in range(3)]
    async with session(site.url) as seeing:
        leader = await the_leader(seeing)
        for relay in relays:
            await relay.start()
        await asyncio.sleep(4 * OFTEN_S)
        assert await leaders(seeing) == [leader]
        for relay in relays:
            await relay.stop()


async def test_numbering_goes_on_when_the_leader_dies(site: Site) -> None:
    """While writers run, leaders are killed; no hole and no number twice."""
    standby = Relay(opening(site.url), site.bus, OFTEN_S)
    await standby.start()
    async with session(site.url) as killer:
        pid = await the_leader(killer)
        for round_ in range(4):
            writing = asyncio.gather(*(write_some(site, round_, k) for k in range(3)))
            await killer.execute("SELECT pg_terminate_backend($1)", pid)
            pid = await the_leader(killer, pid)
            await writing
    await site.numbered(4 * 3 * 20)
    await standby.stop()
    events = (await site.page()).events
    assert [event.position for event in events] == list(range(1, 241))
    assert len({number_of(event) for event in events}) == 240


async def write_some(site: Site, round_: int, writer: int) -> None:
    for number in range(20):
        await site.write(entry(1_000 * round_ + 100 * writer + number))


async def test_another_takes_over_from_one_that_stops(postgres_url: str) -> None:
    async with running(postgres_url, relay=False) as site, session(postgres_url) as eye:
        first, second = (
            Relay(opening(postgres_url), site.bus, OFTEN_S) for _ in range(2)
        )
        await first.start()
        leader = await the_leader(eye)
        await second.start()
        await first.stop()
        await the_leader(eye, leader)
        await site.write(entry(1))
        await site.numbered(1)
        await second.stop()
        assert await leaders(eye) == []
