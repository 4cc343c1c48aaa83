"""What can be said of a delivery and of one try of it. Source: design, section 1."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum, unique
from typing import Any


@unique
class DeliveryStatus(IntEnum):
    """Where a delivery stands. The numbers are stored and used by partial indexes:
    0 and 2 wait, 1 holds a slot, 3 and above are ended or wait for nothing of ours.
    """

    PENDING = 0
    SENDING = 1
    RETRYING = 2
    AWAITING_RECEIPT = 3
    DELIVERED = 4
    FAILED = 5
    CANCELLED = 6

    @property
    def finished(self) -> bool:
        """Whether the worker has nothing left to do for it."""
        return self >= DeliveryStatus.AWAITING_RECEIPT


@unique
class DeliveryKind(StrEnum):
    """What a delivery tells: an event of its incident, or a message outside incidents.

    The events are those of `domain.incidents.EventKind`.
    """

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
    VERIFICATION = "VERIFICATION"


@unique
class OutcomeKind(IntEnum):
    """How one try ended. The numbers are stored."""

    SENT = 0
    SENT_UNCONFIRMED = 1
    RETRY = 2
    RATE_LIMITED = 3
    REJECTED = 4
    GONE = 5
    UNKNOWN = 6


@unique
class CancelReason(StrEnum):
    """Why a delivery was not sent."""

    INTEGRATION_DISABLED = "INTEGRATION_DISABLED"
    INTEGRATION_UNVERIFIED = "INTEGRATION_UNVERIFIED"
    INTEGRATION_DELETED = "INTEGRATION_DELETED"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    INCIDENT_CLOSED = "INCIDENT_CLOSED"
    SUPERSEDED = "SUPERSEDED"
    STALE = "STALE"
    OPERATOR = "OPERATOR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The verdict on one try.

    `error` is a sentence for people and `excerpt` the start of the answer; both are
    scrubbed of secrets before they are stored. `retry_after_ms` is what the far end
    asked for, unbounded. `at_once` marks a GONE that needs no second witness (410).
    `far_end` is what the far end returned and later steps need (Slack `ts` …).
    `final` says that nothing may be tried again, `cancels` that it was found needless.
    `learned` are output-only settings that the far end told us of, by name.
    """

    kind: OutcomeKind
    error: str | None = None
    status_code: int | None = None
    retry_after_ms: int | None = None
    excerpt: str | None = None
    at_once: bool = False
    far_end: Mapping[str, Any] = field(default_factory=dict)
    final: bool = False
    cancels: CancelReason | None = None
    learned: Mapping[str, Any] = field(default_factory=dict)
