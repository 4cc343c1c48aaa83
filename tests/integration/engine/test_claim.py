"""Claiming what is due, on both databases."""

from delivery.claim import next_due
from domain.deliveries import DeliveryStatus
from domain.timing import BACKOFF_FIRST
from tests.outbox import RETRY, SENT, UNKNOWN, attempts, end, lane, take
from tests.world import START, World


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
