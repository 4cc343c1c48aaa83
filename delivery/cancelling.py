"""Cancelling deliveries that wait, with the reason and an entry in the event log."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from delivery import log
from delivery.changes import About, Standing, change
from delivery.id_lists import chunks, within
from delivery.log import Entry
from domain.deliveries import CancelReason, DeliveryStatus
from domain.ids import Id
from models.store import Row, Tx

_FIND: Final = """
SELECT d.id, d.project_id, d.integration_id, d.incident_id, d.lane_id, d.attempts,
       n.type, n.name, i.status AS incident_status
FROM delivery d LEFT JOIN integration n ON n.id = d.integration_id
LEFT JOIN incident i ON i.id = d.incident_id
WHERE d.status IN (0, 2) AND """

_CANCEL: Final = """
UPDATE delivery SET status = 6, due_at = NULL, cancel_reason = $1, updated_at = $2
WHERE status IN (0, 2) AND id """


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A delivery that was cancelled, and the lane in which it waited."""

    delivery_id: Id
    lane_id: Id


async def cancel(
    tx: Tx, where: str, args: Sequence[Any], reason: CancelReason, now: int
) -> list[Cancelled]:
    """Cancel the waiting deliveries (as `d`) that an SQL condition picks.

    Return those that were; one that a worker claimed meanwhile is not.
    """
    rows = {row["id"]: row for row in await tx.fetch(_FIND + where, *args)}
    done: list[Row] = []
    for ids in chunks(list(rows)):
        condition, listed = within(tx.dialect, ids, first=3)
        statement = f"{_CANCEL}{condition} RETURNING id, attempts"
        done += await tx.fetch(statement, reason.value, now, *listed)
    await log.append(tx, [_entry(rows[it["id"]], it["attempts"], now) for it in done])
    return [Cancelled(it["id"], rows[it["id"]]["lane_id"]) for it in done]


def _entry(row: Row, attempts: int, now: int) -> Entry:
    """Return what is logged; since its row was read it may have been tried once more."""
    stands = standing(row, DeliveryStatus.CANCELLED)
    return change(about(row), replace(stands, attempts=attempts), now)


def about(row: Row) -> About:
    """Return what the log says of a row of delivery, integration and incident."""
    return About(
        project_id=row["project_id"],
        delivery_id=row["id"],
        integration_id=row["integration_id"],
        integration_type=row["type"],
        integration_name=row["name"],
        incident_id=row["incident_id"],
    )


def standing(row: Row, status: DeliveryStatus) -> Standing:
    """Return how the delivery of such a row stands with a new status."""
    incident_status: str | None = row["incident_status"]
    return Standing(
        status=status, attempts=row["attempts"], incident_status=incident_status
    )
