"""History goes when it is over and old; what is not over stays whole, however old."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from delivery.housekeeping import Housekeeping, Removed
from delivery.housekeeping_history import ROWS_A_TURN, History
from delivery.housekeeping_removal import KINDS
from delivery.lease import open_session
from delivery.redelivery import redeliver
from domain.deliveries import DeliveryStatus
from domain.ids import Id, new_id
from domain.timing import DAY, HOUR
from models.store import Store, Tx, open_store
from tests.invariants import violations
from tests.outbox import RETRY, SENT, end, take
from tests.world import START, World

# ruff: noqa: S608 - tables of ours

KEPT = 90 * DAY
TABLES = ("incident", "incident_event", "delivery", "attempt", "far_end")


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    store = await open_store(database_url)
    try:
        yield await World(store).make()
        assert await violations(store) == {}
    finally:
        await store.close()


def housekeeping(store: Store) -> Housekeeping:
    return Housekeeping(
        store, lambda: START, event_retention=10_000 * DAY, history_retention=KEPT
    )


async def clean(world: World) -> Removed:
    return await housekeeping(world.store).clean(world.now)


async def counts(world: World) -> dict[str, int]:
    return {
        it: await world.store.fetchval(f"SELECT count(*) FROM {it}") for it in TABLES
    }


async def deliver(world: World, most: int = 200) -> None:
    """Deliver all that is due."""
    session = await world.store.turn(open_session)
    while claimed := await take(world, session, most=most):
        await end(world, session, claimed, SENT)


async def remember(world: World, incident: Id, integration: Id) -> None:
    """Keep something that the far end returned."""
    await world.execute(
        "INSERT INTO far_end (incident_id, integration_id, state) VALUES ($1, $2, '{}')",
        *(incident, integration),
    )


async def ended(world: World, **fields: Any) -> Id:  # noqa: ANN401
    """Report, deliver, resolve and deliver."""
    incident = await world.report(**fields)
    await deliver(world)
    await world.resolve(incident)
    await deliver(world)
    return incident


async def test_what_ended_long_ago_goes_with_all_that_hangs_on_it(
    world: World,
) -> None:
    integration = await world.integration()
    await remember(world, await ended(world), integration)
    before = await counts(world)
    assert before == dict.fromkeys(TABLES, 2) | {"incident": 1, "far_end": 1}
    world.now += KEPT
    assert (await clean(world)).history == 0
    world.now += 1
    assert (await clean(world)).history == sum(before.values())
    assert await counts(world) == dict.fromkeys(TABLES, 0)


async def test_the_end_counts_and_not_the_beginning(world: World) -> None:
    """An incident of a year that was resolved yesterday stays whole."""
    integration = await world.integration()
    incident = await world.report()
    await deliver(world)
    world.now += 365 * DAY
    await world.resolve(incident)
    await deliver(world)
    await remember(world, incident, integration)
    before = await counts(world)
    world.now += DAY
    assert (await clean(world)).history == 0
    assert await counts(world) == before


@pytest.mark.parametrize("acknowledged", [False, True])
async def test_an_open_incident_stays_whole_however_old(
    world: World, acknowledged: bool
) -> None:
    integration = await world.integration()
    incident = await world.report()
    await remember(world, incident, integration)
    if acknowledged:
        await world.acknowledge(incident)
    await deliver(world)
    before = await counts(world)
    world.now += 3650 * DAY
    assert (await clean(world)).history == 0
    assert await counts(world) == before


async def test_an_unfinished_delivery_keeps_its_incident(world: World) -> None:
    """It waits in a closed lane, or for its retry, or is being sent: it is not over."""
    await world.integration()
    incident = await world.report()
    await world.resolve(incident)
    session = await world.store.turn(open_session)
    before = await counts(world)
    world.now += KEPT + HOUR
    assert (await clean(world)).history == 0
    claimed = await take(world, session)
    assert (await clean(world)).history == 0
    await end(world, session, claimed, RETRY)
    assert await counts(world) == before | {"attempt": 1}
    await deliver(world)
    world.now += KEPT
    assert (await clean(world)).history == 0
    world.now += DAY
    assert (await clean(world)).history > 0


async def test_a_delivery_redelivered_of_late_keeps_its_incident(world: World) -> None:
    """Its newest change is young, although the incident's is old. What was passed by is
    looked at again later.
    """
    await world.integration()
    incident = await ended(world)
    [first, _] = await world.deliveries()
    world.now += KEPT + 1
    args = (world.channels, world.project, first["id"], world.now)
    await world.store.turn(redeliver, *args)
    keeper = housekeeping(world.store)
    assert (await keeper.clean(world.now)).history == 0
    await deliver(world)
    assert (await keeper.clean(world.now)).history == 0
    world.now += KEPT + 1
    assert (await keeper.clean(world.now)).history == 8
    assert (
        await world.store.fetchval("SELECT 1 FROM incident WHERE id = $1", incident)
        is None
    )


async def test_tests_go_when_their_deliveries_have_ended(world: World) -> None:
    """A test is not resolved by anybody."""
    await world.integration()
    await world.report(test=True)
    world.now += KEPT + 1
    assert (await clean(world)).history == 0
    await deliver(world)
    world.now += KEPT + 1
    assert (await clean(world)).history == 4
    assert await counts(world) == dict.fromkeys(TABLES, 0)


async def test_messages_outside_incidents_go_by_their_own_end(world: World) -> None:
    await world.integration()
    await ended(world)
    await world.execute(
        "UPDATE delivery SET incident_id = NULL, event_id = NULL, number = NULL"
        " WHERE number = 1"
    )
    await world.execute(
        "UPDATE delivery SET updated_at = $1 WHERE number = 2", START + HOUR
    )
    await world.execute("UPDATE incident SET updated_at = $1", START + HOUR)
    world.now = START + KEPT + 1
    assert (await clean(world)).history == 2
    [left] = await world.deliveries()
    assert left["number"] == 2


async def test_an_unfinished_message_outside_incidents_stays(world: World) -> None:
    await world.integration()
    incident = await world.report()
    await world.execute(
        "UPDATE delivery SET incident_id = NULL, event_id = NULL, number = NULL"
    )
    await world.execute("DELETE FROM incident WHERE id = $1", incident)
    world.now += 10 * KEPT
    assert (await clean(world)).history == 0
    assert len(await world.deliveries()) == 1


async def test_what_was_deleted_stays_while_something_tells_of_it(world: World) -> None:
    """Integration, lane and server go when no delivery and no incident needs them."""
    gone, alive = await world.integration(), await world.integration()
    incident = await world.report()
    await deliver(world)
    await world.set(gone, deleted_at=world.now, active=False)
    await world.execute("DELETE FROM attachment WHERE integration_id = $1", gone)
    await world.execute("UPDATE server SET deleted_at = $1", world.now)
    world.now += KEPT + 1
    assert (await clean(world)).history == 0
    await world.resolve(incident)
    await deliver(world)
    world.now += KEPT + 1
    assert (await clean(world)).history > 0
    left = await world.store.fetch("SELECT integration_id FROM lane")
    assert [row[0] for row in left] == [alive]
    for table, rows in (("integration", 1), ("server", 0), ("attachment", 0)):
        assert await world.store.fetchval(f"SELECT count(*) FROM {table}") == rows


async def test_what_was_deleted_of_late_stays(world: World) -> None:
    integration = await world.integration()
    await world.set(integration, deleted_at=world.now, active=False)
    world.now += KEPT
    assert (await clean(world)).history == 0


async def test_an_integration_stays_that_a_rule_of_somebody_names(world: World) -> None:
    """Removing it would fail, and with it all that is to be removed after it."""
    integration, user = await world.integration(), new_id()
    await world.execute(
        "INSERT INTO person (id, project_id, name, created_at, updated_at)"
        " VALUES ($1, $2, 'Ann', $3, $3)",
        *(user, world.project, world.now),
    )
    await world.execute(
        "INSERT INTO notification_rule (id, project_id, user_id, integration_id,"
        " urgency, after_seconds, place, created_at, updated_at)"
        " VALUES ($1, $2, $1, $3, 'HIGH', 0, 1, $4, $4)",
        *(user, world.project, integration, world.now),
    )
    await world.set(integration, deleted_at=world.now, active=False)
    world.now += KEPT + 1
    assert (await clean(world)).history == 0


async def test_a_turn_removes_a_limited_number_of_rows(world: World) -> None:
    """However large an incident is. What is left in between is removed by whoever goes
    on: here somebody who knows nothing of it.
    """
    await world.integration()
    incident = await ended(world)
    delivery = (await world.deliveries())[0]["id"]
    await world.store.turn(swell, incident, delivery, 700)
    before, removed = START + 1, []
    for _ in range(4):
        args = (KINDS[0].remove, [incident], before)
        removed.append(await one_turn(world.store, *args))
    assert removed[0] == ROWS_A_TURN
    assert all(0 < it <= ROWS_A_TURN for it in removed)
    assert await world.store.fetchval("SELECT count(*) FROM incident") == 1
    world.now += KEPT + 1
    assert (await clean(world)).history > 0
    assert await counts(world) == dict.fromkeys(TABLES, 0)


async def one_turn(store: Store, remove: Any, ids: list[Id], before: int) -> int:  # noqa: ANN401
    async def work(tx: Tx) -> int:
        gone: int = await remove(tx, ids, before, ROWS_A_TURN)
        return gone

    return await store.turn(work)


async def swell(tx: Tx, incident: Id, delivery: Id, count: int) -> None:
    """Give an incident many events, deliveries and far ends, one with many attempts."""
    await tx.executemany(
        "INSERT INTO incident_event (id, project_id, incident_id, number, kind, at,"
        " snapshot) VALUES ($1, $1, $2, $3, 'ALERT_ADDED', 1, '{}')",
        [(new_id(), incident, 10 + n) for n in range(count)],
    )
    await tx.executemany(
        "INSERT INTO far_end (incident_id, integration_id, state) VALUES ($1, $2, '{}')",
        [(incident, new_id()) for _ in range(count)],
    )
    await tx.executemany(
        "INSERT INTO attempt (delivery_id, number, worker, started_at, ended_at)"
        " VALUES ($1, $2, 1, 1, 1)",
        [(delivery, 2 + n) for n in range(count)],
    )
    await tx.execute(
        "UPDATE delivery SET attempts = $2 WHERE id = $1", delivery, count + 1
    )


async def test_only_one_process_at_a_time_removes_history(world: World) -> None:
    """On PostgreSQL by a lock, on SQLite there is only one."""
    await world.integration()
    for _ in range(30):
        await ended(world)
    world.now += KEPT + 1
    before = sum((await counts(world)).values())
    keepers = [History(world.store) for _ in range(4)]
    removed = await asyncio.gather(
        *(it.remove(world.now - KEPT, world.now) for it in keepers)
    )
    assert sum(removed) <= before
    later = await History(world.store).remove(world.now - KEPT, world.now)
    assert sum(removed) + later == before
    assert await counts(world) == dict.fromkeys(TABLES, 0)


async def test_it_waits_for_nobody_who_holds_an_incident(postgres_url: str) -> None:
    """Whoever reports or finishes holds incidents: those are left for another time."""
    store = await open_store(postgres_url)
    world = await World(store).make()
    await world.integration()
    held, free = await ended(world), await ended(world)
    world.now += KEPT + 1
    connection = await store.connect()  # type: ignore[attr-defined]
    try:
        async with connection.transaction():
            await connection.execute(
                "SELECT 1 FROM incident WHERE id = $1 FOR SHARE", held
            )
            async with asyncio.timeout(10):
                assert (await clean(world)).history == 7
    finally:
        await connection.close()
    left = await store.fetch("SELECT id FROM incident")
    assert [row["id"] for row in left] == [held]
    assert free != held
    assert (await clean(world)).history == 7
    await store.close()


async def test_ended_statuses_are_those_that_nothing_follows() -> None:
    """The statements name them by number."""
    over = [it for it in DeliveryStatus if it >= 4]
    assert over == [
        DeliveryStatus.DELIVERED,
        DeliveryStatus.FAILED,
        DeliveryStatus.CANCELLED,
    ]
