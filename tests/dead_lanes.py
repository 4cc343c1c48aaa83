"""Fills a database with deliveries that wait in lanes of dead far ends: closed for an
hour, with incidents, and entries in the event log. Fast: without the engine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from delivery.log import Entry, append
from domain.ids import Id, encode, new_id
from domain.incidents import IncidentStatus
from domain.timing import HOUR
from models.store import Tx
from tests.world import World

CHUNK = 10_000

INCIDENT = """
INSERT INTO incident (id, project_id, resource_type, resource_id, resource_name,
 resource_url, incident_type, message, severity, status, next_number, alert_count,
 started_at, created_at, updated_at)
VALUES ($1, $2, 'Server', $3, 'web-1', 'web-1', 'timeout', 'no answer', 'HIGH', $4, 2, 1,
 $5, $5, $5)"""

DELIVERY = """
INSERT INTO delivery (id, project_id, lane_id, integration_id, incident_id, number, kind,
 status, due_at, expires_at, message_id, attempts, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, 1, 'OPENED', $6, $7, $8, 'm', 0, $8, $8)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """Many deliveries that stand alike: one of an incident each, in these lanes in
    turn. `due_at` None: they have ended.
    """

    integrations: Sequence[Id]
    lanes: Sequence[Id]
    count: int
    status: int
    incident_status: IncidentStatus
    due_at: int | None
    at: int
    logged: bool = True


async def make_lanes(world: World, count: int, type_name: str = "PROBE") -> list[Id]:
    """Store integrations that nobody tells anything."""

    async def work(tx: Tx) -> list[Id]:
        add = world._integration  # noqa: SLF001 - many in one turn
        made = [await add(tx, type_name, {}) for _ in range(count)]
        await tx.execute("DELETE FROM attachment")
        return made

    return await world.store.turn(work)


async def lanes_of(world: World, integrations: Sequence[Id]) -> list[Id]:
    """Return the lanes of integrations, in their order."""
    rows = await world.store.fetch("SELECT integration_id, id FROM lane")
    found = {row[0]: row[1] for row in rows}
    return [found[it] for it in integrations]


async def close_lanes(world: World, integrations: Sequence[Id]) -> None:
    """Let them rest for an hour with work to do."""

    async def work(tx: Tx) -> None:
        await tx.executemany(
            "UPDATE lane SET closed_until = $2, next_due_at = $2, failures = 9,"
            " slots = 1 WHERE integration_id = $1",
            [(it, world.now + HOUR) for it in integrations],
        )

    await world.store.turn(work)


async def pile_up(world: World, heap: Heap) -> None:
    """Store a heap, in turns of a limited size. Times rise by a millisecond."""
    for start in range(0, heap.count, CHUNK):
        stop = min(start + CHUNK, heap.count)
        await world.store.turn(_store, world, heap, start, stop)


async def _store(tx: Tx, world: World, heap: Heap, start: int, stop: int) -> None:
    numbers = range(start, stop)
    keys = [(new_id(), new_id(), n, heap.at + n) for n in numbers]
    await tx.executemany(
        INCIDENT,
        [
            (incident, world.project, world.server, heap.incident_status.value, at)
            for incident, _, _, at in keys
        ],
    )
    places = len(heap.lanes)
    await tx.executemany(
        DELIVERY,
        [
            (
                *(delivery, world.project, heap.lanes[n % places]),
                *(heap.integrations[n % places], incident, heap.status),
                *(heap.due_at, at),
            )
            for incident, delivery, n, at in keys
        ],
    )
    if heap.logged:
        await append(tx, [_entry(world, heap, key) for key in keys])


def _entry(world: World, heap: Heap, key: tuple[Id, Id, int, int]) -> Entry:
    incident, delivery, n, at = key
    integration = heap.integrations[n % len(heap.integrations)]
    body: dict[str, Any] = {
        "delivery": {
            "id": encode("Delivery", delivery),
            "status": "PENDING",
            "attemptCount": 0,
            "integration": None,
            "incident": None,
        },
        "attempt": None,
    }
    return Entry(
        project_id=world.project,
        kind="delivery",
        delivery_id=delivery,
        integration_id=integration,
        incident_id=incident,
        body=body,
        at=at,
    )
