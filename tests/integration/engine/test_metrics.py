"""What the engine tells of its work agrees with the rows that it wrote."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

import pytest

from delivery import backlog
from delivery.lease import close_session
from delivery.recover import recover
from domain.deliveries import DeliveryStatus, OutcomeKind
from domain.ids import Id
from domain.steps import Answer, Fault, NoAnswer, Reply
from domain.timing import HOUR, MINUTE, SECOND
from server.metrics import Metrics
from tests.outbox import take
from tests.samples import families, sample, samples
from tests.scene import Scene
from tests.world import World

LED = 40


def answer(status: int, headers: Mapping[str, str] | None = None) -> Reply:
    return Answer(status=status, headers=headers or {}, led=LED)


async def stored(world: World, column: str, table: str) -> Counter[int]:
    rows = await world.store.fetch(f"SELECT {column} FROM {table}")  # noqa: S608
    return Counter(row[0] for row in rows)


async def test_counters_agree_with_the_rows(scene: Scene) -> None:
    """Every verdict once or more; a delivery that is given back is no attempt."""
    world, far_ends = scene.world, scene.far_ends
    ids = [await world.integration() for _ in range(6)]
    far_ends.script(ids[0], answer(500), answer(200))
    far_ends.script(ids[1], answer(429, {"retry-after": "1"}), answer(200))
    far_ends.script(ids[2], NoAnswer(Fault.RESET_AFTER_BODY, "reset"), answer(200))
    far_ends.script(ids[3], answer(410))
    await world.integration("ONCE_PROBE")
    far_ends.script(ids[4], NoAnswer(Fault.DNS, "no such name"), answer(200))
    await world.report()
    await world.report(message="skip")
    await scene.worker.start()
    while not await scene.all_ended():
        scene.move(MINUTE)
        await scene.until(nothing_due(scene))
    await scene.worker.stop()
    found = await families(scene.metrics)
    by_outcome: Counter[int] = Counter()
    for (_, outcome), count in samples(found, "tocsin_delivery_attempts_total").items():
        by_outcome[OutcomeKind[outcome.upper()]] += int(count)
    assert by_outcome == await stored(world, "outcome", "attempt")
    assert {OutcomeKind.SENT, OutcomeKind.RETRY, OutcomeKind.UNKNOWN} <= set(by_outcome)
    ended: Counter[int] = Counter()
    for (_, status), count in samples(found, "tocsin_deliveries_ended_total").items():
        ended[DeliveryStatus[status.upper()]] += int(count)
    in_rows = await stored(world, "status", "delivery")
    assert ended[DeliveryStatus.DELIVERED] == in_rows[DeliveryStatus.DELIVERED]
    assert ended[DeliveryStatus.FAILED] == in_rows[DeliveryStatus.FAILED]
    counts = samples(found, "tocsin_delivery_attempt_duration_seconds_count")
    assert sum(counts.values()) == sum(by_outcome.values())
    assert set(counts) == {("probe",), ("onceProbe",)}


def nothing_due(scene: Scene) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        now = scene.world.now
        waiting = "SELECT count(*) FROM delivery WHERE status = 1 OR due_at <= $1"
        due = f"{waiting} AND status IN (0, 2)"
        return not await scene.world.store.fetchval(due, now)

    return reached


async def test_latencies_lead_from_acceptance(scene: Scene) -> None:
    """To the first byte of the first try alone; to the end over all tries; a delivery
    whose far end was never reached has no first byte.
    """
    world, far_ends = scene.world, scene.far_ends
    retried, unreached = await world.integration(), await world.integration()
    far_ends.script(retried, answer(500), answer(200))
    far_ends.script(unreached, NoAnswer(Fault.DNS, "no such name"), answer(200))
    await world.report()
    accepted = world.now
    world.now += 3 * SECOND
    await scene.worker.start()
    await scene.status(DeliveryStatus.RETRYING, DeliveryStatus.RETRYING)
    scene.move(HOUR)
    await scene.status(DeliveryStatus.DELIVERED, DeliveryStatus.DELIVERED)
    await scene.worker.stop()
    found = await families(scene.metrics)
    first, final = (
        f"tocsin_delivery_{it}_latency_seconds" for it in ("first_byte", "final")
    )
    assert sample(found, f"{first}_count", channel="probe") == 1
    assert sample(found, f"{first}_sum", channel="probe") == 3 + LED / SECOND
    assert sample(found, f"{final}_count", channel="probe") == 2
    took = 2 * (world.now - accepted) / SECOND
    assert sample(found, f"{final}_sum", channel="probe") == took


async def test_redelivered_by_hand_it_begins_to_age_anew(scene: Scene) -> None:
    world = scene.world
    await world.integration()
    await world.report()
    await scene.worker.start()
    await scene.status(DeliveryStatus.DELIVERED)
    world.now += HOUR
    [delivery] = await world.deliveries()
    await scene.again(delivery["id"])
    await scene.until(lambda: attempts_are(scene, 2))
    await scene.worker.stop()
    found = await families(scene.metrics)
    name = "tocsin_delivery_final_latency_seconds_sum"
    assert sample(found, name, channel="probe") == 0


async def attempts_are(scene: Scene, count: int) -> bool:
    return [it["outcome"] for it in await scene.attempts()] == [0] * count


async def test_what_is_recovered_is_counted(world: World, session: int) -> None:
    await world.integration()
    await world.report()
    await take(world, session)
    await world.store.turn(close_session, session)
    metrics = Metrics()
    assert await recover(world.store, world.channels, world.now, metrics) == 1
    found = await families(metrics)
    counted = samples(found, "tocsin_delivery_attempts_total")
    assert counted == {("probe", "unknown"): 1}
    assert sample(found, "tocsin_results_per_commit_sum") == 1
    # Nobody knows how long that took.
    assert not samples(found, "tocsin_delivery_attempt_duration_seconds_count")


async def test_the_backlog_is_what_is_not_over(world: World, session: int) -> None:
    due, held = await world.integration(), await world.integration()
    empty = await backlog.read(world.store, world.now)
    assert (empty.oldest, empty.unfinished, empty.overdue) == (0, 0, 0)
    await world.report()
    await world.execute(
        "UPDATE lane SET closed_until = $1, next_due_at = $1 WHERE integration_id = $2",
        *(world.now + HOUR, held),
    )
    if world.store.dialect == "postgres":  # only claimers bring due times forward
        await world.execute("DELETE FROM wake")
        await world.execute(
            "UPDATE lane SET next_due_at = $1 WHERE integration_id = $2",
            *(world.now, due),
        )
    world.now += 5 * MINUTE
    found = await backlog.read(world.store, world.now)
    assert found.oldest == found.overdue == 5 * MINUTE
    assert (found.unfinished, found.held_back, found.workers) == (2, 1, 1)
    in_log = 2 if world.store.dialect == "postgres" else 0
    assert found.unpositioned == in_log
    assert found.position_lag == (5 * MINUTE if in_log else 0)
    await world.execute("UPDATE delivery SET manual = $1", True)
    assert (await backlog.read(world.store, world.now)).oldest == 0
    await world.execute("UPDATE delivery SET manual = $1", False)


async def test_a_clock_that_was_set_back_makes_no_negative_age(world: World) -> None:
    await world.integration()
    await world.report()
    found = await backlog.read(world.store, world.now - HOUR)
    assert (found.oldest, found.overdue, found.position_lag) == (0, 0, 0)


@pytest.mark.usefixtures("session")
async def test_a_session_without_a_lease_is_no_worker(world: World) -> None:
    assert (await backlog.read(world.store, world.now)).workers == 1
    if world.store.dialect == "postgres":
        await world.execute("UPDATE worker SET lease_until = 1")
        assert (await backlog.read(world.store, world.now)).workers == 0


async def test_a_slot_that_is_given_back_is_no_attempt(scene: Scene) -> None:
    """What was claimed and never dialled shows in no counter."""
    world = scene.world
    integration: Id = await world.integration()
    gate = scene.far_ends.hang(integration)
    for _ in range(3):
        await world.report()
    await scene.worker.start()
    await scene.until(lambda: in_flight(scene, 3))
    assert (scene.worker.in_flight, scene.worker.in_hand) == (3, 0)
    gate.set()
    await scene.until(scene.all_ended)
    await scene.worker.stop()
    found = await families(scene.metrics)
    assert samples(found, "tocsin_delivery_attempts_total") == {("probe", "sent"): 3}


async def in_flight(scene: Scene, count: int) -> bool:
    return scene.worker.in_flight == count
