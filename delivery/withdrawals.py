"""Cancelling deliveries that wait, because somebody asks for it."""

from collections.abc import Sequence
from typing import Final

from delivery import lanes
from delivery.cancelling import cancel
from delivery.id_lists import within
from delivery.many_redeliveries import Part, Seen, SkipReason
from domain.deliveries import CancelReason, DeliveryStatus
from domain.faults import Code, refuse
from domain.ids import Id
from models.store import Row, Tx

_PATH: Final = ("input", "deliveryId")

_FIND: Final = """
SELECT id, incident_id, lane_id, status, attempts, manual FROM delivery
WHERE project_id = $1 AND id """

_LOCK_INCIDENTS: Final = """
SELECT 1 FROM incident WHERE id = ANY($1::uuid[]) ORDER BY id FOR SHARE"""

_NOW: Final = "SELECT status FROM delivery WHERE id = $1"


async def withdraw(tx: Tx, project_id: Id, delivery_id: Id, now: int) -> None:
    """Cancel a delivery that waits; what waited for it takes its turn. One that is
    cancelled already stays as it is. Raise RefusedError where it does not wait.
    """
    condition, listed = within(tx.dialect, [delivery_id], first=2)
    row = await tx.fetchrow(_FIND + condition, project_id, *listed)
    if row is None:
        message = "There is no delivery with this id."
        raise refuse(Code.DELIVERY_NOT_FOUND, message, *_PATH)
    done = await _withdraw(tx, [row], now)
    # A worker may have been faster.
    status = DeliveryStatus(await tx.fetchval(_NOW, delivery_id))
    if not done and status is not DeliveryStatus.CANCELLED:
        raise refuse(Code.UNPROCESSABLE_ENTITY, _unable(status), *_PATH)


def _unable(status: DeliveryStatus) -> str:
    if status.finished:
        return "It has ended: there is nothing left to cancel."
    return (
        "It is being sent right now, which is not torn off. If it does not arrive it "
        "waits to be tried again: cancel it then."
    )


async def withdraw_many(
    tx: Tx, project_id: Id, wanted: Sequence[Seen], now: int
) -> Part:
    """Cancel those that wait; what waited for them takes its turn. Give the newest
    first, or what follows one of them may be sent before it is cancelled itself.
    """
    condition, listed = within(tx.dialect, [it[0] for it in wanted], first=2)
    rows = await tx.fetch(_FIND + condition, project_id, *listed)
    done = await _withdraw(tx, rows, now)
    part = Part(done=done)
    # Counted from before: what a worker took meanwhile is being sent.
    waiting = [it for it in rows if it["status"] in _WAITING]
    part.skipped[SkipReason.SENDING] += len(waiting) - done
    part.skipped[SkipReason.CHANGED] += len(wanted) - len(rows)
    for row in rows:
        if row["status"] not in _WAITING:
            part.skipped[skipped(row["status"])] += 1
    return part


_WAITING: Final = {DeliveryStatus.PENDING, DeliveryStatus.RETRYING}


def skipped(status: int) -> SkipReason:
    """Return why a delivery with this status, which does not wait, stays as it is."""
    sending = status == DeliveryStatus.SENDING
    return SkipReason.SENDING if sending else SkipReason.ENDED


async def _withdraw(tx: Tx, rows: Sequence[Row], now: int) -> int:
    """Cancel deliveries and return how many waited. Lock order: incidents first."""
    incidents = sorted({it["incident_id"] for it in rows if it["incident_id"]})
    if tx.dialect == "postgres":
        await tx.fetch(_LOCK_INCIDENTS, incidents)
    condition, listed = within(tx.dialect, [it["id"] for it in rows])
    done = await cancel(tx, f"d.id {condition}", listed, CancelReason.OPERATOR, now)
    cancelled = {it.delivery_id for it in done}
    over = [it for it in rows if it["id"] in cancelled]
    chains = {
        (it["incident_id"], it["lane_id"])
        for it in over
        if it["incident_id"] and not it["manual"]
    }
    await lanes.promote(tx, sorted(chains), now)
    await lanes.wake_waiting(tx, sorted({it["lane_id"] for it in over}))
    return len(done)
