"""Sending many deliveries once more: which of them can be, and having them sent.

They come in parts: each is one short turn, and what was done stays done.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any, Final

from delivery import lanes, log
from delivery.cancelling import about, standing
from delivery.changes import change
from delivery.id_lists import within
from delivery.relations import for_rows
from domain.channels import Channel
from domain.deliveries import CancelReason, DeliveryStatus
from domain.ids import Id
from models.store import Dialect, Row, Tx

AT_A_TIME: Final = 500
"""Deliveries of one turn; more would hold up every other writer."""


@unique
class SkipReason(StrEnum):
    """Why a delivery that was asked for is left as it is."""

    WAITING = "WAITING"
    SENDING = "SENDING"
    ENDED = "ENDED"
    NOT_REPEATABLE = "NOT_REPEATABLE"
    NOT_NEEDED = "NOT_NEEDED"
    INTEGRATION_DELETED = "INTEGRATION_DELETED"
    INTEGRATION_DISABLED = "INTEGRATION_DISABLED"
    INTEGRATION_UNVERIFIED = "INTEGRATION_UNVERIFIED"
    CHANNEL_NOT_CONFIGURED = "CHANNEL_NOT_CONFIGURED"
    TEST = "TEST"
    OUTSIDE_INCIDENTS = "OUTSIDE_INCIDENTS"
    CHANGED = "CHANGED"


Seen = tuple[Id, int, int]
"""A delivery as it was when it was listed: id, status, attempts."""


@dataclass(slots=True)
class Part:
    """What became of some of the deliveries that were asked for."""

    done: int = 0
    skipped: Counter[SkipReason] = field(default_factory=Counter)


_COLUMNS: Final = """
SELECT d.id, d.project_id, d.integration_id, d.incident_id, d.lane_id, d.status,
       d.attempts, d.kind, d.cancel_reason, n.type, n.name, n.term, n.active,
       n.verified, n.deleted_at, i.status AS incident_status
FROM delivery d LEFT JOIN integration n ON n.id = d.integration_id
LEFT JOIN incident i ON i.id = d.incident_id
WHERE d.project_id = $1 AND d.id """

_AGAIN_KINDS: Final = ("uuid", "bigint", "int")

_AGAIN: Final = """
UPDATE delivery SET status = 0, manual = TRUE, due_at = $1, expires_at = r.c2,
 term = r.c3, next_step = 0, cancel_reason = NULL, error = NULL, delivered_at = NULL,
 updated_at = $1
FROM {rows} WHERE id = r.c1"""

_NEEDLESS: Final = {
    CancelReason.SUPERSEDED,
    CancelReason.INCIDENT_CLOSED,
    CancelReason.NOT_APPLICABLE,
}

Fetch = Callable[..., Awaitable[list[Row]]]


@dataclass(frozen=True, slots=True)
class Choice:
    """What decides whether a delivery can be sent again. Tests are sent again only
    where they are asked for.
    """

    channels: Mapping[str, Channel]
    tests: bool = False

    def obstacle(self, row: Row) -> SkipReason | None:
        """Return why a delivery is not sent again."""
        status, reason = DeliveryStatus(row["status"]), row["cancel_reason"]
        if status is DeliveryStatus.SENDING:
            return SkipReason.SENDING
        if not status.finished:
            return SkipReason.WAITING
        if row["integration_id"] is None:
            return SkipReason.OUTSIDE_INCIDENTS
        if row["kind"] == "TEST" and not self.tests:
            return SkipReason.TEST
        if reason in _NEEDLESS:
            return SkipReason.NOT_NEEDED
        return self._unable(row)

    def _unable(self, row: Row) -> SkipReason | None:
        channel = self.channels.get(row["type"])
        if row["deleted_at"] is not None:
            return SkipReason.INTEGRATION_DELETED
        if channel is None:
            return SkipReason.CHANNEL_NOT_CONFIGURED
        if not channel.repeatable:
            return SkipReason.NOT_REPEATABLE
        if not row["active"]:
            return SkipReason.INTEGRATION_DISABLED
        return None if row["verified"] else SkipReason.INTEGRATION_UNVERIFIED


async def foresee(
    fetch: Fetch,
    dialect: Dialect,
    choice: Choice,
    project_id: Id,
    wanted: Sequence[Seen],
) -> Part:
    """Return what would become of deliveries."""
    able, part = await _sort(fetch, dialect, choice, project_id, wanted)
    part.done = len(able)
    return part


async def redeliver_many(
    tx: Tx, choice: Choice, project_id: Id, wanted: Sequence[Seen], now: int
) -> Part:
    """Have deliveries sent again: same message ids, same bodies, due now, each in its
    lane with its back-off and its limits. Those that cannot be, or have changed since
    they were listed, are skipped. At most AT_A_TIME.
    """
    condition, listed = within(tx.dialect, [it[0] for it in wanted], first=2)
    if tx.dialect == "postgres":
        await tx.fetch(_LOCK + condition + _IN_ORDER, project_id, *listed)
    able, part = await _sort(tx.fetch, tx.dialect, choice, project_id, wanted)
    part.done = len(able)
    rows = [(it["id"], _expires_at(choice, it, now), it["term"]) for it in able]
    await for_rows(tx, _AGAIN, _AGAIN_KINDS, rows, now)
    pending = DeliveryStatus.PENDING
    await log.append(tx, [change(about(it), standing(it, pending), now) for it in able])
    await lanes.wake_waiting(tx, sorted({it["lane_id"] for it in able}))
    return part


# Of what has ended only: who is sending is not to wait for us, nor we for them.
_LOCK: Final = """
SELECT 1 FROM delivery WHERE project_id = $1 AND status >= 3 AND id """
_IN_ORDER: Final = " ORDER BY id FOR UPDATE"


async def _sort(
    fetch: Fetch,
    dialect: Dialect,
    choice: Choice,
    project_id: Id,
    wanted: Sequence[Seen],
) -> tuple[list[Row], Part]:
    """Return those that can be sent again, in the order given, and why others cannot."""
    condition, listed = within(dialect, [it[0] for it in wanted], first=2)
    found = {
        row["id"]: row for row in await fetch(_COLUMNS + condition, project_id, *listed)
    }
    able: list[Row] = []
    part = Part()
    for key, status, attempts in wanted:
        row: Any = found.get(key)
        if row is None or (row["status"], row["attempts"]) != (status, attempts):
            part.skipped[SkipReason.CHANGED] += 1
        elif reason := choice.obstacle(row):
            part.skipped[reason] += 1
        else:
            able.append(row)
    return able, part


def _expires_at(choice: Choice, row: Row, now: int) -> int:
    return now + choice.channels[row["type"]].retry.max_age
