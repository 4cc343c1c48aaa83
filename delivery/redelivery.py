"""Sending a delivery once more, because somebody asks for it."""

from collections.abc import Mapping
from typing import Final

from delivery import lanes, log
from delivery.cancelling import about, standing
from delivery.changes import change
from domain.channels import Channel
from domain.deliveries import DeliveryStatus
from domain.faults import Code, refuse
from domain.ids import Id
from models.store import Row, Tx

_PATH: Final = ("input", "deliveryId")

_TWICE: Final = (
    "What it does may have been done already, and would be done once more. If that is "
    "wanted, say confirm: true."
)

_FIND: Final = """
SELECT d.id, d.project_id, d.integration_id, d.incident_id, d.lane_id, d.status,
       d.due_at, d.attempts, n.type, n.name, n.term, n.active, n.verified, n.deleted_at,
       i.status AS incident_status
FROM delivery d LEFT JOIN integration n ON n.id = d.integration_id
LEFT JOIN incident i ON i.id = d.incident_id
WHERE d.project_id = $1 AND d.id = $2"""

_AGAIN: Final = """
UPDATE delivery SET status = 0, manual = TRUE, due_at = $2, expires_at = $3, term = $4,
 next_step = 0, cancel_reason = NULL, error = NULL, delivered_at = NULL, updated_at = $2
WHERE id = $1"""

_SOONER: Final = """
UPDATE delivery SET due_at = CASE WHEN due_at IS NULL THEN NULL ELSE CAST($2 AS BIGINT) END,
 expires_at = $3, term = $4, updated_at = $2
WHERE id = $1"""


async def redeliver(  # noqa: PLR0913 - who asks for what, and how sure they are
    tx: Tx,
    channels: Mapping[str, Channel],
    project_id: Id,
    delivery_id: Id,
    now: int,
    *,
    confirmed: bool = False,
) -> None:
    """Have a delivery sent again: same message id, same body, due now.

    One that ended stands outside the order of its incident from then on. One that
    waits is tried sooner, in its order. What must not be repeated has to be `confirmed`.
    Raise RefusedError.
    """
    lock = " FOR UPDATE OF d" if tx.dialect == "postgres" else ""
    row = await tx.fetchrow(_FIND + lock, project_id, delivery_id)
    if row is None:
        message = "There is no such delivery."
        raise refuse(Code.DELIVERY_NOT_FOUND, message, *_PATH)
    if row["integration_id"] is None:
        message = "A code is not sent twice: ask for another one."
        raise refuse(Code.UNPROCESSABLE_ENTITY, message, *_PATH)
    channel = channels.get(row["type"])
    if channel is None:
        message = "Its channel is no longer there."
        raise refuse(Code.UNPROCESSABLE_ENTITY, message, *_PATH)
    if reason := _unable(row):
        raise refuse(Code.UNPROCESSABLE_ENTITY, reason, *_PATH)
    if not channel.repeatable and not confirmed:
        raise refuse(Code.CONFIRMATION_REQUIRED, _TWICE, "input", "confirm")
    ended = DeliveryStatus(row["status"]).finished
    expires_at = now + channel.retry.max_age
    again = (row["id"], now, expires_at, row["term"])
    await tx.execute(_AGAIN if ended else _SOONER, *again)
    if ended:
        entry = change(about(row), standing(row, DeliveryStatus.PENDING), now)
        await log.append(tx, [entry])
    await lanes.probe(tx, row["lane_id"], now)


def _unable(row: Row) -> str | None:
    """Return why it cannot be sent now."""
    if row["status"] == DeliveryStatus.SENDING:
        return "It is being sent right now."
    if row["deleted_at"] is not None:
        return "Its integration was deleted."
    if not row["active"]:
        return "Its integration is disabled."
    return None if row["verified"] else "Its integration is not verified."
