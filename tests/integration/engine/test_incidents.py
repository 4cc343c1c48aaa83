"""Reporting, acknowledging and resolving: one transaction with all that follows."""

import asyncio

import orjson
import pytest

from delivery import incidents, snapshots
from domain.faults import Code, RefusedError
from domain.ids import Id, decode, new_id
from domain.incidents import IncidentStatus, Severity
from domain.timing import DAY
from models.store import Row, Tx
from tests.outbox import RETRY, SENT, end, take
from tests.world import START, World


async def incident(world: World, incident: Id) -> Row:
    row = await world.store.fetchrow("SELECT * FROM incident WHERE id = $1", incident)
    assert row is not None
    return row


async def events(world: World, incident: Id) -> list[tuple[int, str]]:
    rows = await world.store.fetch(
        "SELECT number, kind FROM incident_event WHERE incident_id = $1"
        " ORDER BY number",
        incident,
    )
    return [(row["number"], row["kind"]) for row in rows]


async def test_a_report_opens_an_incident_and_tells_who_is_attached(
    world: World,
) -> None:
    """Incident, event, deliveries, log and the lanes' wakes come in one commit."""
    told = [await world.integration(), await world.integration()]
    await world.execute("DELETE FROM attachment WHERE integration_id = $1", told[1])
    opened = await world.report(severity=Severity.CRITICAL, dedup_key="k")
    row = await incident(world, opened)
    assert (row["status"], row["severity"], row["next_number"]) == (
        *("TRIGGERED", "CRITICAL"),
        2,
    )
    [delivery] = await world.deliveries()
    assert delivery["integration_id"] == told[0]
    assert (delivery["status"], delivery["attempts"], delivery["number"]) == (0, 0, 1)
    assert (delivery["due_at"], delivery["expires_at"]) == (START, START + DAY)
    assert decode(delivery["message_id"]) == ("Delivery", delivery["id"])


async def test_the_event_keeps_a_snapshot_of_the_incident(world: World) -> None:
    """What rendering may know is stored as it was when the event happened."""
    opened = await world.report(dedup_key="k", message="first")
    world.now += 5
    await world.report(dedup_key="k", message="second", severity=Severity.LOW)
    rows = await world.store.fetch(
        "SELECT snapshot FROM incident_event WHERE incident_id = $1 ORDER BY number",
        opened,
    )
    found = [snapshots.load(row["snapshot"]) for row in rows]
    assert [it.kind.value for it in found] == ["OPENED", "ALERT_ADDED", "UPDATED"]
    assert [it.message for it in found] == ["first", "first", "second"]
    assert found[2].severity is Severity.LOW
    assert {it.incident_id for it in found} == {opened}
    assert [it.started_at for it in found] == [START] * 3
    assert found[1].at == START + 5


async def test_a_key_groups_reports_until_it_is_resolved(world: World) -> None:
    """Repeated: counted, told to nobody. After the end: an incident of its own."""
    integration = await world.integration()
    first = await world.report(dedup_key="k")
    assert await world.report(dedup_key="k") == first
    assert (await incident(world, first))["alert_count"] == 2
    assert await events(world, first) == [(1, "OPENED"), (2, "ALERT_ADDED")]
    assert await world.states(integration) == [("OPENED", "PENDING")]
    await world.resolve(first)
    assert await world.report(dedup_key="k") != first
    assert await world.report() != await world.report()


async def test_a_key_belongs_to_one_resource(world: World) -> None:
    """The same key on another resource is refused, and changes nothing."""
    opened = await world.report(dedup_key="k")
    with pytest.raises(RefusedError) as refused:
        await world.report(dedup_key="k", resource_id=new_id())
    [refusal] = refused.value.refusals
    assert refusal.code is Code.VALIDATION_ERROR
    assert refusal.path == ("input", "dedupKey")
    assert (await incident(world, opened))["alert_count"] == 1


async def test_two_reports_of_one_key_at_once_give_one_incident(world: World) -> None:
    """Twenty at once: one opens, nineteen are added, and each has its own number."""
    integration = await world.integration()
    found = await asyncio.gather(*(world.report(dedup_key="k") for _ in range(20)))
    assert len(set(found)) == 1
    numbered = await events(world, found[0])
    assert numbered == [
        (n, "OPENED" if n == 1 else "ALERT_ADDED") for n in range(1, 21)
    ]
    assert len(await world.deliveries(integration)) == 1


async def test_who_is_disabled_or_unverified_gets_a_cancelled_delivery(
    world: World,
) -> None:
    """What an integration would have got is recorded with the reason."""
    off = await world.integration(active=False)
    unverified = await world.integration(verified=False)
    gone = await world.integration(deleted_at=START)
    await world.report()
    assert await world.states(off) == [("OPENED", "INTEGRATION_DISABLED")]
    assert await world.states(unverified) == [("OPENED", "INTEGRATION_UNVERIFIED")]
    assert await world.states(gone) == []


async def test_later_events_go_to_who_was_told_before(world: World) -> None:
    """Not to who was attached since, nor to who had only a cancelled delivery."""
    told = await world.integration()
    off = await world.integration(active=False)
    opened = await world.report()
    late = await world.integration()
    await world.set(off, active=True)
    await world.resolve(opened)
    assert [kind for kind, _ in await world.states(told)] == ["OPENED", "RESOLVED"]
    assert [kind for kind, _ in await world.states(off)] == ["OPENED"]
    assert await world.states(late) == []


async def test_channels_hear_what_they_want(world: World) -> None:
    """Of events it does not want, a channel gets no delivery at all."""
    wants = await world.integration("PROBE")
    does_not = await world.integration("PLAIN_PROBE")
    await world.acknowledge(await world.report())
    kinds = [kind for kind, _ in await world.states(wants)]
    assert kinds == ["OPENED", "ACKNOWLEDGED"]
    assert [kind for kind, _ in await world.states(does_not)] == ["OPENED"]


async def test_down_alerts_only(world: World) -> None:
    """Nothing but bad news, also when it resolves by itself."""
    integration = await world.integration(down_alerts_only=True)
    opened = await world.report()
    await world.acknowledge(opened)
    await world.resolve(opened)
    assert [kind for kind, _ in await world.states(integration)] == ["OPENED"]


async def test_updates_tell_only_who_updates_in_place(world: World) -> None:
    """Others would repeat themselves."""
    card, plain = await world.integration("CARD_PROBE"), await world.integration()
    await world.report(dedup_key="k")
    await world.report(dedup_key="k", message="worse")
    assert [kind for kind, _ in await world.states(card)] == ["OPENED", "UPDATED"]
    assert [kind for kind, _ in await world.states(plain)] == ["OPENED"]


async def test_waiting_updates_collapse_into_the_newest(world: World) -> None:
    """Only the last state is sent; what stands between keeps its turn."""
    card = await world.integration("CARD_PROBE")
    opened = await world.report(dedup_key="k")
    await world.report(dedup_key="k", message="worse")
    await world.acknowledge(opened)
    await world.report(dedup_key="k", message="still worse")
    assert await world.states(card) == [
        ("OPENED", "PENDING"),
        ("UPDATED", "SUPERSEDED"),
        ("ACKNOWLEDGED", "PENDING"),
        ("UPDATED", "PENDING"),
    ]
    waits = [it["due_at"] is None for it in await world.deliveries(card)]
    assert waits == [False, True, True, True]


async def test_a_kept_follower_of_a_superseded_head_gets_its_turn(
    world: World, session: int
) -> None:
    """When the head of a chain is cancelled, the next one becomes due."""
    card = await world.integration("CARD_PROBE")
    opened = await world.report(dedup_key="k")
    await end(world, session, await take(world, session), SENT)
    await world.report(dedup_key="k", message="worse")
    await world.acknowledge(opened)
    world.now += 7
    await world.report(dedup_key="k", message="still worse")
    found = await world.deliveries(card)
    assert [it["cancel_reason"] for it in found] == [None, "SUPERSEDED", None, None]
    assert [it["due_at"] for it in found] == [None, None, START + 7, None]


async def test_an_incident_that_closed_before_anybody_was_told(world: World) -> None:
    """Opening and end are both cancelled where the channel skips what is stale."""
    stale, plain = await world.integration("STALE_PROBE"), await world.integration()
    opened = await world.report()
    await world.acknowledge(opened)
    await world.resolve(opened)
    reason = "INCIDENT_CLOSED"
    kinds = ["OPENED", "ACKNOWLEDGED", "RESOLVED"]
    assert await world.states(stale) == [(kind, reason) for kind in kinds]
    assert await world.states(plain) == [(kind, "PENDING") for kind in kinds]


async def test_who_was_told_of_the_opening_hears_of_the_end(
    world: World, session: int
) -> None:
    """Once its opening was tried, the end is sent also where stale news is skipped."""
    stale = await world.integration("STALE_PROBE")
    opened = await world.report()
    await end(world, session, await take(world, session), RETRY)
    await world.resolve(opened)
    assert await world.states(stale) == [
        ("OPENED", "RETRYING"),
        ("RESOLVED", "PENDING"),
    ]


async def test_acknowledging_twice_is_one_event(world: World) -> None:
    """The second changes nothing and answers the same."""
    opened = await world.report()
    assert await world.acknowledge(opened) == opened
    world.now += 1
    assert await world.acknowledge(opened) == opened
    row = await incident(world, opened)
    assert (row["status"], row["acknowledged_at"]) == ("ACKNOWLEDGED", START)
    assert await events(world, opened) == [(1, "OPENED"), (2, "ACKNOWLEDGED")]


@pytest.mark.parametrize("name", ["incidentId", "dedupKey"])
@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
async def test_what_is_not_open_is_not_found(
    world: World, name: str, action: str
) -> None:
    """Never there, of another project, or resolved: all the same answer."""
    opened = await world.report(dedup_key="k")
    await world.resolve(opened)
    act = getattr(incidents, action)
    named = (opened, None) if name == "incidentId" else (None, "k")
    for project in (world.project, new_id()):
        with pytest.raises(RefusedError) as refused:
            await world.store.turn(
                act, world.channels, project, *named, None, world.now
            )
        [refusal] = refused.value.refusals
        assert refusal.code is Code.INCIDENT_NOT_FOUND
        assert refusal.path == ("input", name)


async def test_a_foreign_project_sees_no_incident(world: World) -> None:
    """An open incident of another project is not found either."""
    opened = await world.report()
    with pytest.raises(RefusedError):
        await world.store.turn(
            *(incidents.resolve, world.channels, new_id(), opened, None, None, 1)
        )
    assert (await incident(world, opened))["status"] == IncidentStatus.TRIGGERED


async def test_resolving_by_key_and_by_id(world: World) -> None:
    """Both find the open incident; its end is stored."""
    opened = await world.report(dedup_key="k")
    world.now += 90_000
    args = (world.channels, world.project, None, "k", None, world.now)
    assert await world.store.turn(incidents.resolve, *args) == opened
    row = await incident(world, opened)
    assert (row["status"], row["resolved_at"]) == ("RESOLVED", START + 90_000)


async def test_every_change_is_logged_with_the_incident_as_it_then_was(
    world: World,
) -> None:
    """Created, superseded, cancelled: one entry each, as followers will see it."""
    await world.integration("STALE_PROBE")
    await world.resolve(await world.report())
    rows = await world.store.fetch(
        "SELECT body FROM event_log WHERE project_id = $1 ORDER BY at, incident_id",
        world.project,
    )
    bodies = [orjson.loads(row["body"]) for row in rows]
    shown = [(it["delivery"]["status"], it["attempt"]) for it in bodies]
    assert shown == [("PENDING", None), ("CANCELLED", None), ("CANCELLED", None)]
    statuses = [it["delivery"]["incident"]["status"] for it in bodies]
    assert statuses == ["TRIGGERED", "RESOLVED", "RESOLVED"]
    assert set(bodies[0]["delivery"]) == {
        *("id", "status", "attemptCount", "integration", "incident"),
    }
    assert set(bodies[0]["delivery"]["integration"]) == {"type", "id", "name"}


async def test_a_wide_fan_out_is_one_transaction(world: World) -> None:
    """A thousand integrations: all deliveries or none, and every lane is woken."""

    async def attach(tx: Tx) -> None:
        for _ in range(1_000):
            await world._integration(tx, "PROBE", {})  # noqa: SLF001

    await world.store.turn(attach)
    await world.report()
    assert len(await world.deliveries()) == 1_000
    lanes = "SELECT count(*) FROM lane WHERE next_due_at = $1"
    wakes = "SELECT count(DISTINCT lane_id) FROM wake WHERE due_at = $1"
    woken = lanes if world.store.dialect == "sqlite" else wakes
    assert await world.store.fetchval(woken, START) == 1_000
