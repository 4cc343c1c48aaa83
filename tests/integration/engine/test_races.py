"""What may happen at the same moment, one interleaving after the other.

A far end that hangs holds a delivery in flight; a gate holds a transaction open, which
only PostgreSQL lets others overtake: SQLite has one writer.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from delivery import cancelling, incidents, lanes
from delivery.incidents import Report
from domain.deliveries import CancelReason
from domain.ids import Id
from domain.steps import Answer
from domain.timing import HOUR
from models.store import Row, Tx, open_store
from tests.outbox import RETRY, end, take
from tests.scene import Scene
from tests.stored import Gate
from tests.world import World

FAILED = Answer(status=500)
GONE = Answer(status=410)
OFF = "INTEGRATION_DISABLED"


async def off(
    tx: Tx, integration: Id, now: int, at_once: int = lanes.CANCELLED_AT_ONCE
) -> None:
    """Disable an integration, as the API does."""
    await tx.execute("UPDATE integration SET active = FALSE WHERE id = $1", integration)
    reason = CancelReason.INTEGRATION_DISABLED
    await lanes.cancel_waiting(tx, integration, reason, now, at_once)


async def on(tx: Tx, world: World, integration: Id) -> None:
    """Enable an integration, as the API does."""
    await tx.execute("UPDATE integration SET active = TRUE WHERE id = $1", integration)
    await lanes.open_lane(tx, world.project, integration, "PROBE", 8)


async def delete(tx: Tx, integration: Id, now: int) -> None:
    """Delete an integration, as the API does."""
    statement = "UPDATE integration SET active = FALSE, deleted_at = $2 WHERE id = $1"
    await tx.execute(statement, integration, now)
    await lanes.cancel_waiting(tx, integration, CancelReason.INTEGRATION_DELETED, now)


async def disable(world: World, integration: Id) -> None:
    await world.store.turn(off, integration, world.now)


async def enable(world: World, integration: Id) -> None:
    await world.store.turn(on, world, integration)


async def opened(world: World) -> list[Row]:
    """Return the events of the project's incidents, in their order."""
    return await world.store.fetch(
        "SELECT incident_id, number, kind FROM incident_event WHERE project_id = $1"
        " ORDER BY incident_id, number",
        world.project,
    )


async def kinds(world: World) -> list[tuple[int, str]]:
    return [(row["number"], row["kind"]) for row in await opened(world)]


async def sending(scene: Scene) -> None:
    """Wait until a request is at its far end: a claim alone can still be withdrawn."""

    async def arrived() -> bool:
        return scene.far_ends.in_flight.total() == 1

    await scene.until(arrived)


# What is in flight


@pytest.mark.parametrize("how", ["disable", "delete"])
async def test_what_is_in_flight_when_it_is_switched_off_is_the_last(
    scene: Scene, how: str
) -> None:
    """It comes to its end; what follows is cancelled at once."""
    world = scene.world
    integration = await world.integration()
    gate = scene.far_ends.hang(integration)
    await scene.worker.start()
    incident = await world.report()
    await sending(scene)
    await world.acknowledge(incident)
    act, reason = (off, OFF) if how == "disable" else (delete, "INTEGRATION_DELETED")
    await world.store.turn(act, integration, world.now)
    assert await scene.states(integration) == ["SENDING", reason]
    gate.set()
    await scene.state(integration, "DELIVERED", reason)
    assert scene.far_ends.bodies(integration) == ["OPENED 1 no answer"]


@pytest.mark.parametrize("how", ["disable", "delete"])
async def test_what_fails_after_it_was_switched_off_is_cancelled_at_once(
    scene: Scene, how: str
) -> None:
    """Nobody is to see it wait for an hour, only to be cancelled then."""
    world = scene.world
    integration = await world.integration()
    gate = scene.far_ends.hang(integration)
    scene.far_ends.script(integration, FAILED)
    await scene.worker.start()
    await world.report()
    await sending(scene)
    act, reason = (off, OFF) if how == "disable" else (delete, "INTEGRATION_DELETED")
    await world.store.turn(act, integration, world.now)
    gate.set()
    await scene.state(integration, reason)
    assert [it["status_code"] for it in await scene.attempts()] == [500]


@pytest.mark.parametrize(("reply", "ends"), [(200, "DELIVERED"), (500, OFF)])
async def test_what_was_in_flight_is_not_tried_again_after_enabling(
    scene: Scene, reply: int, ends: str
) -> None:
    """Disabled and enabled under way: it ends with this try. What happens later waits
    for that end, and is sent.
    """
    world = scene.world
    integration = await world.integration()
    gate = scene.far_ends.hang(integration)
    scene.far_ends.script(integration, Answer(status=reply))
    await scene.worker.start()
    incident = await world.report()
    await sending(scene)
    await disable(world, integration)
    await enable(world, integration)
    await world.resolve(incident)
    assert await scene.states(integration) == ["SENDING", "PENDING"]
    gate.set()
    await scene.state(integration, ends, "DELIVERED")
    bodies = ["OPENED 1 no answer", "RESOLVED 2 no answer"]
    assert scene.far_ends.bodies(integration) == bodies


@pytest.mark.parametrize("kind", ["PROBE", "STALE_PROBE"])
async def test_resolving_while_the_opening_is_in_flight_keeps_the_order(
    scene: Scene, kind: str
) -> None:
    """Also a channel that skips what is over has begun to tell of it."""
    world = scene.world
    integration = await world.integration(kind)
    gate = scene.far_ends.hang(integration)
    scene.far_ends.script(integration, FAILED)
    await scene.worker.start()
    incident = await world.report()
    await sending(scene)
    await world.resolve(incident)
    gate.set()
    await scene.state(integration, "RETRYING", "PENDING")
    scene.move(HOUR)
    await scene.state(integration, "DELIVERED", "DELIVERED")
    opening, end = "OPENED 1 no answer", "RESOLVED 2 no answer"
    assert scene.far_ends.bodies(integration) == [opening, opening, end]


async def test_a_far_end_that_was_replaced_under_way_disables_nothing(
    scene: Scene,
) -> None:
    """A 410 of the address before the correction says nothing of the new one."""
    world = scene.world
    integration = await world.integration()
    gate = scene.far_ends.hang(integration)
    scene.far_ends.script(integration, GONE)
    await scene.worker.start()
    await world.report()
    await sending(scene)
    await world.set(integration, updated_at=world.now + 1)
    gate.set()
    await scene.state(integration, "RETRYING")
    scene.far_ends.script(integration, GONE)
    scene.move(HOUR)
    await scene.state(integration, "FAILED")  # this one is of now
    row = await world.store.fetchrow("SELECT active FROM integration")
    assert row is not None
    assert not row["active"]


# Long queues


async def test_enabling_right_after_disabling_revives_nothing(scene: Scene) -> None:
    """Also not of a queue too long to be cancelled at once; what is reported later is
    sent, behind the rest.
    """
    world = scene.world
    integration = await world.integration()
    many, at_once = 40, 10
    for _ in range(many):
        await world.report()
    await world.store.turn(off, integration, world.now, at_once)
    await enable(world, integration)
    states = await scene.states(integration)
    assert states.count("PENDING") == many - at_once
    await world.report(message="later")
    await scene.worker.start()
    await scene.until(scene.all_ended)
    states = await scene.states(integration)
    assert (states.count(OFF), states.count("DELIVERED")) == (many, 1)
    assert scene.far_ends.bodies(integration) == ["OPENED 1 later"]
    assert len(await scene.attempts()) == 1


async def test_what_is_sent_again_by_hand_is_of_the_present_term(scene: Scene) -> None:
    """Cancelled by disabling, asked for after enabling: it is sent."""
    world = scene.world
    integration = await world.integration()
    await world.report()
    await disable(world, integration)
    await enable(world, integration)
    [row] = await world.deliveries()
    await scene.again(row["id"])
    await scene.worker.start()
    await scene.state(integration, "DELIVERED")
    assert scene.far_ends.bodies(integration) == ["OPENED 1 no answer"]


async def test_a_mended_integration_is_probed_at_once_and_drained_gently(
    scene: Scene,
) -> None:
    """No waiting for a back-off that was made by the settings before."""
    world = scene.world
    integration = await world.integration()
    url = f"http://127.0.0.1:9/{integration.hex()}"
    scene.far_ends.always[url] = FAILED
    await scene.worker.start()
    for _ in range(4):
        await world.report()
    await scene.state(integration, *["RETRYING"] * 4)
    for _ in range(20):
        await world.report()
    lane = await world.store.fetchrow("SELECT * FROM lane")
    assert lane is not None
    assert lane["closed_until"] > world.now
    scene.far_ends.always.clear()
    scene.far_ends.peak.clear()
    gate = scene.far_ends.hang(integration)
    before = len(scene.far_ends.seen)
    await world.store.turn(lanes.reopen, integration, world.now)
    await sending(scene)
    await asyncio.sleep(0.1)
    assert len(scene.far_ends.seen) == before + 1  # one probe, no herd
    gate.set()
    await scene.until(scene.all_ended)
    assert set(await scene.states(integration)) == {"DELIVERED"}


async def test_a_lane_that_is_well_is_left_alone(world: World) -> None:
    """Mending what is not broken narrows nothing."""
    integration = await world.integration()
    await world.store.turn(lanes.reopen, integration, world.now)
    row = await world.store.fetchrow("SELECT slots, closed_until FROM lane")
    assert row is not None
    assert tuple(row) == (8, 0)


# At the same moment


async def test_reports_with_one_new_key_at_once_are_one_incident(scene: Scene) -> None:
    """One OPENED, the others are added; one message."""
    world = scene.world
    integration = await world.integration()
    await scene.worker.start()
    found = await asyncio.gather(*(world.report(dedup_key="key") for _ in range(10)))
    assert len(set(found)) == 1
    added = [(n, "ALERT_ADDED") for n in range(2, 11)]
    assert await kinds(world) == [(1, "OPENED"), *added]
    await scene.state(integration, "DELIVERED")
    assert scene.far_ends.bodies(integration) == ["OPENED 1 no answer"]


async def test_resolving_and_reporting_at_once_comes_in_some_order(
    scene: Scene,
) -> None:
    """Twenty times: the report is added before the end, or opens another incident."""
    world = scene.world
    integration = await world.integration()
    await scene.worker.start()
    for n in range(20):
        incident = await world.report(dedup_key=f"key {n}")
        _, later = await asyncio.gather(
            world.resolve(incident), world.report(dedup_key=f"key {n}")
        )
        rows = await opened(world)
        of_it = [row["kind"] for row in rows if row["incident_id"] == incident]
        added = [] if later != incident else ["ALERT_ADDED"]
        assert of_it == ["OPENED", *added, "RESOLVED"]
    await scene.until(scene.all_ended)
    assert set(await scene.states(integration)) == {"DELIVERED"}


# Transactions held open


@pytest.fixture
async def held(postgres_url: str) -> AsyncIterator[World]:
    """Give a world on the database whose transactions can overtake each other."""
    store = await open_store(postgres_url)
    yield await World(store).make()
    await store.close()


async def overtaken(
    world: World,
    first: Callable[[Tx], Awaitable[object]],
    then: Callable[[], Awaitable[object]],
    *,
    waits: bool,
) -> None:
    """Hold the first open once it has done its work, and begin the other meanwhile:
    it has to wait for the first, or must be able to overtake it.
    """
    gate = Gate()

    async def hold(tx: Tx) -> None:
        await first(tx)
        await gate.wait(tx)

    holding = asyncio.ensure_future(world.store.turn(hold))
    await gate.reached.wait()
    other = asyncio.ensure_future(then())
    if waits:
        await lock_is_waited_for(world)
        assert not other.done()
    else:
        await asyncio.wait_for(other, 10)
    gate.open()
    await asyncio.gather(holding, other)


async def lock_is_waited_for(world: World) -> None:
    statement = """
SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
 AND datname = current_database()"""
    while not await world.store.fetchval(statement):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def reporting(tx: Tx, world: World, report: Report) -> None:
    await incidents.report(tx, world.channels, report, world.now)


async def test_a_report_waits_for_the_one_that_opens_its_incident(held: World) -> None:
    """Not committed yet, it may not be seen; still there are not two."""
    await held.integration()
    report = held.a_report(dedup_key="key")
    await overtaken(
        held,
        lambda tx: reporting(tx, held, report),
        lambda: held.report(dedup_key="key"),
        waits=True,
    )
    assert await kinds(held) == [(1, "OPENED"), (2, "ALERT_ADDED")]
    assert len(await held.deliveries()) == 1


async def test_a_report_that_waits_for_a_resolving_opens_anew(held: World) -> None:
    """The incident that it found open is over when it gets the lock."""
    integration = await held.integration()
    incident = await held.report(dedup_key="key")
    args = (held.channels, held.project, incident, None, None, held.now)
    await overtaken(
        held,
        lambda tx: incidents.resolve(tx, *args),
        lambda: held.report(dedup_key="key"),
        waits=True,
    )
    assert await kinds(held) == [(1, "OPENED"), (2, "RESOLVED"), (1, "OPENED")]
    states = [state for _, state in await held.states(integration)]
    assert states == ["PENDING"] * 3


async def test_what_is_detached_while_an_incident_opens_is_told_to_the_end(
    held: World,
) -> None:
    """Detaching neither waits for the report nor takes back what it told."""
    integration = await held.integration()
    report = held.a_report(dedup_key="key")
    await overtaken(
        held,
        lambda tx: reporting(tx, held, report),
        lambda: held.execute("DELETE FROM attachment"),
        waits=False,
    )
    [row] = await held.store.fetch("SELECT id FROM incident")
    await held.resolve(row["id"])
    assert [kind for kind, _ in await held.states(integration)] == [
        "OPENED",
        "RESOLVED",
    ]


async def test_what_a_report_adds_while_its_integration_is_disabled_is_cancelled(
    held: World,
) -> None:
    """The report saw it active and commits after it was disabled and even enabled
    again: as if it had come before, it is cancelled and never sent.
    """
    scene = Scene(held)
    integration = await held.integration()
    report = held.a_report()

    async def off_and_on() -> None:
        await disable(held, integration)
        await enable(held, integration)

    await overtaken(
        held, lambda tx: reporting(tx, held, report), off_and_on, waits=False
    )
    await scene.worker.start()
    await scene.state(integration, OFF)
    await scene.worker.stop(grace_ms=100)
    assert scene.far_ends.seen == []


class Slow:
    """A transaction that stands at a gate before it writes."""

    def __init__(self, tx: Tx, gate: Gate) -> None:
        self.dialect = tx.dialect
        self.note = tx.note
        self.execute = tx.execute
        self.executemany = tx.executemany
        self.fetchrow = tx.fetchrow
        self.fetchval = tx.fetchval
        self._tx = tx
        self._gate = gate

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        if sql.lstrip().startswith("UPDATE"):
            await self._gate.wait(self._tx)
        return await self._tx.fetch(sql, *args)


async def test_what_was_tried_once_more_while_it_is_cancelled_is_logged_so(
    world: World, session: int
) -> None:
    """The log tells of as many attempts as there are, read before or not."""
    if world.store.dialect == "sqlite":
        pytest.skip("one writer: nothing is tried between two statements")
    await world.integration()
    await world.report()
    gate = Gate()

    async def cancel(tx: Tx) -> None:
        reason = CancelReason.OPERATOR
        where = "d.project_id = $1"
        await cancelling.cancel(Slow(tx, gate), where, [world.project], reason, 2)

    cancelled = asyncio.ensure_future(world.store.turn(cancel))
    await gate.reached.wait()
    await end(world, session, await take(world, session), RETRY)
    gate.open()
    await cancelled
    [row] = await world.deliveries()
    assert (row["cancel_reason"], row["attempts"]) == ("OPERATOR", 1)
