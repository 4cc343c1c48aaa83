"""Refusals: what a caller asked for and cannot have, as values with a code.

A rule that is broken is a `Fault`; `Refused` carries all of them at once. The API
shows them as `errors` of the mutation's payload, never as a 5xx.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any


@unique
class Code(StrEnum):
    """Codes of errors in mutation payloads. Sources: the seeds; design, section 5."""

    INTEGRATION_NOT_FOUND = "INTEGRATION_NOT_FOUND"
    SERVER_NOT_FOUND = "SERVER_NOT_FOUND"
    NETWORK_MONITOR_NOT_FOUND = "NETWORK_MONITOR_NOT_FOUND"
    INCIDENT_NOT_FOUND = "INCIDENT_NOT_FOUND"
    DELIVERY_NOT_FOUND = "DELIVERY_NOT_FOUND"
    USER_NOT_FOUND = "USER_NOT_FOUND"
    TEAM_NOT_FOUND = "TEAM_NOT_FOUND"
    NOTIFICATION_RULE_NOT_FOUND = "NOTIFICATION_RULE_NOT_FOUND"
    INVALID_REQUEST = "INVALID_REQUEST"
    UNPROCESSABLE_ENTITY = "UNPROCESSABLE_ENTITY"
    VALIDATION_ERROR = "VALIDATION_ERROR"
    READONLY_CHANNEL = "READONLY_CHANNEL"
    CHANNEL_MISMATCH = "CHANNEL_MISMATCH"
    CHANNEL_NOT_CONFIGURED = "CHANNEL_NOT_CONFIGURED"
    SECRET_REQUIRED = "SECRET_REQUIRED"  # noqa: S105 - the code of an error
    PAID_PLAN_REQUIRED = "PAID_PLAN_REQUIRED"
    HOST_KEY_UNCONFIRMED = "HOST_KEY_UNCONFIRMED"
    CONFIRMATION_REQUIRED = "CONFIRMATION_REQUIRED"
    CONFLICT = "CONFLICT"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    LIMIT_REACHED = "LIMIT_REACHED"
    VERIFICATION_CODE_INVALID = "VERIFICATION_CODE_INVALID"
    VERIFICATION_CODE_EXPIRED = "VERIFICATION_CODE_EXPIRED"
    VERIFICATION_LOCKED = "VERIFICATION_LOCKED"
    ALREADY_VERIFIED = "ALREADY_VERIFIED"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One broken rule: `path` leads into the mutation's input, names as in the API."""

    code: Code
    message: str
    path: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


class RefusedError(Exception):
    """The call is refused; carries every broken rule that was found."""

    def __init__(self, refusals: Iterable[Refusal]) -> None:
        """Keep the refusals in the order in which they were found."""
        self.refusals = tuple(refusals)
        super().__init__("; ".join(r.message for r in self.refusals))


def refuse(code: Code, message: str, *path: str, **data: object) -> RefusedError:
    """Return the error for a single broken rule."""
    return RefusedError([Refusal(code, message, path, data)])


class StorageUnavailableError(Exception):
    """The database cannot be written or read now; nothing was changed."""


class CommitInDoubtError(StorageUnavailableError):
    """The connection was lost while a change was committed: nobody knows whether it was
    made, whole, or not at all.
    """
