"""What the event log says of a delivery: a snapshot of the fields that followers see.

Replay and live show the same, because both show this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from delivery.log import Entry
from domain.deliveries import DeliveryStatus
from domain.ids import Id, encode

KIND: Final = "delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What does not change with the delivery's state, but for the incident's status."""

    project_id: Id
    delivery_id: Id
    integration_id: Id | None
    integration_type: str
    integration_name: str
    incident_id: Id | None = None
    incident_status: str | None = None


def change(
    about: About,
    status: DeliveryStatus,
    attempts: int,
    at: int,
    attempt: Mapping[str, Any] | None = None,
) -> Entry:
    """Return the log entry of a delivery that now stands like this."""
    shown = {
        "id": encode("Delivery", about.delivery_id),
        "status": status.name,
        "attemptCount": attempts,
        "integration": _integration(about),
        "incident": _incident(about),
    }
    return Entry(
        project_id=about.project_id,
        kind=KIND,
        delivery_id=about.delivery_id,
        integration_id=about.integration_id,
        incident_id=about.incident_id,
        body={"delivery": shown, "attempt": attempt},
        at=at,
    )


def _integration(about: About) -> dict[str, str] | None:
    if about.integration_id is None:
        return None
    return {
        "type": about.integration_type,
        "id": encode("Integration", about.integration_id),
        "name": about.integration_name,
    }


def _incident(about: About) -> dict[str, str | None] | None:
    if about.incident_id is None:
        return None
    return {
        "id": encode("Incident", about.incident_id),
        "status": about.incident_status,
    }
