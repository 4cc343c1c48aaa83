"""The worker when far ends hang, when it is stopped, when storage is away."""

import asyncio
from dataclasses import replace
from typing import Any

from delivery import incidents, lanes
from delivery.lane_queues import Pace
from delivery.senders import PLACES
from delivery.worker import Worker
from domain.clock import system_clock
from domain.deliveries import CancelReason, DeliveryStatus, Outcome, OutcomeKind
from domain.faults import StorageUnavailableError
from domain.steps import Answer
from domain.timing import BACKOFF_FIRST
from models.store import Store, Tx, open_store
from tests.scene import KEYS, Scene
from tests.world import CHANNELS, PROBE, World

FAILED = Answer(status=500, body=b"oops")


async def test_a_hanging_far_end_holds_up_nobody_else(scene: Scene) -> None:
    """200 wait for one that hangs: the healthy ones finish, its slots are all it gets."""
    hanging, healthy = await scene.world.integration(), await scene.world.integration()
    gate = scene.far_ends.hang(hanging)
    for _ in range(200):
        await scene.world.report()
    await scene.worker.start()

    async def healthy_done() -> bool:
        done = [it for _, it in await scene.world.states(healthy)]
        return set(done) == {"DELIVERED"}

    await scene.until(healthy_done)
    states = await scene.states(hanging)
    assert states.count("SENDING") == 8
    assert states.count("PENDING") == 192
    gate.set()
    await scene.until(scene.all_ended)
    assert max(scene.far_ends.peak.values()) == 8


async def test_many_hanging_far_ends_hold_up_nobody_else(scene: Scene) -> None:
    """Sends that take long make room: more of them hang than may be sent at once."""
    hanging = [await scene.world.integration() for _ in range(100)]
    for it in hanging:
        scene.far_ends.hang(it)
    await scene.worker.start()
    await scene.world.report()
    healthy = await scene.world.integration()
    await scene.world.report()
    await scene.state(healthy, "DELIVERED")
    assert sum(scene.far_ends.in_flight.values()) >= 100
    for gate in scene.far_ends.gates.values():
        gate.set()
    await scene.until(scene.all_ended)


async def test_stopping_waits_for_what_is_in_flight(scene: Scene) -> None:
    """What ends within the grace is recorded as it ended."""
    integration = await scene.world.integration()
    gate = scene.far_ends.hang(integration)
    await scene.worker.start()
    await scene.world.report()

    async def in_flight() -> bool:
        return bool(scene.far_ends.seen)

    await scene.until(in_flight)
    stopping = asyncio.create_task(scene.worker.stop(grace_ms=5_000))
    await asyncio.sleep(0)
    gate.set()
    await stopping
    assert await scene.world.states(integration) == [("OPENED", "DELIVERED")]


async def test_stopping_gives_back_what_was_not_sent(scene: Scene) -> None:
    """In flight too long: unknown. Not yet dialled: as if it had never been claimed."""
    integration = await scene.world.integration()
    crowd = [await scene.world.integration() for _ in range(150)]
    for it in (integration, *crowd):
        scene.far_ends.hang(it)
    await scene.worker.start()
    await scene.world.report()

    async def all_claimed() -> bool:
        rows = await scene.world.deliveries()
        return all(row["status"] == DeliveryStatus.SENDING for row in rows)

    async def all_slots_taken() -> bool:
        return len(scene.far_ends.seen) >= PLACES[Pace.OPEN]

    await scene.until(all_claimed)
    await scene.until(all_slots_taken)
    in_flight = len(scene.far_ends.seen)
    await scene.worker.stop(grace_ms=1)
    assert PLACES[Pace.OPEN] <= in_flight < len(crowd)
    rows = await scene.world.deliveries()
    tried = [row for row in rows if row["attempts"] == 1]
    assert len(tried) == in_flight == len(await scene.attempts())
    assert {row["status"] for row in tried} == {DeliveryStatus.RETRYING}
    untried = [row for row in rows if row["attempts"] == 0]
    assert {row["status"] for row in untried} == {DeliveryStatus.PENDING}
    assert len(scene.far_ends.seen) == in_flight


async def test_the_next_worker_takes_over(scene: Scene) -> None:
    """What a worker left when its process died is sent by the next one at its start."""
    integration = await scene.world.integration()
    scene.far_ends.hang(integration)
    await scene.worker.start()
    await scene.world.report()
    await scene.state(integration, "SENDING")
    for task in scene.worker._tasks.values():  # noqa: SLF001 - as if killed
        task.cancel()
    await scene.world.execute("DELETE FROM worker")
    scene.far_ends.gates.clear()
    successor = scene.a_worker()
    await successor.start()
    await scene.state(integration, "DELIVERED")
    outcomes = [it["outcome"] for it in await scene.attempts()]
    assert outcomes == [6, 0]
    await successor.stop()


class Failing:
    """A store whose turns fail for a while; it stands before a real one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.failing = False
        self.failed = 0
        self.turns = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._store, name)

    async def turn(self, work: Any, *args: object) -> Any:  # noqa: ANN401
        self.turns += 1
        if self.failing:
            self.failed += 1
            raise StorageUnavailableError("full")
        return await self._store.turn(work, *args)


async def test_it_goes_on_when_storage_is_back(scene: Scene) -> None:
    """A full disk stops neither claiming nor recording for good, and loses nothing."""
    integration = await scene.world.integration()
    gate = scene.far_ends.hang(integration)
    store = Failing(scene.world.store)
    scene.worker = scene.a_worker(store)
    await scene.worker.start()
    await scene.world.report()
    await scene.state(integration, "SENDING")
    store.failing = True
    gate.set()

    async def failed() -> bool:
        return store.failed >= 2

    await scene.until(failed)
    await scene.world.report()
    store.failing = False
    await scene.until(scene.all_ended)
    assert len(scene.far_ends.bodies(integration)) == 2


async def test_a_long_queue_is_cancelled_bit_by_bit(scene: Scene) -> None:
    """What disabling leaves of a very long queue, the worker cancels without dialling."""
    world = scene.world
    integration = await world.integration()
    most = lanes.CANCELLED_AT_ONCE

    async def switch_off(tx: Tx) -> None:
        for _ in range(most + 60):
            await incidents.report(tx, world.channels, world.a_report(), world.now)
        await tx.execute("UPDATE integration SET active = FALSE")
        reason = CancelReason.INTEGRATION_DISABLED
        await lanes.cancel_waiting(tx, integration, reason, world.now)

    await world.store.turn(switch_off)
    assert (await scene.states(integration)).count("PENDING") == 60
    await scene.worker.start()
    await scene.until(scene.all_ended)
    assert set(await scene.states(integration)) == {"INTEGRATION_DISABLED"}
    assert scene.far_ends.seen == []


async def test_a_result_that_cannot_be_written_stops_nobody_else(scene: Scene) -> None:
    """It counts as unknown, and its delivery comes to an end like any other."""

    def classify(_step: Any, _reply: Any, _now: int) -> Outcome:  # noqa: ANN401
        return Outcome(kind=OutcomeKind.SENT, far_end={"ts": object()})

    bad = replace(PROBE, key="badProbe", classify=classify)
    scene.world.channels = {**CHANNELS, bad.type_name: bad}
    scene.worker = scene.a_worker()
    failing = await scene.world.integration(bad.type_name)
    fine = await scene.world.integration()
    await scene.worker.start()
    await scene.world.report()
    await scene.state(fine, "DELIVERED")
    await scene.state(failing, "FAILED")
    assert {it["outcome"] for it in await scene.attempts()} == {0, 6}


async def test_what_far_ends_say_can_be_stored(scene: Scene) -> None:
    """Also with a NUL in it, which PostgreSQL refuses."""

    def classify(_step: Any, _reply: Any, _now: int) -> Outcome:  # noqa: ANN401
        return Outcome(kind=OutcomeKind.REJECTED, error="no\0", excerpt="\0")

    odd = replace(PROBE, key="oddProbe", classify=classify)
    scene.world.channels = {**CHANNELS, odd.type_name: odd}
    scene.worker = scene.a_worker()
    await scene.world.integration(odd.type_name)
    await scene.worker.start()
    await scene.world.report()
    await scene.until(scene.all_ended)
    [row] = await scene.world.deliveries()
    assert row["error"] == "no\N{REPLACEMENT CHARACTER}"


async def test_it_wakes_by_itself_when_something_is_due(scene: Scene) -> None:
    """By the time alone, once it knows when: a retry after 50 ms."""
    integration = await scene.world.integration()
    scene.far_ends.script(integration, Answer(status=500))
    worker = Worker(
        scene.world.store,
        scene.bus,
        scene.far_ends.send,
        channels=scene.world.channels,
        keys=KEYS,
        clock=system_clock,
        observe=scene.stages.append,
        chance=lambda: 50 / BACKOFF_FIRST,
    )
    scene.world.now = system_clock()
    await scene.world.report()
    await worker.start()
    await scene.state(integration, "DELIVERED")
    await worker.stop()
    first, second = await scene.attempts()
    assert second["started_at"] - first["ended_at"] >= 50


async def test_an_idle_worker_is_quiet(sqlite_url: str) -> None:
    """On SQLite it asks for nothing while nothing is due."""
    real = await open_store(sqlite_url)
    scene = Scene(await World(real).make())
    store = Failing(real)
    scene.worker = scene.a_worker(store)
    await scene.worker.start()
    await asyncio.sleep(0.2)
    before = store.turns
    await asyncio.sleep(0.5)
    assert store.turns == before
    await scene.worker.stop()
    await real.close()
