"""What the API and sources may do to incidents. Each is one transaction: an answer
means that the incident, its event and the deliveries are on disk.
"""

from dataclasses import dataclass, replace

from delivery import incident_state
from delivery.events import Channels, Happening, append
from delivery.incident_state import IncidentState
from domain.faults import Code, refuse
from domain.ids import Id, new_id
from domain.incidents import EventKind, IncidentStatus, Severity
from models.store import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Something is wrong with a resource. Without a key it is an incident of its own.
    `actor` names whoever reports it.
    """

    project_id: Id
    resource_type: str
    resource_id: Id | None
    resource_name: str
    resource_url: str
    incident_type: str
    message: str
    severity: Severity
    dedup_key: str | None = None
    actor: str | None = None
    test: bool = False


async def report(tx: Tx, channels: Channels, report: Report, now: int) -> Id:
    """Open an incident, or add the report to the open one with its key; return its id.

    Raise RefusedError when that one is of another resource.
    """
    key = report.dedup_key
    while True:
        found = None
        if key is not None:
            found = await incident_state.lock_by_key(tx, report.project_id, key)
        if found:
            return await _add(tx, channels, found, report, now)
        opened = _opened(report, now)
        # On PostgreSQL a rival may have been faster; then there is one to be found.
        if await incident_state.insert(tx, opened, now):
            what = Happening(kind=EventKind.OPENED, actor=report.actor, at=now)
            await append(tx, channels, opened, what)
            return opened.id


def _opened(report: Report, now: int) -> IncidentState:
    return IncidentState(
        id=new_id(),
        project_id=report.project_id,
        resource_type=report.resource_type,
        resource_id=report.resource_id,
        resource_name=report.resource_name,
        resource_url=report.resource_url,
        dedup_key=report.dedup_key,
        incident_type=report.incident_type,
        message=report.message,
        severity=report.severity,
        status=IncidentStatus.TRIGGERED,
        test=report.test,
        next_number=1,
        alert_count=1,
        started_at=now,
        acknowledged_at=None,
        resolved_at=None,
        created_at=now,
    )


async def _add(
    tx: Tx, channels: Channels, found: IncidentState, report: Report, now: int
) -> Id:
    if _resource(found) != _resource(report):
        message = "An open incident of another resource has this key."
        raise refuse(Code.VALIDATION_ERROR, message, "input", "dedupKey")
    counted = replace(found, alert_count=found.alert_count + 1)
    what = Happening(kind=EventKind.ALERT_ADDED, actor=report.actor, at=now)
    added = await append(tx, channels, counted, what)
    updated = replace(
        added,
        incident_type=report.incident_type,
        message=report.message,
        severity=report.severity,
    )
    if updated != added:
        what = replace(what, kind=EventKind.UPDATED)
        await append(tx, channels, updated, what)
    return found.id


def _resource(it: IncidentState | Report) -> tuple[object, ...]:
    """Return what makes a resource the same; one without an id goes by its name."""
    return it.resource_type, it.resource_id, it.resource_id or it.resource_name


async def acknowledge(  # noqa: PLR0913, PLR0917 - what it takes to name one
    tx: Tx,
    channels: Channels,
    project_id: Id,
    incident: Id | None,
    dedup_key: str | None,
    actor: str | None,
    now: int,
) -> Id:
    """Acknowledge an open incident, named by id or by key; return its id.

    One that is acknowledged stays as it is. Raise RefusedError when none is open.
    """
    found = await _open(tx, project_id, incident, dedup_key)
    if found.status is not IncidentStatus.ACKNOWLEDGED:
        status = IncidentStatus.ACKNOWLEDGED
        after = replace(found, status=status, acknowledged_at=now)
        what = Happening(kind=EventKind.ACKNOWLEDGED, actor=actor, at=now)
        await append(tx, channels, after, what)
    return found.id


async def resolve(  # noqa: PLR0913, PLR0917 - what it takes to name one
    tx: Tx,
    channels: Channels,
    project_id: Id,
    incident: Id | None,
    dedup_key: str | None,
    actor: str | None,
    now: int,
) -> Id:
    """Resolve an open incident, named by id or by key; return its id.

    Raise RefusedError when none is open.
    """
    found = await _open(tx, project_id, incident, dedup_key)
    after = replace(found, status=IncidentStatus.RESOLVED, resolved_at=now)
    what = Happening(kind=EventKind.RESOLVED, actor=actor, at=now)
    await append(tx, channels, after, what)
    return found.id


async def _open(
    tx: Tx, project_id: Id, incident: Id | None, dedup_key: str | None
) -> IncidentState:
    if (incident is None) == (dedup_key is None):
        message = "Name the incident by its id or by its key."
        raise refuse(Code.VALIDATION_ERROR, message, "input")
    if incident is not None:
        name, found = (
            "incidentId",
            await incident_state.lock_by_id(tx, project_id, incident),
        )
    else:
        name, found = (
            "dedupKey",
            await incident_state.lock_by_key(tx, project_id, dedup_key or ""),
        )
    if found is None or found.status is IncidentStatus.RESOLVED:
        message = "There is no such open incident."
        raise refuse(Code.INCIDENT_NOT_FOUND, message, "input", name)
    return found
