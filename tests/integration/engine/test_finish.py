"""Writing down how deliveries ended, on both databases."""

from delivery.claim import next_due
from delivery.equipment import Equipper
from delivery.jobs import Ended, Job, Lost, Released, Tried, Withdrawn
from delivery.load import load
from domain.deliveries import CancelReason, DeliveryStatus, Outcome, OutcomeKind
from domain.timing import BACKOFF_FIRST, DAY, MINUTE
from tests.outbox import (
    KEYS,
    RETRY,
    SENT,
    attempts,
    end,
    ended,
    held,
    lane,
    take,
    write,
)
from tests.world import START, World


async def test_a_result_is_written_with_its_attempt(world: World, session: int) -> None:
    """Status, times, the far end's words and its state in one commit."""
    await world.integration()
    await world.report()
    [one] = await held(world, await take(world, session))
    tried = Tried(
        held=one,
        outcome=SENT,
        began_at=START,
        ended_at=START + 40,
        step=0,
        next_step=1,
        body='{"steps": []}',
        far_end={"ts": "7"},
    )
    world.now += 50
    assert await write(world, [tried], session) == 1
    [row] = await world.deliveries()
    assert DeliveryStatus(row["status"]) is DeliveryStatus.DELIVERED
    assert (row["delivered_at"], row["worker"]) == (START + 40, None)
    assert (row["body"], row["next_step"]) == ('{"steps": []}', 1)
    [attempt] = await attempts(world, row["id"])
    assert (attempt["ended_at"], attempt["duration_ms"]) == (START + 40, 40)
    assert (attempt["outcome"], attempt["status_code"]) == (0, 200)
    assert attempt["excerpt"] == "ok"
    state = await world.store.fetchval("SELECT state FROM far_end")
    assert state == '{"ts":"7"}'


async def test_a_failing_lane_closes_and_is_probed(world: World, session: int) -> None:
    """After a round of failures one delivery is tried at a time, then two, then four."""
    integration = await world.integration()
    for _ in range(20):
        await world.report()
    await end(world, session, await take(world, session), RETRY)
    closed = await lane(world, integration)
    assert (closed["slots"], closed["failures"]) == (1, 3)
    assert closed["closed_until"] == START + BACKOFF_FIRST
    assert await take(world, session) == []
    widths = []
    world.now = closed["closed_until"]
    for _ in range(3):
        claimed = await take(world, session)
        widths.append(len(claimed))
        await end(world, session, claimed, SENT)
    assert widths == [1, 2, 8]


async def test_a_probe_that_fails_doubles_the_back_off(
    world: World, session: int
) -> None:
    """And the lane's due time follows, though others wait in it that are due."""
    integration = await world.integration()
    for _ in range(9):
        await world.report()
    await end(world, session, await take(world, session), RETRY)
    world.now += BACKOFF_FIRST
    await end(world, session, await take(world, session), RETRY)
    assert await take(world, session) == []
    found = await lane(world, integration)
    assert found["closed_until"] == world.now + 2 * BACKOFF_FIRST
    assert found["next_due_at"] == found["closed_until"]
    assert found["failing_since"] == START


async def test_rate_limits_use_up_no_attempts(world: World, session: int) -> None:
    """Ten of them are fine with a limit of five attempts; age still counts."""
    limited = Outcome(
        kind=OutcomeKind.RATE_LIMITED, status_code=429, retry_after_ms=MINUTE
    )
    await world.integration()
    await world.report()
    for _ in range(10):
        await end(world, session, await take(world, session), limited)
        [row] = await world.deliveries()
        assert DeliveryStatus(row["status"]) is DeliveryStatus.RETRYING
        world.now = row["due_at"]
    for _ in range(5):
        await end(world, session, await take(world, session), RETRY)
        [row] = await world.deliveries()
        world.now = max(world.now, row["due_at"] or 0)
        world.now = max(world.now, await next_due(world.store) or 0)
        world.now += MINUTE
    [row] = await world.deliveries()
    assert DeliveryStatus(row["status"]) is DeliveryStatus.FAILED
    assert row["error"] == "500 Gave up after 5 attempts."
    assert len(await attempts(world, row["id"])) == 15


GONE = Outcome(kind=OutcomeKind.GONE, status_code=410, error="410", at_once=True)
MISSING = Outcome(kind=OutcomeKind.GONE, status_code=404, error="404")


async def test_gone_disables_the_integration(world: World, session: int) -> None:
    """It is switched off with the reason, and all that waits for it is cancelled."""
    integration = await world.integration()
    first = await world.report()
    for _ in range(12):
        await world.report()
    await world.resolve(first)
    claimed = await take(world, session)
    one = [it for it in claimed if it.incident_id == first]
    await end(world, session, one, GONE)
    row = await world.store.fetchrow(
        "SELECT active, error FROM integration WHERE id = $1", integration
    )
    assert row
    assert not row["active"]
    assert "410" in row["error"]
    reasons = {status for _, status in await world.states(integration)}
    assert reasons == {"FAILED", "INTEGRATION_DISABLED", "SENDING"}
    await end(world, session, [it for it in claimed if it not in one], SENT)
    statuses = [status for _, status in await world.states(integration)]
    assert statuses.count("DELIVERED") == 7
    assert await take(world, session) == []


async def test_other_signs_of_gone_must_last(world: World, session: int) -> None:
    """Three in a row over ten minutes, one in flight at a time."""
    integration = await world.integration()
    await world.report()
    for _ in range(3):
        await end(world, session, await take(world, session), MISSING)
        assert await world.states(integration) == [("OPENED", "RETRYING")]
        world.now += 4 * MINUTE
    await end(world, session, await take(world, session), MISSING)
    assert await world.states(integration) == [("OPENED", "FAILED")]
    active = "SELECT active FROM integration WHERE id = $1"
    assert not await world.store.fetchval(active, integration)


async def test_what_was_released_was_never_tried(world: World, session: int) -> None:
    """The attempt is taken back, and somebody else gets the delivery at once."""
    await world.integration()
    await world.report()
    [claimed] = await take(world, session)
    assert await write(world, [Released(claimed=claimed)], session) == 1
    [row] = await world.deliveries()
    assert (row["status"], row["attempts"], row["worker"]) == (0, 0, None)
    assert await attempts(world, row["id"]) == []
    [again] = await take(world, session)
    assert again.number == 1


async def test_what_was_withdrawn_was_never_tried(world: World, session: int) -> None:
    """Cancelled with the reason; the next of its chain gets its turn."""
    integration = await world.integration()
    opened = await world.report()
    await world.resolve(opened)
    [one] = await held(world, await take(world, session))
    stale = CancelReason.STALE
    status = DeliveryStatus.CANCELLED
    await write(world, [Withdrawn(held=one, status=status, reason=stale)], session)
    assert await world.states(integration) == [
        ("OPENED", "STALE"),
        ("RESOLVED", "PENDING"),
    ]
    assert await attempts(world, one.claimed.id) == []
    assert len(await take(world, session)) == 1


async def test_a_group_may_hold_everything(world: World, session: int) -> None:
    """Each way to end in one commit, and what no longer counts beside them."""
    for _ in range(5):
        await world.integration()
    await world.report()
    claimed = await take(world, session)
    one, two, three, four, five = await held(world, claimed)
    await write(world, [Released(claimed=five.claimed)], session)
    results: list[Ended] = [
        ended(one, SENT, world.now),
        ended(two, RETRY, world.now),
        Lost(held=three),
        Withdrawn(held=four, status=DeliveryStatus.FAILED, error="too old"),
        Released(claimed=five.claimed),
    ]
    assert await write(world, results, session) == 4
    statuses = sorted(it["status"] for it in await world.deliveries())
    assert statuses == [0, 2, 2, 4, 5]


async def test_loading_gives_what_rendering_needs(world: World, session: int) -> None:
    """A job for what can be sent; what cannot is withdrawn with the reason."""
    fine, off, unverified, gone = [await world.integration() for _ in range(4)]
    await world.report()
    await world.set(off, active=False)
    await world.set(unverified, verified=False)
    await world.set(gone, deleted_at=START)
    loaded = await load(
        world.store, Equipper(world.channels, KEYS), await take(world, session)
    )
    found = {it.held.claimed.integration_id: it for it in loaded}
    assert isinstance(found[fine], Job)
    reasons = {key: it.reason for key, it in found.items() if isinstance(it, Withdrawn)}
    assert reasons == {
        off: CancelReason.INTEGRATION_DISABLED,
        unverified: CancelReason.INTEGRATION_UNVERIFIED,
        gone: CancelReason.INTEGRATION_DELETED,
    }


async def test_age_ends_retries(world: World, session: int) -> None:
    """A retry that would come after the age limit is not waited for."""
    integration = await world.integration()
    await world.report()
    claimed = await take(world, session)
    world.now += DAY
    await end(world, session, claimed, RETRY)
    assert await world.states(integration) == [("OPENED", "FAILED")]
