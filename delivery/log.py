"""The event log: every change as it was, in one order, kept for some days.

Writers append inside their own transaction. The position, by which events are read,
is given on SQLite by the key itself and on PostgreSQL afterwards by the relay
(`delivery/relay.py`), so that no late commit slips in behind a reader's back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from domain.deliveries import DeliveryStatus
from domain.ids import Id
from models.store import Tx

TAIL: Final = "tail"
"""Topic: the log has new rows with a position."""

UNNUMBERED: Final = "log"
"""Topic, PostgreSQL: the log has new rows that the relay has to number."""

DELIVERY: Final = "delivery"
"""Kind of the events that tell of a delivery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change to be logged: `body` is what replay and live show alike (JSON, ids
    as text); the ids beside it are what followers filter by. `at` in ms.
    """

    project_id: Id
    kind: str
    delivery_id: Id | None = None
    integration_id: Id | None = None
    incident_id: Id | None = None
    body: Mapping[str, Any] = field(repr=False)
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """An entry with its place in the log; `cursor` resumes right after it."""

    position: int
    cursor: str
    project_id: Id
    kind: str
    delivery_id: Id | None
    integration_id: Id | None
    incident_id: Id | None
    body: Mapping[str, Any] = field(repr=False)
    at: int

    @property
    def status(self) -> DeliveryStatus | None:
        """The status that the delivery had then; `None` for other kinds."""
        delivery = self.body.get("delivery")
        return DeliveryStatus[delivery["status"]] if delivery else None


_INTO: Final = """
INSERT INTO event_log
 (project_id, kind, delivery_id, integration_id, incident_id, body, at)"""

_SQLITE: Final = _INTO + " VALUES ($1, $2, $3, $4, $5, $6, $7)"

_POSTGRES: Final = (
    _INTO
    + """
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[],
                     $6::text[], $7::bigint[])"""
)


async def append(tx: Tx, entries: Sequence[Entry]) -> None:
    """Log the changes of this transaction, in their order, in one statement.

    Followers are told once it has committed.
    """
    if not entries:
        return
    rows = [_row(entry) for entry in entries]
    if tx.dialect == "sqlite":
        await tx.executemany(_SQLITE, rows)
        tx.note(TAIL)
    else:
        await tx.execute(_POSTGRES, *map(list, zip(*rows, strict=True)))
        tx.note(UNNUMBERED)


def _row(entry: Entry) -> tuple[Any, ...]:
    return (
        entry.project_id,
        entry.kind,
        entry.delivery_id,
        entry.integration_id,
        entry.incident_id,
        orjson.dumps(entry.body).decode(),
        entry.at,
    )
