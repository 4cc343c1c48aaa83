"""What a claim reads, and what it must not rely on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from delivery import claim as claiming
from delivery import lanes
from delivery.claim import Ask
from delivery.lease import open_session
from domain.ids import ZERO, Id, new_id
from models.store import Store, Tx, open_store
from tests.outbox import take
from tests.plans import explained
from tests.world import START, World

DEAD = 5_000


async def fill_dead_lane(world: World, integration: Id) -> None:
    """Let many deliveries wait in a lane that is closed for an hour."""

    async def work(tx: Tx) -> None:
        lane = await tx.fetchval(
            "SELECT id FROM lane WHERE integration_id = $1", integration
        )
        await tx.execute(
            "UPDATE lane SET closed_until = $2, next_due_at = $2 WHERE id = $1",
            *(lane, START + 3_600_000),
        )
        rows = [
            (new_id(), world.project, lane, integration, new_id(), START)
            for _ in range(DEAD)
        ]
        await tx.executemany(
            "INSERT INTO delivery (id, project_id, lane_id, integration_id,"
            " incident_id, number, kind, status, due_at, expires_at, message_id,"
            " created_at, updated_at)"
            " VALUES ($1, $2, $3, $4, $5, 1, 'OPENED', 0, $6, $6, 'm', $6, $6)",
            rows,
        )

    await world.store.turn(work)


@pytest.fixture
async def crowded(database_url: str) -> AsyncIterator[World]:
    """Give a world with a dead lane full of waiting deliveries and a live one."""
    store = await open_store(database_url)
    world = await World(store).make()
    await fill_dead_lane(world, await world.integration())
    await world.execute("DELETE FROM attachment")
    await world.integration()
    await world.report()
    await world.execute("ANALYZE")
    yield world
    await store.close()


async def test_a_claim_does_not_read_what_waits_in_a_dead_lane(
    crowded: World,
) -> None:
    """However long the queue of a closed lane: claims of others do not look at it."""
    store = crowded.store
    if store.dialect == "postgres":
        session = await store.turn(open_session)
        await store.turn(fold)
        asked = (START, ZERO, 50, 50, 8, session, 50)
        read = [
            (it["Actual Rows"] + it.get("Rows Removed by Filter", 0))
            * it["Actual Loops"]
            for it in await explained(store, claiming.CLAIM, *asked)
            if it.get("Relation Name") == "delivery"
        ]
        assert read
        assert max(read) < 20
    else:
        for statement, args in (
            (claiming.DUE_LANES, (crowded.project, START, 50)),
            (claiming.WAITING, (new_id(), 9)),
            (claiming.DUE_PROJECTS, (START, ZERO, 50)),
        ):
            plan = await store.fetch(f"EXPLAIN QUERY PLAN {statement}", *args)
            details = [row["detail"] for row in plan]
            tables = ("SCAN d", "SCAN lane", "SCAN n", "TEMP B-TREE")
            assert not [it for it in details if it.startswith(tables)], details


async def test_a_claim_beside_a_dead_lane_takes_what_is_due(crowded: World) -> None:
    """And nothing of the dead one."""
    session = await crowded.store.turn(open_session)
    assert len(await take(crowded, session)) == 1


async def test_a_claim_on_an_old_snapshot_puts_no_lane_to_sleep(
    postgres_url: str,
) -> None:
    """PostgreSQL, forced: between the snapshot of a claim and its locks new work comes to
    a lane that was due and empty. The claim must not decide by what it saw before that
    there is none: the wake is used up, nobody would look again.
    """
    store = await open_store(postgres_url)
    world = await World(store).make()
    session = await store.turn(open_session)
    integration = await world.integration()
    await world.report()
    await store.turn(fold)
    await world.execute("UPDATE delivery SET status = 6, due_at = NULL")
    begun = asyncio.create_task(store.turn(claim_late, session, world.now))
    await asyncio.sleep(0.2)  # the snapshot is taken, nothing is locked yet
    await world.report()
    await store.turn(fold)
    await begun
    due = "SELECT next_due_at FROM lane WHERE integration_id = $1"
    assert await store.fetchval(due, integration) == START
    assert len(await take(world, session)) == 1
    await store.close()


async def fold(tx: Tx) -> None:
    await tx.execute(claiming.FOLD)


async def claim_late(tx: Tx, session: int, now: int) -> None:
    """Claim, with a pause between the statement's snapshot and its first lock."""
    late = claiming.CLAIM.replace(
        "locked AS MATERIALIZED (SELECT l.* FROM p CROSS JOIN LATERAL",
        "pause AS MATERIALIZED (SELECT pg_sleep(0.6)),"
        " locked AS MATERIALIZED (SELECT l.* FROM pause, p CROSS JOIN LATERAL",
    )
    assert late != claiming.CLAIM
    ask = Ask(worker=session, now=now, most=50)
    await tx.fetch(late, ask.now, ask.after, 50, 50, 8, ask.worker, 50)


class Plans:
    """Stands for a transaction and asks for the plans of what it is to run."""

    dialect = "sqlite"

    def __init__(self, store: Store) -> None:
        self._store = store
        self.details: list[str] = []

    async def execute(self, sql: str, *args: object) -> int:
        rows = await self._store.fetch(f"EXPLAIN QUERY PLAN {sql}", *args)
        self.details += [row["detail"] for row in rows]
        return 0

    def note(self, topic: str) -> None:
        pass


async def test_waking_and_promoting_look_at_no_others(sqlite_url: str) -> None:
    """SQLite: both find their rows by indexes, whatever else is stored."""
    store = await open_store(sqlite_url)
    plans: Any = Plans(store)
    await lanes.promote(plans, [(new_id(), new_id())] * 3, START)
    await lanes.wake_waiting(plans, [new_id()] * 3)
    await lanes.wake(plans, [new_id()] * 3, START)
    scans = [it for it in plans.details if it.startswith("SCAN")]
    assert plans.details
    assert not [it for it in scans if "delivery" in it or "lane" in it]
    await store.close()
