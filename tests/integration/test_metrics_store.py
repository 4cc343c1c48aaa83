"""A scrape costs the database little, and never waits for one that does not answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from delivery import backlog
from delivery.backlog import HELD_BACK, LAST, OLDEST, UNFINISHED, UNPOSITIONED
from domain.clock import system_clock
from domain.ids import new_id
from domain.timing import HOUR
from models.counts import Counts
from models.store import Store, Tx, open_store
from server.metrics import Metrics
from server.metrics_store import StoreState
from tests.plans import cost
from tests.samples import families, sample
from tests.world import START, World

MANY, MOST = 3_000, 40
FROM_STORE = {
    "tocsin_oldest_undelivered_age_seconds",
    "tocsin_undelivered_deliveries",
    "tocsin_queue_overdue_seconds",
    "tocsin_lanes_held_back",
    "tocsin_workers",
    "tocsin_log_unpositioned_events",
    "tocsin_log_position_lag_seconds",
}


class Hanging:
    """A store that is asked and does not answer until it is let go."""

    dialect = "sqlite"

    def __init__(self) -> None:
        self.counts = Counts()
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def fetchval(self, _sql: str, *_args: object) -> Any:  # noqa: ANN401
        self.asked += 1
        await self.may_answer.wait()
        return 0


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    store = await open_store(database_url)
    try:
        yield await World(store).make()
    finally:
        await store.close()


async def fill(tx: Tx, world: World, lane: bytes, status: int, count: int) -> None:
    """Insert deliveries that stand alike, with an event of each in the log."""
    rows = [
        (new_id(), world.project, lane, n, status, world.now + n) for n in range(count)
    ]
    await tx.executemany(
        "INSERT INTO delivery (id, project_id, lane_id, number, kind, status, due_at,"
        " expires_at, message_id, created_at, updated_at)"
        " VALUES ($1, $2, $3, $4, 'OPENED', $5, $6, $6, 'm', $6, $6)",
        rows,
    )
    await tx.executemany(
        "INSERT INTO event_log (project_id, kind, body, at) VALUES ($1, 'x', '{}', $2)",
        [(world.project, row[5]) for row in rows],
    )


async def test_reading_costs_the_same_however_many_wait(
    world: World, database_url: str
) -> None:
    """Beside deliveries that are over, and beside as many that are not."""
    store = world.store
    integration = await world.integration()
    lane = await store.fetchval("SELECT id FROM lane")
    await store.turn(fill, world, lane, 4, MANY)
    await store.turn(fill, world, lane, 0, MOST)
    hour = world.now + HOUR
    await world.execute("UPDATE lane SET next_due_at = $1", hour)
    statements: list[tuple[str, tuple[object, ...]]] = [
        (OLDEST, ()),
        (UNFINISHED, (MOST,)),
        (HELD_BACK, (world.now, MOST)),
    ]
    if store.dialect == "postgres":
        statements += [(LAST, ()), (UNPOSITIONED, (MOST,))]
        await world.execute("UPDATE event_log SET position = id WHERE id <= $1", MANY)
        await world.execute("ANALYZE")
    before = [await cost(store, database_url, sql, *args) for sql, args in statements]
    await store.turn(fill, world, lane, 2, MANY)
    if store.dialect == "postgres":
        await world.execute("ANALYZE")
    after = [await cost(store, database_url, sql, *args) for sql, args in statements]
    assert after == before
    assert max(before) < 20 * MOST  # far from a walk through MANY
    found = await backlog.read(store, world.now)
    assert found.unfinished == MANY + MOST
    assert integration


async def test_without_an_answer_the_store_is_down_and_the_rest_is_there(
    database_url: str,
) -> None:
    store = await open_store(database_url)
    metrics = Metrics()
    metrics.watch_store(store, system_clock)
    await store.close()
    found = await families(metrics)
    assert sample(found, "tocsin_store_up") == 0
    assert not FROM_STORE & {it.name for it in found}
    assert "tocsin_store_turns" in {it.name for it in found}


async def test_a_store_that_hangs_is_waited_for_once_and_asked_once() -> None:
    hanging, loop = Hanging(), asyncio.get_running_loop()
    state = StoreState(cast("Store", hanging), lambda: START, within_s=0.2)
    begun = loop.time()
    await asyncio.gather(*(state.refresh() for _ in range(10)))
    assert 0.2 <= loop.time() - begun < 3 * 0.2
    begun = loop.time()
    await state.refresh()  # it is known to hang
    assert loop.time() - begun < 0.2
    assert hanging.asked == 1
    [up] = list(state.collect())
    assert [(it.name, it.value) for it in up.samples] == [("tocsin_store_up", 0)]
    hanging.may_answer.set()
    while len(list(state.collect())) == 1:
        await state.refresh()
        await asyncio.sleep(0)
    await state.close()


async def test_a_reading_is_given_again_for_a_while() -> None:
    """However many ask: the database is asked once."""
    answering = Hanging()
    answering.may_answer.set()
    state = StoreState(cast("Store", answering), lambda: START)
    await state.refresh()
    asked = answering.asked
    assert asked > 0
    await asyncio.gather(*(state.refresh() for _ in range(50)))
    assert answering.asked == asked


async def test_a_scrape_that_is_given_up_leaves_the_reading_alone() -> None:
    hanging = Hanging()
    state = StoreState(cast("Store", hanging), lambda: START, within_s=20)
    scrape = asyncio.create_task(state.refresh())
    while not hanging.asked:  # noqa: ASYNC110 - it is a step away
        await asyncio.sleep(0)
    scrape.cancel()
    await asyncio.wait([scrape])
    hanging.may_answer.set()
    await state.refresh()
    assert len(list(state.collect())) == 1 + len(FROM_STORE)
    assert hanging.asked > 1
    await state.close()
