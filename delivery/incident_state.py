"""The row of an incident while a transaction holds its lock.

The lock gives the incident's events their order, and keeps deliveries from being
promoted while others are added.
"""

# ruff: noqa: S608 - statements are put together from constants only

from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Final, Self

from domain.ids import ZERO, Id
from domain.incidents import EventKind, IncidentStatus, Severity, Snapshot
from models.store import Row, Tx, marks


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentState:
    """An incident as it is, or as this transaction will leave it."""

    id: Id
    project_id: Id
    resource_type: str
    resource_id: Id | None
    resource_name: str
    resource_url: str
    dedup_key: str | None
    incident_type: str
    message: str
    severity: Severity
    status: IncidentStatus
    test: bool
    next_number: int
    alert_count: int
    started_at: int
    acknowledged_at: int | None
    resolved_at: int | None
    created_at: int

    @classmethod
    def of(cls, row: Row) -> Self:
        """Read a row."""
        values = {name: row[name] for name in _NAMES}
        values["severity"] = Severity(values["severity"])
        values["status"] = IncidentStatus(values["status"])
        values["test"] = bool(values["test"])
        return cls(**values)

    def snapshot(self, kind: EventKind, number: int, at: int) -> Snapshot:
        """Return what rendering may know of an event."""
        return Snapshot(
            kind=kind,
            number=number,
            at=at,
            incident_id=self.id,
            incident_type=self.incident_type,
            message=self.message,
            severity=self.severity,
            status=self.status,
            started_at=self.started_at,
            resolved_at=self.resolved_at,
            resource_name=self.resource_name,
            resource_url=self.resource_url,
            resource_type=self.resource_type,
            dedup_key=self.dedup_key,
            test=self.test,
        )


_NAMES: Final = [field.name for field in fields(IncidentState)]

_INSERT: Final = f"""
INSERT INTO incident ({", ".join(_NAMES)}, source_id, dedup_hash, updated_at)
VALUES ({marks(len(_NAMES) + 3)})
ON CONFLICT (project_id, source_id, dedup_hash) WHERE status <> 'RESOLVED' DO NOTHING"""

_SAVE: Final = """
UPDATE incident SET incident_type = $2, message = $3, severity = $4, status = $5,
 next_number = $6, alert_count = $7, acknowledged_at = $8, resolved_at = $9,
 updated_at = $10
WHERE id = $1"""

_SELECT: Final = f"SELECT {', '.join(_NAMES)} FROM incident WHERE project_id = $1 AND "
_BY_ID: Final = _SELECT + "id = $2"
_BY_KEY: Final = _SELECT + "source_id = $2 AND dedup_hash = $3 AND status <> 'RESOLVED'"


def hash_of(dedup_key: str) -> bytes:
    """Return what of a key, which may be long, is unique and looked for."""
    return sha256(dedup_key.encode()).digest()


async def insert(tx: Tx, incident: IncidentState, now: int) -> bool:
    """Store a new incident; return False if one with its key is open.

    PostgreSQL waits for a rival that has not committed yet.
    """
    values = [getattr(incident, name) for name in _NAMES]
    key = incident.dedup_key
    hashed = None if key is None else hash_of(key)
    return await tx.execute(_INSERT, *values, ZERO, hashed, now) == 1


async def save(tx: Tx, it: IncidentState, now: int) -> None:
    """Store what may change of an incident whose row is locked."""
    await tx.execute(
        _SAVE,
        it.id,
        it.incident_type,
        it.message,
        it.severity,
        it.status,
        it.next_number,
        it.alert_count,
        it.acknowledged_at,
        it.resolved_at,
        now,
    )


async def lock_by_id(tx: Tx, project_id: Id, incident_id: Id) -> IncidentState | None:
    """Lock and return an incident of a project."""
    row = await tx.fetchrow(_BY_ID + _lock(tx), project_id, incident_id)
    return None if row is None else IncidentState.of(row)


async def lock_by_key(tx: Tx, project_id: Id, dedup_key: str) -> IncidentState | None:
    """Lock and return the open incident with a key."""
    found = (project_id, ZERO, hash_of(dedup_key))
    row = await tx.fetchrow(_BY_KEY + _lock(tx), *found)
    return None if row is None else IncidentState.of(row)


def _lock(tx: Tx) -> str:
    return " FOR UPDATE" if tx.dialect == "postgres" else ""
