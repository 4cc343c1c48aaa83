"""Appending an event to an incident, and telling those whom it concerns."""

# ruff: noqa: S608 - statements are put together from constants only

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from delivery import destinations, incident_state, lanes, log, snapshots
from delivery.cancelling import Cancelled, cancel
from delivery.changes import About, Standing, change
from delivery.destinations import Target
from delivery.id_lists import within
from delivery.incident_state import IncidentState
from delivery.spans import TRACEPARENT
from domain.channels import Channel
from domain.deliveries import CancelReason, DeliveryStatus
from domain.ids import Id, encode, new_id
from domain.incidents import TELLING_NOBODY, EventKind
from models.store import Tx, marks

Channels = Mapping[str, Channel]
"""The registry: `IntegrationType` to channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What happens to an incident, through whom, and when (ms). With `to` only these
    integrations may be told.
    """

    kind: EventKind
    actor: str | None
    at: int
    to: Sequence[Id] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event that was appended, with the incident as it left it."""

    id: Id
    kind: EventKind
    number: int
    incident: IncidentState
    at: int


async def append(
    tx: Tx, channels: Channels, incident: IncidentState, what: Happening
) -> IncidentState:
    """Store the incident, whose row is locked, with one more event, and tell those
    whom it concerns. Return the incident as stored.
    """
    number = incident.next_number
    after = replace(incident, next_number=number + 1)
    await incident_state.save(tx, after, what.at)
    event = Event(
        id=new_id(), kind=what.kind, number=number, incident=after, at=what.at
    )
    await _insert_event(tx, event, what.actor)
    if event.kind not in TELLING_NOBODY:
        found = await _concerned(tx, event, what.to)
        await _tell(tx, channels, event, found)
    return after


async def _concerned(tx: Tx, event: Event, to: Sequence[Id] | None) -> list[Target]:
    if to is None:
        return await destinations.find(tx, event.incident, event.kind)
    return await destinations.among(tx, to)


_INSERT_EVENT: Final = """
INSERT INTO incident_event
 (id, project_id, incident_id, number, kind, at, actor, snapshot, traceparent)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""


async def _insert_event(tx: Tx, event: Event, actor: str | None) -> None:
    incident = event.incident
    snapshot = incident.snapshot(event.kind, event.number, event.at)
    await tx.execute(
        _INSERT_EVENT,
        event.id,
        incident.project_id,
        incident.id,
        event.number,
        event.kind,
        event.at,
        actor,
        snapshots.dump(snapshot),
        TRACEPARENT.get(),
    )


async def _tell(
    tx: Tx, channels: Channels, event: Event, found: Sequence[Target]
) -> None:
    hearing = [
        target
        for target in found
        if destinations.hears(channels.get(target.type), target, event.kind)
    ]
    obstacles = await _obstacles(tx, event, hearing)
    obstacles |= await _closed(tx, channels, event, found)
    if not hearing:
        return
    await _insert_deliveries(tx, channels, event, hearing, obstacles)
    waiting = [t.lane_id for t in hearing if t.lane_id not in obstacles]
    if event.number > 1:
        await lanes.promote(tx, [(event.incident.id, it) for it in waiting], event.at)
    await lanes.wake(tx, waiting, event.at)


async def _obstacles(
    tx: Tx, event: Event, hearing: Sequence[Target]
) -> dict[Id, CancelReason]:
    """Return why some lanes are not sent the event, after cancelling what it follows
    too soon.
    """
    found = {t.lane_id: destinations.obstacle(t) for t in hearing}
    if event.kind is EventKind.UPDATED:
        await _cancel(tx, event, list(found), _UPDATES, CancelReason.SUPERSEDED)
    return {lane: reason for lane, reason in found.items() if reason}


_UPDATES: Final = "d.kind = 'UPDATED' AND NOT d.manual"
_UNTRIED: Final = "d.status = 0 AND d.attempts = 0 AND NOT d.manual"
_UNTRIED_OPENING: Final = f"d.kind = 'OPENED' AND {_UNTRIED}"


async def _closed(
    tx: Tx, channels: Channels, event: Event, found: Sequence[Target]
) -> dict[Id, CancelReason]:
    """Cancel all of an incident that ends in the lanes that have not even tried its
    opening, also where they do not hear of the end; return these lanes.
    """
    if event.kind is not EventKind.RESOLVED:
        return {}
    known = [(it.lane_id, channels.get(it.type)) for it in found]
    stale = [lane for lane, channel in known if channel and channel.skip_stale]
    reason = CancelReason.INCIDENT_CLOSED
    opened = await _cancel(tx, event, stale, _UNTRIED_OPENING, reason)
    closed = {it.lane_id for it in opened}
    await _cancel(tx, event, list(closed), _UNTRIED, reason)
    return dict.fromkeys(closed, reason)


async def _cancel(
    tx: Tx, event: Event, among: Sequence[Id], where: str, reason: CancelReason
) -> list[Cancelled]:
    if not among:
        return []
    condition, listed = within(tx.dialect, among, first=2)
    where = f"d.incident_id = $1 AND {where} AND d.lane_id {condition}"
    return await cancel(tx, where, [event.incident.id, *listed], reason, event.at)


_COLUMNS: Final = (
    "id, project_id, lane_id, integration_id, incident_id, event_id, number, kind,"
    " manual, status, due_at, expires_at, attempts, next_step, message_id, term,"
    " cancel_reason, created_at, updated_at"
)
_INSERT: Final = f"INSERT INTO delivery ({_COLUMNS}) VALUES ({marks(19)})"


async def _insert_deliveries(
    tx: Tx,
    channels: Channels,
    event: Event,
    hearing: Sequence[Target],
    obstacles: Mapping[Id, CancelReason],
) -> None:
    made = [(target, new_id(), obstacles.get(target.lane_id)) for target in hearing]
    rows = [
        _row(channels[target.type], event, target, delivery, reason)
        for target, delivery, reason in made
    ]
    status = event.incident.status.value
    pending = Standing(
        status=DeliveryStatus.PENDING, attempts=0, incident_status=status
    )
    cancelled = replace(pending, status=DeliveryStatus.CANCELLED)
    entries = [
        change(
            _about(event, target, delivery),
            cancelled if reason else pending,
            event.at,
        )
        for target, delivery, reason in made
    ]
    await tx.executemany(_INSERT, rows)
    await log.append(tx, entries)


def _row(
    channel: Channel,
    event: Event,
    target: Target,
    delivery: Id,
    reason: CancelReason | None,
) -> tuple[Any, ...]:
    """Return the values of _COLUMNS. Only the first event of an incident is surely not
    preceded by another; the others wait for their turn.
    """
    status = DeliveryStatus.CANCELLED if reason else DeliveryStatus.PENDING
    due_at = event.at if event.number == 1 and not reason else None
    of_incident = (event.incident.id, event.id, event.number, event.kind.value)
    return (
        *(delivery, event.incident.project_id, target.lane_id, target.integration_id),
        *of_incident,
        *(False, status.value, due_at, event.at + channel.retry.max_age, 0, 0),
        *(encode("Delivery", delivery), target.term),
        *(reason and reason.value, event.at, event.at),
    )


def _about(event: Event, target: Target, delivery: Id) -> About:
    return About(
        project_id=event.incident.project_id,
        delivery_id=delivery,
        integration_id=target.integration_id,
        integration_type=target.type,
        integration_name=target.name,
        incident_id=event.incident.id,
    )
