"""What is removed of history, in turns of a limited number of rows.

Each turn looks again at what it was given; what has changed meanwhile stays. On
PostgreSQL it takes the locks of incidents, but waits for none.
"""

# ruff: noqa: S608 - statements are put together from the table of kinds only

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from delivery.id_lists import within
from domain.ids import Id
from domain.resources import RESOURCES, ResourceKind
from models.store import Row, Tx

Remove = Callable[[Tx, Sequence[Id], int, int], Awaitable[int]]
"""`async def remove(tx, ids, before, limit)`: take away at most so many rows of what is
left of these, and return how many went: none, when there is nothing left to do."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one table. `find` reads those that ended before $1, after the place
    ($2, $3), at most $4, and whether they must be `kept` for now.
    """

    find: str
    remove: Remove


async def outside(tx: Tx, _: Sequence[Id], before: int, limit: int) -> int:
    """Remove deliveries outside incidents, the oldest first."""
    found = await tx.fetch(OUTSIDE, before, limit)
    return await _deliveries(tx, found, before, limit)


# The condition as the index has it.
OUTSIDE: Final = """
SELECT id, attempts FROM delivery
WHERE NOT (incident_id IS NOT NULL) AND status >= 4 AND updated_at < $1
ORDER BY updated_at, id LIMIT $2"""


async def _deliveries(tx: Tx, found: Sequence[Row], before: int, limit: int) -> int:
    """Remove deliveries with their attempts, as many as the limit allows."""
    chosen: list[Id] = []
    left = limit
    for row in found:
        left -= 1 + row["attempts"]
        if left < 0:
            break
        chosen.append(row["id"])
    if found and not chosen:  # one with more attempts than a turn may remove
        chosen.append(found[0]["id"])
        if removed := await tx.execute(_SOME_ATTEMPTS, chosen[0], limit):
            return removed
    condition, listed = within(tx.dialect, chosen, first=2)
    rows = await tx.fetch(f"{_DELIVERIES}{condition} RETURNING id", before, *listed)
    condition, listed = within(tx.dialect, [row["id"] for row in rows])
    return len(rows) + await tx.execute(_ATTEMPTS + condition, *listed)


_DELIVERIES: Final = (
    "DELETE FROM delivery WHERE status >= 4 AND updated_at < $1 AND id "
)

_ATTEMPTS: Final = "DELETE FROM attempt WHERE delivery_id "

_SOME_ATTEMPTS: Final = """
DELETE FROM attempt WHERE delivery_id = $1 AND number IN
 (SELECT number FROM attempt WHERE delivery_id = $1 ORDER BY number LIMIT $2)"""


async def _incidents(tx: Tx, ids: Sequence[Id], before: int, limit: int) -> int:
    """Deliveries go first: one that is redelivered meanwhile still has its event."""
    condition, listed = within(tx.dialect, ids, first=2)
    lock = " ORDER BY id FOR UPDATE SKIP LOCKED" if tx.dialect == "postgres" else ""
    held = await tx.fetch(_HOLD + condition + lock, before, *listed)
    condition, listed = within(tx.dialect, [row["id"] for row in held], first=3)
    found = await tx.fetch(OF_INCIDENTS.format(condition), before, limit, *listed)
    if removed := await _deliveries(tx, found, before, limit):
        return removed
    condition, listed = within(tx.dialect, listed)
    rows = await tx.fetch(_EMPTIED + condition, *listed)
    return await _in_order(tx, REST, [row["id"] for row in rows], limit)


_HOLD: Final = """
SELECT id FROM incident
WHERE (status = 'RESOLVED' OR test) AND updated_at < $1 AND id """

OF_INCIDENTS: Final = """
SELECT id, attempts FROM delivery
WHERE status >= 4 AND updated_at < $1 AND incident_id {} LIMIT $2"""

_EMPTIED: Final = """
SELECT id FROM incident WHERE NOT EXISTS
 (SELECT 1 FROM delivery d WHERE d.incident_id = incident.id) AND id """

REST: Final = (
    """
DELETE FROM far_end WHERE (incident_id, integration_id) IN
 (SELECT incident_id, integration_id FROM far_end WHERE incident_id {} LIMIT $1)""",
    """
DELETE FROM incident_event WHERE id IN
 (SELECT id FROM incident_event WHERE incident_id {} LIMIT $1)""",
    """
DELETE FROM incident WHERE id IN (SELECT id FROM incident WHERE id {} LIMIT $1)""",
)


async def _integrations(tx: Tx, ids: Sequence[Id], _: int, limit: int) -> int:
    """Remove deleted integrations that nothing tells of any more, with their lanes."""
    return await _in_order(tx, INTEGRATION, ids, limit)


INTEGRATION: Final = (
    """
DELETE FROM attachment WHERE id IN
 (SELECT id FROM attachment WHERE integration_id {} LIMIT $1)""",
    """
DELETE FROM lane WHERE id IN
 (SELECT id FROM lane WHERE integration_id {} LIMIT $1)""",
    """
DELETE FROM integration WHERE id IN
 (SELECT id FROM integration WHERE deleted_at IS NOT NULL AND id {} LIMIT $1)""",
)


def _resources(kind: ResourceKind) -> Remove:
    async def remove(tx: Tx, ids: Sequence[Id], _: int, limit: int) -> int:
        """Remove deleted resources that no incident names any more."""
        return await _in_order(tx, resource_statements(kind), ids, limit)

    return remove


def resource_statements(kind: ResourceKind) -> tuple[str, ...]:
    """Return what removes resources of a kind, with all that refers to them."""
    return (
        """
DELETE FROM attachment WHERE id IN
 (SELECT id FROM attachment WHERE resource_id {} LIMIT $1)""",
        f"""
DELETE FROM {kind.table} WHERE id IN
 (SELECT id FROM {kind.table} WHERE deleted_at IS NOT NULL AND id {{}} LIMIT $1)""",
    )


async def _in_order(
    tx: Tx, statements: Sequence[str], ids: Sequence[Id], limit: int
) -> int:
    """Run statements that remove rows, each when those before have nothing left."""
    condition, listed = within(tx.dialect, ids, first=2)
    removed = 0
    for statement in statements:
        if removed < limit:
            args = (limit - removed, *listed)
            removed += await tx.execute(statement.format(condition), *args)
    return removed


INCIDENTS: Final = """
SELECT id, updated_at AS ended_at, EXISTS (SELECT 1 FROM delivery d
 WHERE d.incident_id = incident.id AND (d.status < 4 OR d.updated_at >= $1)) AS kept
FROM incident WHERE (status = 'RESOLVED' OR test) AND updated_at < $1
AND (updated_at, id) > ($2, $3) ORDER BY updated_at, id LIMIT $4"""

INTEGRATIONS: Final = """
SELECT id, deleted_at AS ended_at, (EXISTS
 (SELECT 1 FROM delivery d WHERE d.integration_id = integration.id) OR EXISTS
 (SELECT 1 FROM notification_rule r WHERE r.integration_id = integration.id)) AS kept
FROM integration WHERE deleted_at < $1 AND (deleted_at, id) > ($2, $3)
ORDER BY deleted_at, id LIMIT $4"""


def deleted_resources(kind: ResourceKind) -> str:
    """Return what finds deleted resources of a kind; see `Kind`."""
    return f"""
SELECT id, deleted_at AS ended_at, EXISTS
 (SELECT 1 FROM incident i WHERE i.resource_id = {kind.table}.id) AS kept
FROM {kind.table} WHERE deleted_at < $1 AND (deleted_at, id) > ($2, $3)
ORDER BY deleted_at, id LIMIT $4"""


KINDS: Final = (
    Kind(INCIDENTS, _incidents),
    Kind(INTEGRATIONS, _integrations),
    *(Kind(deleted_resources(it), _resources(it)) for it in RESOURCES.values()),
)
"""In this order: what refers to others goes first."""
