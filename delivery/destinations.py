"""Who is told of an incident event. The queries find whom it may concern; the rest is
pure: whether a channel wants it, and what stands in the way.
"""

# ruff: noqa: S608 - statements are put together from constants only

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from delivery.id_lists import within
from delivery.incident_state import IncidentState
from domain.channels import Channel
from domain.deliveries import CancelReason
from domain.ids import Id
from domain.incidents import COMPUTES_DESTINATIONS, DOWN_ALERTS, EventKind
from models.store import Row, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An integration that an event may concern."""

    integration_id: Id
    lane_id: Id
    type: str
    name: str
    term: int = 0
    active: bool = True
    verified: bool = True
    down_alerts_only: bool = False


def hears(channel: Channel | None, target: Target, kind: EventKind) -> bool:
    """Tell whether an integration is to hear of an event of this kind."""
    if channel is None or kind not in channel.wants:
        return False
    if kind is EventKind.UPDATED and not channel.updates_in_place:
        return False
    asked_for = kind is EventKind.TEST  # by somebody who waits for it
    return kind in DOWN_ALERTS or asked_for or not target.down_alerts_only


def obstacle(target: Target) -> CancelReason | None:
    """Return why an integration that should hear of an event cannot."""
    if not target.active:
        return CancelReason.INTEGRATION_DISABLED
    if not target.verified:
        return CancelReason.INTEGRATION_UNVERIFIED
    return None


async def find(tx: Tx, incident: IncidentState, kind: EventKind) -> list[Target]:
    """Return the integrations that an event may concern, oldest first.

    What opens an incident goes to what is attached to its resource or hears of all;
    all else to those that were told of this incident before.
    """
    if kind in COMPUTES_DESTINATIONS:
        args = (incident.project_id, incident.resource_type, incident.resource_id)
        return [_target(row) for row in await tx.fetch(OF_RESOURCE, *args)]
    return [_target(row) for row in await tx.fetch(_TOLD, incident.id)]


async def among(tx: Tx, integrations: Sequence[Id]) -> list[Target]:
    """Return certain integrations, oldest first."""
    condition, listed = within(tx.dialect, integrations)
    rows = await tx.fetch(f"{_ANY} AND n.id {condition} ORDER BY n.id", *listed)
    return [_target(row) for row in rows]


_ANY: Final = """
SELECT n.id, l.id AS lane_id, n.type, n.name, n.term, n.active, n.verified,
 n.down_alerts_only
FROM integration n JOIN lane l ON l.integration_id = n.id
WHERE n.deleted_at IS NULL"""

_TARGET: Final = f"{_ANY} AND n.id IN "

OF_RESOURCE: Final = f"""{_TARGET}
 (SELECT integration_id FROM attachment
  WHERE project_id = $1 AND resource_type = $2 AND resource_id = $3
  UNION SELECT id FROM integration
  WHERE project_id = $1 AND all_resources AND deleted_at IS NULL)
ORDER BY n.id"""

_TOLD: Final = f"""{_TARGET}
 (SELECT integration_id FROM delivery WHERE incident_id = $1 AND status <> 6)
ORDER BY n.id"""


def _target(row: Row) -> Target:
    return Target(
        integration_id=row["id"],
        lane_id=row["lane_id"],
        type=row["type"],
        name=row["name"],
        term=row["term"],
        active=bool(row["active"]),
        verified=bool(row["verified"]),
        down_alerts_only=bool(row["down_alerts_only"]),
    )
