"""Sessions that die, and what becomes of what they held, on both databases."""

from delivery.lease import close_session, open_session, renew
from delivery.recover import recover
from domain.deliveries import DeliveryStatus, OutcomeKind
from domain.timing import HOUR
from models.store import open_store
from tests.outbox import RETRY, SENT, attempts, end, lane, take
from tests.world import PROBE, World


async def test_a_late_worker_cannot_write(world: World, session: int) -> None:
    """Once its deliveries were recovered, its results count for nothing and its lease
    is not renewed; the second attempt is somebody else's.
    """
    await world.integration()
    await world.report()
    claimed = await take(world, session)
    await world.store.turn(close_session, session)
    other = await world.store.turn(open_session)
    assert await recover(world.store, world.channels, world.now) == 1
    assert await end(world, session, claimed, SENT) == 0
    assert not await world.store.turn(renew, session)
    [again] = await take(world, other)
    assert await end(world, session, claimed, SENT) == 0
    assert await end(world, other, [again], SENT) == 1
    outcomes = [it["outcome"] for it in await attempts(world, again.id)]
    assert outcomes == [OutcomeKind.UNKNOWN, OutcomeKind.SENT]


async def test_a_lost_lease_is_lost_for_good(world: World, session: int) -> None:
    """The next session has another id, also when the row of the old one is gone."""
    await world.store.turn(close_session, session)
    assert await world.store.turn(open_session) > session


async def test_a_lease_runs_out(postgres_url: str) -> None:
    """PostgreSQL: a session that was not renewed in time holds nothing any more."""
    store = await open_store(postgres_url)
    world = await World(store).make()
    session = await store.turn(open_session)
    await world.integration()
    await world.report()
    claimed = await take(world, session)
    assert await recover(store, world.channels, world.now) == 0
    assert await store.turn(renew, session)
    await world.execute("UPDATE worker SET lease_until = 1")
    assert not await store.turn(renew, session)
    assert await recover(store, world.channels, world.now) == 1
    assert await end(world, session, claimed, SENT) == 0
    await store.close()


async def test_what_was_left_unfinished_is_unknown(world: World, session: int) -> None:
    """It is tried again at once where it may be repeated, and the lane is not blamed."""
    plain = await world.integration()
    once = await world.integration("ONCE_PROBE")
    opened = await world.report()
    await world.resolve(opened)
    await take(world, session)
    await world.store.turn(close_session, session)
    await world.store.turn(open_session)
    world.now += 9
    assert await recover(world.store, world.channels, world.now) == 2
    states = [(kind, it) for kind, it in await world.states(plain)]
    assert states == [("OPENED", "RETRYING"), ("RESOLVED", "PENDING")]
    assert (await world.deliveries(plain))[0]["due_at"] == world.now
    assert (await lane(world, plain))["failures"] == 0
    states = [(kind, it) for kind, it in await world.states(once)]
    assert states == [("OPENED", "FAILED"), ("RESOLVED", "PENDING")]
    assert (await world.deliveries(once))[1]["due_at"] == world.now


async def test_our_own_deaths_use_up_no_attempts(world: World, session: int) -> None:
    """A server that dies again and again, with deliveries in hand that it had no time
    to send, must not give them up; what far ends do still counts.
    """
    await world.integration()
    await world.report()
    limit = PROBE.retry.attempts
    for _ in range(limit + 2):
        assert len(await take(world, session)) == 1
        await world.store.turn(close_session, session)
        session = await world.store.turn(open_session)
        assert await recover(world.store, world.channels, world.now) == 1
    [row] = await world.deliveries()
    assert (row["status"], row["attempts"]) == (DeliveryStatus.RETRYING, limit + 2)
    for _ in range(limit):
        assert (await world.deliveries())[0]["status"] == DeliveryStatus.RETRYING
        world.now += HOUR
        assert await end(world, session, await take(world, session), RETRY) == 1
    [row] = await world.deliveries()
    assert row["status"] == DeliveryStatus.FAILED
    assert row["error"] == f"500 Gave up after {limit} attempts."
