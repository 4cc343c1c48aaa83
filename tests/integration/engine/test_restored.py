"""What waits in a restored database is sent again, or never, as its channel allows."""

from delivery.lease import open_session
from delivery.restored import settle
from domain.deliveries import OutcomeKind
from domain.timing import DAY
from tests.outbox import RETRY, attempts, end, take
from tests.world import World


async def test_what_may_be_repeated_waits_on(world: World, session: int) -> None:
    """What was being sent at the time of the backup may have arrived; the ids stay."""
    sending = await world.integration()
    tried = await world.integration()
    await world.report()
    claimed = await take(world, session)
    await end(
        world, session, [it for it in claimed if it.integration_id == tried], RETRY
    )
    ids = {it["id"]: it["message_id"] for it in await world.deliveries()}
    settled = await settle(world.store, world.channels, world.now, cancel_waiting=False)
    assert (settled.waiting, settled.uncertain, settled.cancelled) == (2, 0, 0)
    assert await world.states(sending) == [("OPENED", "RETRYING")]
    assert await world.states(tried) == [("OPENED", "RETRYING")]
    assert {it["id"]: it["message_id"] for it in await world.deliveries()} == ids
    [delivery] = await world.deliveries(sending)
    [attempt] = await attempts(world, delivery["id"])
    assert attempt["outcome"] == OutcomeKind.UNKNOWN


async def test_what_must_not_be_repeated_has_failed(world: World, session: int) -> None:
    """Whether untried, waiting for its turn, for a retry, or being run: it may have
    been run after the backup was taken.
    """
    once = await world.integration("ONCE_PROBE")
    plain = await world.integration()
    incident = await world.report()
    await world.acknowledge(incident)
    await world.report()
    settled = await settle(world.store, world.channels, world.now, cancel_waiting=False)
    assert settled.uncertain == 3
    assert settled.waiting == 3
    assert {state for _, state in await world.states(once)} == {"FAILED"}
    assert {state for _, state in await world.states(plain)} == {"PENDING"}
    for delivery in await world.deliveries(once):
        [attempt] = await attempts(world, delivery["id"])
        assert attempt["outcome"] == OutcomeKind.UNKNOWN
        assert "must not be repeated" in delivery["error"]
    assert all(
        it.integration_id == plain
        for it in await take(world, await world.store.turn(open_session))
    )


async def test_a_drill_cancels_all_that_waits(world: World, session: int) -> None:
    """In several turns."""
    once = await world.integration("ONCE_PROBE")
    plain = await world.integration()
    for _ in range(3):
        await world.acknowledge(await world.report())
    claimed = await take(world, session, most=2)
    settled = await settle(
        world.store, world.channels, world.now, cancel_waiting=True, at_once=2
    )
    states = [state for it in (once, plain) for _, state in await world.states(it)]
    run = sum(it.integration_id == once for it in claimed)
    assert states.count("FAILED") == run
    assert states.count("OPERATOR") == settled.cancelled == 12 - run
    assert settled.waiting == 0
    assert await take(world, await world.store.turn(open_session)) == []


async def test_what_is_too_old_is_told_apart(world: World) -> None:
    await world.integration()
    await world.report()
    world.now += 2 * DAY
    await world.report()
    settled = await settle(world.store, world.channels, world.now, cancel_waiting=False)
    assert (settled.waiting, settled.expired) == (1, 1)


async def test_a_new_epoch_begins_and_all_sessions_end(
    world: World, session: int
) -> None:
    before = await world.store.fetchval("SELECT epoch FROM log_epoch")
    await settle(world.store, world.channels, world.now, cancel_waiting=False)
    assert await world.store.fetchval("SELECT epoch FROM log_epoch") != before
    assert await world.store.fetchval("SELECT count(*) FROM log_epoch") == 1
    assert await world.store.fetchval("SELECT count(*) FROM worker") == 0
    assert await world.store.turn(open_session) > session
