"""Messages outside incidents: no incident, no number, on a lane of their own for each
project and channel. Otherwise they go the way of all deliveries.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from delivery import bodies, lanes, log
from delivery.changes import About, Standing, change
from delivery.classify import classify
from domain.channels import Channel, RetryLimits
from domain.deliveries import DeliveryKind, DeliveryStatus, Outcome, OutcomeKind
from domain.ids import Id, encode, new_id
from domain.steps import Reply, Step
from domain.timing import MINUTE
from models.store import Tx

LIFE: Final = 10 * MINUTE
"""How long such a message is of use, and so is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message: `steps` refer to what must not be stored with them."""

    delivery_id: Id
    project_id: Id
    kind: DeliveryKind
    steps: Iterable[Step]


_OPEN_LANE: Final = """
INSERT INTO lane (id, project_id, channel, slots, closed_until, failures, gone)
VALUES ($1, $2, $3, $4, 0, 0, 0)
ON CONFLICT (project_id, channel) WHERE integration_id IS NULL DO NOTHING"""

_LANE: Final = """
SELECT id FROM lane
WHERE project_id = $1 AND channel = $2 AND integration_id IS NULL"""

_INSERT: Final = """
INSERT INTO delivery
 (id, project_id, lane_id, kind, manual, status, due_at, expires_at, attempts, body,
  next_step, message_id, term, created_at, updated_at)
VALUES ($1, $2, $3, $4, FALSE, 0, $5, $6, 0, $7, 0, $8, 0, $5, $5)"""


async def send(tx: Tx, channel: Channel, message: Message, now: int) -> None:
    """Have a message sent over a channel, due now."""
    lane = (message.project_id, channel.type_name)
    await tx.execute(_OPEN_LANE, new_id(), *lane, channel.slots)
    lane_id = Id(await tx.fetchval(_LANE, *lane))
    await tx.execute(
        _INSERT,
        message.delivery_id,
        message.project_id,
        lane_id,
        message.kind.value,
        now,
        now + LIFE,
        bodies.dump(message.steps),
        encode("Delivery", message.delivery_id),
    )
    about = About(
        project_id=message.project_id,
        delivery_id=message.delivery_id,
        integration_id=None,
        integration_type=channel.type_name,
        integration_name="",
    )
    pending = Standing(status=DeliveryStatus.PENDING, attempts=0, incident_status=None)
    await log.append(tx, [change(about, pending, now)])
    await lanes.wake(tx, [lane_id], now)


def outside(channel: Channel) -> Channel:
    """Return a channel as it is outside incidents: what it sends is soon of no use, and
    one recipient who is refused says nothing of the others on the lane.
    """

    def verdict(step: Step, reply: Reply, now: int) -> Outcome:
        outcome = classify(channel, step, reply, now)
        gone = outcome.kind is OutcomeKind.GONE
        return replace(outcome, kind=OutcomeKind.REJECTED) if gone else outcome

    limits = RetryLimits(attempts=channel.retry.attempts, max_age=LIFE)
    return replace(channel, retry=limits, classify=verdict)
