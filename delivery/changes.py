"""What the event log says of a delivery: a snapshot of the fields that followers see.

Replay and live show the same, because both show this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from delivery.log import Entry
from domain.deliveries import DeliveryStatus
from domain.ids import Id, encode

KIND: Final = "delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What of a delivery does not change with its state."""

    project_id: Id
    delivery_id: Id
    integration_id: Id | None
    integration_type: str
    integration_name: str
    incident_id: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a delivery stands now: `attempt` as it is shown, if one has just ended."""

    status: DeliveryStatus
    attempts: int
    incident_status: str | None
    attempt: Mapping[str, Any] | None = None


def change(about: About, now: Standing, at: int) -> Entry:
    """Return the log entry of a delivery that has come to stand like this."""
    shown = {
        "id": encode("Delivery", about.delivery_id),
        "status": now.status.name,
        "attemptCount": now.attempts,
        "integration": _integration(
            about.integration_id, about.integration_type, about.integration_name
        ),
        "incident": _incident(about.incident_id, now.incident_status),
    }
    return Entry(
        project_id=about.project_id,
        kind=KIND,
        delivery_id=about.delivery_id,
        integration_id=about.integration_id,
        incident_id=about.incident_id,
        body={"delivery": shown, "attempt": now.attempt},
        at=at,
    )


# Many deliveries share these; nobody changes what they return.
@lru_cache(maxsize=1024)
def _integration(
    integration: Id | None, type_name: str, name: str
) -> Mapping[str, str] | None:
    if integration is None:
        return None
    return {"type": type_name, "id": encode("Integration", integration), "name": name}


@lru_cache(maxsize=1024)
def _incident(
    incident: Id | None, status: str | None
) -> Mapping[str, str | None] | None:
    if incident is None:
        return None
    return {"id": encode("Incident", incident), "status": status}
