"""Loading what rendering and sending need, for a batch of claimed deliveries at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import orjson
import structlog

from delivery import snapshots
from delivery.changes import About
from delivery.claim import Claimed
from delivery.equipment import Equipper
from delivery.id_lists import within
from delivery.jobs import Equipment, Held, Job, Withdrawn
from domain.channels import Channel
from domain.deliveries import CancelReason, DeliveryStatus
from domain.ids import Id, encode
from domain.incidents import Snapshot
from models.store import Row, Store

_log = structlog.get_logger(__name__)

_UNKNOWN: Final = Equipment(
    type="", name="", channel=None, obstacle=CancelReason.INTEGRATION_DELETED
)


_OVER: Final = Equipment(
    type="", name="", channel=None, obstacle=CancelReason.NOT_APPLICABLE
)
"""Outside incidents: nobody knows any more what it was to say."""


@dataclass(frozen=True, slots=True)
class _Batch:
    equipment: Mapping[Id, Equipment]
    snapshots: Mapping[Id, Snapshot]
    far_ends: Mapping[tuple[Id, Id], dict[str, Any]]
    causes: Mapping[Id, str | None]
    counted: Mapping[Id, int]


async def load(
    store: Store, equipper: Equipper, claimed: Sequence[Claimed]
) -> list[Job | Withdrawn]:
    """Return a job for each, or why it is not to be sent."""
    integrations = {it.integration_id for it in claimed if it.integration_id}
    others = [it.id for it in claimed if not it.integration_id]
    equipment = await equipper.equip(store, sorted(integrations))
    equipment |= await equipper.equip_outside(store, others)
    events = await _events(store, claimed)
    batch = _Batch(
        equipment=equipment,
        snapshots={row["id"]: it for row in events if (it := _snapshot(row))},
        causes={row["id"]: row["traceparent"] for row in events},
        far_ends=await _far_ends(store, claimed),
        counted=await count_tries(
            store, [(it, _of(it, equipment).channel) for it in claimed]
        ),
    )
    return [_job(it, batch) for it in claimed]


def _of(it: Claimed, equipment: Mapping[Id, Equipment]) -> Equipment:
    """Return the equipment of its integration, or its own outside incidents."""
    if it.integration_id is None:
        return equipment.get(it.id, _OVER)
    return equipment.get(it.integration_id, _UNKNOWN)


def _job(it: Claimed, batch: _Batch) -> Job | Withdrawn:
    equipment = _of(it, batch.equipment)
    about = About(
        project_id=it.project_id,
        delivery_id=it.id,
        integration_id=it.integration_id,
        integration_type=equipment.type,
        integration_name=equipment.name,
        incident_id=it.incident_id,
    )
    counted = batch.counted.get(it.id, 0)
    held = Held(claimed=it, about=about, channel=equipment.channel, counted=counted)
    far_end = (it.incident_id or Id(b""), it.integration_id or Id(b""))
    snapshot = batch.snapshots.get(it.event_id or Id(b""))
    reason = equipment.obstacle
    if reason is None and it.term < equipment.term:
        reason = CancelReason.INTEGRATION_DISABLED
    nothing = snapshot is None and it.integration_id is not None
    if reason or equipment.channel is None or nothing:
        reason = reason or CancelReason.NOT_APPLICABLE
        return Withdrawn(held=held, status=DeliveryStatus.CANCELLED, reason=reason)
    return Job(
        held=held,
        channel=equipment.channel,
        equipment=equipment,
        snapshot=snapshot,
        far_end=batch.far_ends.get(far_end, {}),
        cause=batch.causes.get(it.event_id or Id(b"")),
    )


async def _events(store: Store, claimed: Sequence[Claimed]) -> list[Row]:
    found = {it.event_id for it in claimed if it.event_id}
    condition, listed = within(store.dialect, sorted(found))
    return await store.fetch(_EVENTS + condition, *listed)


_EVENTS: Final = "SELECT id, snapshot, traceparent FROM incident_event WHERE id "


def _snapshot(row: Row) -> Snapshot | None:
    """Return a snapshot; one that cannot be read must not stop the others."""
    try:
        return snapshots.load(row["snapshot"])
    except (ValueError, TypeError, KeyError):
        of = encode("IncidentEvent", row["id"])
        _log.error("snapshot_unreadable", of=of, exc_info=True)
        return None


async def _far_ends(
    store: Store, claimed: Sequence[Claimed]
) -> dict[tuple[Id, Id], dict[str, Any]]:
    found = {it.incident_id for it in claimed if it.incident_id}
    condition, listed = within(store.dialect, sorted(found))
    rows = await store.fetch(_FAR_ENDS + condition, *listed)
    return {
        (row["incident_id"], row["integration_id"]): orjson.loads(row["state"])
        for row in rows
    }


_FAR_ENDS: Final = """
SELECT incident_id, integration_id, state FROM far_end WHERE incident_id """


async def count_tries(
    store: Store, held: Sequence[tuple[Claimed, Channel | None]]
) -> dict[Id, int]:
    """Return how many finished tries of each delivery used up an attempt: all but those
    that met a rate limit, that our own end cut short (they have no duration), and those
    before it was redelivered by hand.
    """
    again = [(it, ch.retry.max_age) for it, ch in held if ch and it.number > 1]
    counts: dict[Id, int] = {}
    for age, group in groupby(sorted(again, key=_age), key=_age):
        condition, listed = within(store.dialect, [it.id for it, _ in group], first=2)
        rows = await store.fetch(_COUNT.format(condition), age, *listed)
        counts |= {row[0]: row[1] for row in rows}
    return counts


def _age(pair: tuple[Claimed, int]) -> int:
    return pair[1]


_COUNT: Final = """
SELECT a.delivery_id, count(*) FROM attempt a JOIN delivery d ON d.id = a.delivery_id
WHERE a.outcome <> 3 AND a.duration_ms IS NOT NULL
 AND a.started_at >= d.expires_at - $1 AND a.delivery_id {}
GROUP BY a.delivery_id"""
