"""What can be said of an incident. Source: design, section 1."""

from dataclasses import dataclass
from enum import StrEnum, unique

from domain.ids import Id


@unique
class Severity(StrEnum):
    """How bad it is, worst first."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
    INFO = "INFO"


@unique
class IncidentStatus(StrEnum):
    """Where an incident stands; all but RESOLVED count as open."""

    TRIGGERED = "TRIGGERED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    SILENCED = "SILENCED"
    RESOLVED = "RESOLVED"


@unique
class EventKind(StrEnum):
    """What happened to an incident; events are numbered 1, 2, 3 … per incident."""

    OPENED = "OPENED"
    ALERT_ADDED = "ALERT_ADDED"
    UPDATED = "UPDATED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    UNACKNOWLEDGED = "UNACKNOWLEDGED"
    SILENCED = "SILENCED"
    ESCALATED = "ESCALATED"
    RESOLVED = "RESOLVED"
    REOPENED = "REOPENED"
    TEST = "TEST"


DOWN_ALERTS = frozenset({EventKind.OPENED, EventKind.REOPENED, EventKind.ESCALATED})
"""The only events that an integration with `downAlertsOnly` hears of."""

TELLING_NOBODY = frozenset({EventKind.ALERT_ADDED})
"""Events that are recorded and never delivered."""

COMPUTES_DESTINATIONS = DOWN_ALERTS
"""Events for which destinations are worked out; all others follow the deliveries
that the incident already has."""


ABOUT_INTEGRATION = "Integration"
"""The resource type of tests, and of incidents about an integration that is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One incident event as it was when it happened: all that rendering may know.

    Stored as JSON with the event, so that a body can be rendered again after a
    crash and comes out the same. Times are milliseconds since the epoch.
    """

    kind: EventKind
    number: int
    at: int
    incident_id: Id
    incident_type: str
    message: str
    severity: Severity
    status: IncidentStatus
    started_at: int
    resolved_at: int | None
    resource_name: str
    resource_url: str
    resource_type: str
    dedup_key: str | None = None
    test: bool = False
