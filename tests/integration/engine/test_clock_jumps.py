"""The clock is set while deliveries wait and are sent: back and ahead, little and much."""

from collections.abc import AsyncIterator
from itertools import pairwise

import orjson
import pytest

from delivery.housekeeping import Housekeeping
from delivery.lease import close_session, open_session, renew
from delivery.redating import FURTHEST, redate, redate_implausible
from delivery.worker import Worker
from delivery.writing import LONGEST_TOLD
from domain.clock import BELIEVED_AFTER, AgeClock
from domain.steps import Answer
from domain.timing import BACKOFF_FIRST, DAY, HOUR, LEASE
from models.store import open_store
from tests.outbox import RETRY, end, lane, take
from tests.scene import KEYS, Scene
from tests.world import World

YEAR = 365 * DAY
LEAPS = [-YEAR, -HOUR, HOUR, YEAR]
FAILED = Answer(status=500, body=b"oops")


class Times:
    """The time of a world beside a clock that nobody sets."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._set_by = 0

    def steady(self) -> int:
        return self.world.now - self._set_by

    def leap(self, millis: int) -> None:
        self._set_by += millis
        self.world.now += millis

    def ages(self) -> AgeClock:
        return AgeClock(self.world.clock, self.steady)


@pytest.fixture
async def postgres_world(postgres_url: str) -> AsyncIterator[World]:
    store = await open_store(postgres_url)
    yield await World(store).make()
    await store.close()


@pytest.fixture
def times(world: World) -> Times:
    return Times(world)


@pytest.fixture
async def worker(scene: Scene, times: Times) -> Worker:
    """Give a worker with both clocks, as a server has; it has not begun."""
    scene.worker = Worker(
        scene.world.store,
        scene.bus,
        scene.far_ends.send,
        channels=scene.world.channels,
        keys=KEYS,
        clock=scene.world.clock,
        observe=scene.stages.append,
        chance=lambda: 1.0,
        ages=times.ages(),
    )
    return scene.worker


async def sessions(world: World) -> list[int]:
    return [row[0] for row in await world.store.fetch("SELECT id FROM worker")]


async def logged(world: World) -> list[list[str]]:
    """Return the statuses of each delivery in the order of the log."""
    order = "position" if world.store.dialect == "sqlite" else "id"
    rows = await world.store.fetch(
        f"SELECT delivery_id, body FROM event_log ORDER BY {order}"  # noqa: S608
    )
    seen: dict[bytes, list[str]] = {}
    for row in rows:
        status = orjson.loads(row["body"])["delivery"]["status"]
        seen.setdefault(row["delivery_id"], []).append(status)
    return list(seen.values())


@pytest.mark.parametrize("leap", LEAPS)
async def test_what_waits_and_what_is_sent_gets_there(
    scene: Scene, worker: Worker, times: Times, leap: int
) -> None:
    """No longer than it would have taken, and nothing is too old by the leap."""
    sending, waiting = await scene.world.integration(), await scene.world.integration()
    gate = scene.far_ends.hang(sending)
    scene.far_ends.script(sending, FAILED)
    scene.far_ends.script(waiting, FAILED)
    await worker.start()
    session = await sessions(scene.world)
    await scene.world.report()
    await scene.state(waiting, "RETRYING")
    await scene.state(sending, "SENDING")
    times.leap(leap)
    await scene.world.report()
    gate.set()

    async def answered() -> bool:
        return (await scene.states(sending))[0] != "SENDING"

    await scene.until(answered)
    scene.move(BACKOFF_FIRST)
    await scene.until(scene.all_ended)
    for it in (sending, waiting):
        assert await scene.states(it) == ["DELIVERED", "DELIVERED"]
        assert len(scene.far_ends.bodies(it)) == 3
    assert await sessions(scene.world) == session
    in_order = {("PENDING", "DELIVERED"), ("PENDING", "RETRYING", "DELIVERED")}
    assert {tuple(it) for it in await logged(scene.world)} == in_order
    durations = [it["duration_ms"] for it in await scene.attempts()]
    assert all(0 <= it <= LONGEST_TOLD for it in durations)


@pytest.mark.parametrize("leap", [-YEAR, -HOUR])
async def test_a_lane_that_rests_does_so_for_as_long_as_before(
    scene: Scene, worker: Worker, times: Times, leap: int
) -> None:
    """Set back, the clock neither wakes a lane that failed nor puts it to sleep."""
    integration = await scene.world.integration()
    scene.far_ends.script(integration, *[FAILED] * 4)
    for _ in range(4):
        await scene.world.report()
    await worker.start()

    async def rests() -> bool:
        row = await lane(scene.world, integration)
        return bool(row["failures"] >= 3 and row["slots"] == 1)

    await scene.until(rests)
    left = (await lane(scene.world, integration))["closed_until"] - scene.world.now
    seen = len(scene.far_ends.seen)
    times.leap(leap)
    scene.bus.kick("lanes")

    async def redated() -> bool:
        row = await lane(scene.world, integration)
        return bool(row["closed_until"] - scene.world.now == left)

    await scene.until(redated)
    assert len(scene.far_ends.seen) == seen
    scene.move(left)
    await scene.until(scene.all_ended)
    assert set(await scene.states(integration)) == {"DELIVERED"}


async def test_a_start_after_the_clock_was_corrected_finds_what_waits(
    scene: Scene,
) -> None:
    """The process before dated it a year ahead."""
    integration = await scene.world.integration()
    session = await scene.world.store.turn(open_session)
    scene.world.now += YEAR
    for _ in range(3):
        await scene.world.report()
    await end(scene.world, session, await take(scene.world, session), RETRY)
    await scene.world.store.turn(close_session, session)
    assert set(await scene.states(integration)) == {"RETRYING"}
    scene.world.now -= YEAR
    await scene.worker.start()
    await scene.until(scene.all_ended)
    assert set(await scene.states(integration)) == {"DELIVERED"}


async def test_a_start_leaves_alone_what_is_due_when_it_should_be(
    world: World, session: int
) -> None:
    integration = await world.integration()
    await world.report()
    await end(world, session, await take(world, session), RETRY)
    before = await lane(world, integration), await world.deliveries()
    assert await redate_implausible(world.store, world.now) == 0
    assert (await lane(world, integration), await world.deliveries()) == before


async def test_very_many_are_redated_bit_by_bit(world: World, session: int) -> None:
    """More than fit into one transaction; those that follow others keep their turn."""
    integration = await world.integration()
    first = await world.report(dedup_key="k")
    await world.acknowledge(first)
    for _ in range(20):
        await world.report()
    await world.execute("UPDATE delivery SET due_at = due_at + 1 WHERE due_at > 0")
    world.now -= HOUR
    assert await redate(world.store, world.now, HOUR) == 1
    rows = await world.deliveries(integration)
    assert [it["due_at"] for it in rows].count(None) == 1
    assert {it["due_at"] for it in rows} == {None, world.now}
    assert len(await take(world, session, per_lane=50)) == 8
    assert (await lane(world, integration))["closed_until"] <= world.now + FURTHEST


async def test_a_lease_of_a_clock_since_set_back_ends_in_time(
    postgres_world: World,
) -> None:
    """The database's own clock: who lives renews; the dead are not waited for a year."""
    world = postgres_world
    living, dead = [await world.store.turn(open_session) for _ in range(2)]
    await world.execute("UPDATE worker SET lease_until = lease_until + $1", YEAR)
    assert await world.store.turn(renew, living)
    now = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
    left = await world.store.fetchval(
        f"SELECT max(lease_until) - {now} FROM worker WHERE id = $1",  # noqa: S608
        dead,
    )
    assert 0 < left <= LEASE


async def test_a_clock_that_leaps_ahead_removes_nothing(database_url: str) -> None:
    """Neither events nor history, keys or sessions; after a day it is believed."""
    world = await World(await open_store(database_url)).make()
    times = Times(world)
    await world.integration()
    session = await world.store.turn(open_session)
    await world.report()
    await end(world, session, await take(world, session), RETRY)
    ages = times.ages()
    cleaning = Housekeeping(
        world.store, ages, event_retention=7 * DAY, history_retention=90 * DAY
    )
    if world.store.dialect == "postgres":  # what the relay does
        await world.execute("UPDATE event_log SET position = id")
    await world.execute(
        "INSERT INTO idempotency (id, project_id, key, operation, input_hash, result,"
        " created_at) VALUES ($1, $1, 'k', 'o', $2, 'null', $3)",
        *(world.project, b"", world.now),
    )
    kept = [await count(world, it) for it in TABLES]
    times.leap(YEAR)
    removed = await cleaning.clean(ages())
    assert (removed.events, removed.keys, removed.workers) == (0, 0, 0)
    assert [await count(world, it) for it in TABLES] == kept
    times.world.now += BELIEVED_AFTER
    removed = await cleaning.clean(ages())
    assert removed.events > 0
    assert removed.keys == 1
    assert await sessions(world) == [session]
    await world.store.close()


TABLES = ("event_log", "incident", "delivery", "attempt", "idempotency", "worker")


async def count(world: World, table: str) -> int:
    return int(await world.store.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608


async def test_ids_are_in_order_whatever_the_clock_says(world: World) -> None:
    """Of one process: each is greater than the one before, within a millisecond too."""
    ids = [await world.report() for _ in range(20)]
    assert all(first < second for first, second in pairwise(ids))
