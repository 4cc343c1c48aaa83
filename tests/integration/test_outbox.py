"""Claiming and finishing, statement by statement, on both databases."""

from collections.abc import AsyncIterator

import pytest

from delivery.claim import Ask, Claimed, claim, next_due
from delivery.finish import Group, finish
from delivery.jobs import Ended, Held, Job, Lost, Released, Tried, Withdrawn
from delivery.lease import close_session, open_session, renew
from delivery.load import load
from delivery.recover import recover
from domain.deliveries import CancelReason, DeliveryStatus, Outcome, OutcomeKind
from domain.ids import ZERO, Id
from domain.timing import BACKOFF_FIRST, DAY, MINUTE
from models.crypto import KeyRing
from models.store import Row, open_store
from tests.invariants import violations
from tests.world import START, World

SENT = Outcome(kind=OutcomeKind.SENT, status_code=200, excerpt="ok")
RETRY = Outcome(kind=OutcomeKind.RETRY, status_code=500, error="500")
UNKNOWN = Outcome(kind=OutcomeKind.UNKNOWN, error="reset")
GONE = Outcome(kind=OutcomeKind.GONE, status_code=410, error="410", at_once=True)
MISSING = Outcome(kind=OutcomeKind.GONE, status_code=404, error="404")
KEYS = KeyRing.generate()


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """Give an empty world on each database, and check at the end what must hold."""
    store = await open_store(database_url)
    world = await World(store).make()
    yield world
    assert await violations(store) == {}
    await store.close()


@pytest.fixture
async def session(world: World) -> int:
    """Give a worker's session."""
    return await world.store.turn(open_session)


async def take(
    world: World, session: int, most: int = 50, after: Id = ZERO, **limits: int
) -> list[Claimed]:
    ask = Ask(worker=session, now=world.now, most=most, after=after, **limits)
    return await world.store.turn(claim, ask)


async def held(world: World, claimed: list[Claimed]) -> list[Held]:
    loaded = await load(world.store, world.channels, KEYS, claimed)
    return [it.held for it in loaded]


def ended(held: Held, outcome: Outcome, now: int) -> Tried:
    sent = outcome.kind is OutcomeKind.SENT
    return Tried(
        held=held,
        outcome=outcome,
        began_at=now,
        ended_at=now,
        step=0,
        next_step=int(sent),
    )


async def write(world: World, results: list[Ended], session: int) -> int:
    group = Group(session=session, ended=results, now=world.now, chance=lambda: 1.0)
    return await world.store.turn(finish, group)


async def end(
    world: World, session: int, claimed: list[Claimed], outcome: Outcome
) -> int:
    """Finish claimed deliveries, all with the same outcome."""
    all_held = await held(world, claimed)
    return await write(
        world, [ended(it, outcome, world.now) for it in all_held], session
    )


async def lane(world: World, integration: Id) -> Row:
    row = await world.store.fetchrow(
        "SELECT * FROM lane WHERE integration_id = $1", integration
    )
    assert row is not None
    return row


async def attempts(world: World, delivery: Id) -> list[Row]:
    statement = "SELECT * FROM attempt WHERE delivery_id = $1 ORDER BY number"
    return await world.store.fetch(statement, delivery)


async def test_a_claim_puts_the_attempt_on_disk(world: World, session: int) -> None:
    """Delivery, attempt and lane change in one commit; then nothing is due."""
    integration = await world.integration()
    await world.report()
    [claimed] = await take(world, session)
    [row] = await world.deliveries()
    assert (row["status"], row["attempts"], row["worker"]) == (1, 1, session)
    assert (claimed.id, claimed.number) == (row["id"], 1)
    [attempt] = await attempts(world, claimed.id)
    assert (attempt["worker"], attempt["started_at"]) == (session, START)
    assert attempt["ended_at"] is None
    assert (await lane(world, integration))["next_due_at"] is None
    assert await take(world, session) == []


async def test_nothing_is_claimed_before_it_is_due(world: World, session: int) -> None:
    """The sleep until then ends exactly when it is."""
    await world.integration()
    await world.report()
    await end(world, session, await take(world, session), RETRY)
    assert await take(world, session) == []  # on PostgreSQL this folds the wake in
    assert await next_due(world.store) == START + BACKOFF_FIRST
    world.now = START + BACKOFF_FIRST - 1
    assert await take(world, session) == []
    world.now += 1
    [again] = await take(world, session)
    assert again.number == 2


async def test_a_lane_sends_at_most_its_slots_at_once(
    world: World, session: int
) -> None:
    """What is beyond waits until one of them ends, and wakes up then."""
    integration = await world.integration()
    for _ in range(20):
        await world.report()
    first = await take(world, session)
    assert len(first) == 8
    assert await take(world, session) == []
    assert (await lane(world, integration))["next_due_at"] is None
    await world.report()
    assert await take(world, session) == []
    await end(world, session, first[:3], SENT)
    assert len(await take(world, session)) == 3


async def test_a_claim_takes_no_more_than_asked_for(world: World, session: int) -> None:
    """Of many lanes with work only as much as there is room, the rest stays due."""
    for _ in range(5):
        await world.integration()
    for _ in range(4):
        await world.report()
    assert len(await take(world, session, most=7)) == 7
    assert len(await take(world, session, most=7)) == 7
    assert len(await take(world, session, most=7)) == 6
    assert await take(world, session, most=7) == []


async def test_oldest_first_within_a_lane(world: World, session: int) -> None:
    """Deliveries of a lane leave in the order in which they became due."""
    await world.integration()
    incidents = []
    for _ in range(4):
        incidents.append(await world.report())
        world.now += 1
    claimed = await take(world, session, per_lane=2)
    claimed += await take(world, session, per_lane=2)
    assert [it.incident_id for it in sorted(claimed, key=lambda it: it.id)] == incidents
    assert {it.incident_id for it in claimed[:2]} == set(incidents[:2])


async def test_projects_are_served_in_turn(world: World, session: int) -> None:
    """A project with many lanes gets its share, and the others theirs in each round."""
    others = [await World(world.store, now=START).make() for _ in range(3)]
    for _ in range(40):
        await world.integration()
    await world.report()
    for other in others:
        await other.integration()
        for _ in range(3):
            await other.report()
    claimed = await take(world, session, most=100, per_project=5, per_lane=1)
    by_project = [sum(it.project_id == w.project for it in claimed) for w in others]
    assert by_project == [1, 1, 1]
    assert len(claimed) == 8
    last = sorted(w.project for w in [world, *others])[1]
    after = await take(world, session, most=100, after=last, per_project=5)
    assert {it.project_id for it in after} == {
        w.project for w in [world, *others] if w.project > last
    }


async def test_events_of_an_incident_arrive_in_order(
    world: World, session: int
) -> None:
    """The end is not claimable before the opening has ended, not even while the opening
    waits for its retry; other incidents do not wait.
    """
    await world.integration()
    opened = await world.report()
    await world.acknowledge(opened)
    await world.resolve(opened)
    other = await world.report()
    first = await take(world, session)
    assert {(it.incident_id, it.number) for it in first} == {(opened, 1), (other, 1)}
    await end(world, session, [it for it in first if it.incident_id == opened], RETRY)
    assert await take(world, session) == []
    world.now += BACKOFF_FIRST
    kinds = []
    for _ in range(3):
        [claimed] = await take(world, session)
        row = await world.store.fetchrow(
            "SELECT kind FROM delivery WHERE id = $1", claimed.id
        )
        assert row
        kinds.append(row["kind"])
        await end(world, session, [claimed], SENT)
    assert kinds == ["OPENED", "ACKNOWLEDGED", "RESOLVED"]
    await end(world, session, [it for it in first if it.incident_id == other], SENT)


async def test_a_failed_opening_does_not_hold_up_the_end(
    world: World, session: int
) -> None:
    """FAILED is an end too: the next of the chain becomes due."""
    await world.integration("ONCE_PROBE")
    opened = await world.report()
    await world.resolve(opened)
    await end(world, session, await take(world, session), UNKNOWN)
    [claimed] = await take(world, session)
    await end(world, session, [claimed], SENT)
    statuses = [DeliveryStatus(it["status"]) for it in await world.deliveries()]
    assert statuses == [DeliveryStatus.FAILED, DeliveryStatus.DELIVERED]


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
    loaded = await load(world.store, world.channels, KEYS, await take(world, session))
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
