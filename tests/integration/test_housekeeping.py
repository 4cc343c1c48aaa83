"""What is kept for a while only goes in time, in order, and in small turns."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from delivery.housekeeping import ROWS_A_TURN, Housekeeping, purge_events
from delivery.log_reader import Bounds
from domain.ids import Id, new_id
from domain.timing import DAY, HOUR
from models.store import Store, Tx
from tests.event_log import PROJECT, SOON_S, Site, entry, number_of, running

NOW = 1_800_000_000_000
WEEK = 7 * DAY


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with running(database_url) as site:
        yield site


def housekeeping(store: Store) -> Housekeeping:
    return Housekeeping(
        store, lambda: NOW, event_retention=WEEK, history_retention=WEEK
    )


async def test_events_go_by_age(site: Site) -> None:
    ages = [WEEK + 2, WEEK + 1, WEEK, WEEK - 1, 0]
    await site.write(*(entry(n, at=NOW - age) for n, age in enumerate(ages)))
    await site.numbered(len(ages))
    removed = await housekeeping(site.store).clean(NOW)
    assert removed.events == 2
    assert [number_of(event) for event in (await site.page()).events] == [2, 3, 4]
    assert (await site.page()).bounds.purged == 2
    assert (await housekeeping(site.store).clean(NOW)).events == 0
    assert (await site.page()).bounds.purged == 2


async def test_an_old_event_behind_a_younger_one_waits(site: Site) -> None:
    """Otherwise a cursor between the two would miss it without a word."""
    ages = [WEEK + 1, 0, WEEK + 1]
    await site.write(*(entry(n, at=NOW - age) for n, age in enumerate(ages)))
    await site.numbered(3)
    await housekeeping(site.store).clean(NOW)
    assert [number_of(event) for event in (await site.page()).events] == [1, 2]


async def test_many_events_go_in_turns_of_limited_size(site: Site) -> None:
    limit = ROWS_A_TURN[site.store.dialect]
    await site.write(*(entry(n, at=0) for n in range(limit + 10)), entry(-1, at=NOW))
    await site.numbered(limit + 11)
    assert await site.store.turn(purge_events, NOW, limit) == limit
    assert (await site.page()).bounds.purged == limit
    assert (await housekeeping(site.store).clean(NOW)).events == 10
    assert [number_of(event) for event in (await site.page()).events] == [-1]


async def test_unnumbered_events_stay(postgres_url: str) -> None:
    async with running(postgres_url, relay=False) as site:
        await site.write(entry(1, at=0))
        assert (await housekeeping(site.store).clean(NOW)).events == 0
        assert await site.store.fetchval("SELECT count(*) FROM event_log") == 1


async def test_positions_go_on_after_everything_went(site: Site) -> None:
    await site.write(entry(1, at=0), entry(2, at=0))
    await site.numbered(2)
    await housekeeping(site.store).clean(NOW)
    await site.write(entry(3, at=NOW))
    await site.numbered(3)
    (event,) = (await site.page()).events
    assert (event.position, number_of(event)) == (3, 3)


async def test_two_may_clean_at_once(site: Site) -> None:
    await site.write(*(entry(n, at=0) for n in range(1_500)))
    await site.numbered(1_500)
    cleaners = [housekeeping(site.store) for _ in range(4)]
    removed = await asyncio.gather(*(it.clean(NOW) for it in cleaners))
    assert sum(it.events for it in removed) == 1_500
    assert (await site.page()).bounds == Bounds(head=1_500, purged=1_500)


async def test_idempotency_keys_go_after_a_day(site: Site) -> None:
    project = new_id()

    async def work(tx: Tx) -> None:
        await tx.execute(
            "INSERT INTO project (id, name, plan, created_at, updated_at)"
            " VALUES ($1, $2, $3, $4, $4)",
            *(project, "one", "PAID", NOW),
        )
        for age in (DAY + 1, DAY, 0):
            await add_key(tx, project, age)

    await site.store.turn(work)
    assert (await housekeeping(site.store).clean(NOW)).keys == 1
    kept = await site.store.fetch("SELECT created_at FROM idempotency ORDER BY 1")
    assert [row["created_at"] for row in kept] == [NOW - DAY, NOW]


async def add_key(tx: Tx, project: Id, age: int) -> None:
    await tx.execute(
        "INSERT INTO idempotency"
        " (id, project_id, key, operation, input_hash, result, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *(new_id(), project, f"key {age}", "op", b"hash", "{}", NOW - age),
    )


async def test_workers_are_forgotten_long_after_their_lease(site: Site) -> None:
    then = 1_700_000_000_000  # before now: one that lives is not forgotten

    async def work(tx: Tx) -> None:
        for lease_until in (then - HOUR - 1, then - HOUR, then + 1):
            sql = "INSERT INTO worker (lease_until) VALUES ($1)"
            await tx.execute(sql, lease_until)

    await site.store.turn(work)
    assert (await housekeeping(site.store).clean(then)).workers == 1
    kept = await site.store.fetch("SELECT lease_until FROM worker ORDER BY 1")
    assert [row["lease_until"] for row in kept] == [then - HOUR, then + 1]


async def test_it_cleans_as_soon_as_it_starts(site: Site) -> None:
    await site.write(entry(1, at=0))
    await site.numbered(1)
    keeper = housekeeping(site.store)
    await keeper.start()
    async with asyncio.timeout(SOON_S):
        while not (await site.page()).bounds.purged:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await keeper.stop()


async def test_a_follower_is_not_disturbed(site: Site) -> None:
    following = await site.feed.follow(PROJECT, None).open()
    await site.write(entry(1, at=0), entry(2, at=NOW))
    assert number_of(await anext(following)) == 1
    await housekeeping(site.store).clean(NOW)
    assert number_of(await anext(following)) == 2
