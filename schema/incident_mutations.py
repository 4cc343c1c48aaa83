"""Incidents: report, acknowledge, resolve."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import strawberry

from delivery.incidents import Report, acknowledge, report, resolve
from domain.faults import Code
from domain.ids import Id
from domain.incidents import Severity
from domain.scopes import Scope
from models.store import Tx
from schema.checks import Checks
from schema.context import Info
from schema.errors import Payload
from schema.incidents import Incident
from schema.node import find_row, id_of
from schema.reported_resource import (
    InlineResourceInput,
    Reported,
    reported_resource,
)
from schema.scopes import mutation
from schema.turns import Done, carry_out

MESSAGE_MOST: Final = 10_000


@strawberry.input(
    description="Exactly one of `serverId`, `networkMonitorId` and `resource` says what "
    "it is about."
)
class ReportIncidentInput:
    """What `reportIncident` takes."""

    incident_type: str = strawberry.field(
        description="What is wrong, in a word or two: `timeout`. 1 to 255 characters.",
    )
    message: str = strawberry.field(
        description=f"What is wrong, in full. 1 to {MESSAGE_MOST} characters.",
    )
    severity: Severity = Severity.HIGH
    dedup_key: str | None = strawberry.field(
        default=None,
        description="Reports with the key of an open incident are added to that; "
        "without a key each report is an incident of its own. 1 to 255 characters.",
    )
    server_id: strawberry.ID | None = strawberry.UNSET
    network_monitor_id: strawberry.ID | None = strawberry.UNSET
    resource: InlineResourceInput | None = strawberry.UNSET
    idempotency_key: str | None = None


@strawberry.input(description="Names an incident by exactly one of the two.")
class AcknowledgeIncidentInput:
    """What `acknowledgeIncident` takes."""

    incident_id: strawberry.ID | None = None
    dedup_key: str | None = None


@strawberry.input(description="Names an incident by exactly one of the two.")
class ResolveIncidentInput:
    """What `resolveIncident` takes."""

    incident_id: strawberry.ID | None = None
    dedup_key: str | None = None


@strawberry.type
class ReportIncidentPayload(Payload):
    """What `reportIncident` answers."""

    incident: Incident | None = None


@strawberry.type
class AcknowledgeIncidentPayload(Payload):
    """What `acknowledgeIncident` answers."""

    incident: Incident | None = None


@strawberry.type
class ResolveIncidentPayload(Payload):
    """What `resolveIncident` answers."""

    incident: Incident | None = None


def _check(given: ReportIncidentInput) -> Checks:
    checks = Checks()
    checks.text(given.incident_type, "input", "incidentType")
    checks.lines(given.message, "input", "message", most=MESSAGE_MOST)
    if given.dedup_key is not None:
        checks.text(given.dedup_key, "input", "dedupKey")
    return checks


async def _report(info: Info, given: ReportIncidentInput, tx: Tx, now: int) -> Done:
    context, checks = info.context, _check(given)
    resource = await reported_resource(tx, context.project_id, given, checks)
    made = _report_of(info, given, checks.need(resource))
    return Done(await report(tx, context.services.channels, made, now))


def _report_of(info: Info, given: ReportIncidentInput, resource: Reported) -> Report:
    return Report(
        project_id=info.context.project_id,
        **resource,
        incident_type=given.incident_type,
        message=given.message,
        severity=given.severity,
        dedup_key=given.dedup_key,
        actor=info.context.actor,
    )


Change = Callable[..., Awaitable[Id]]


async def _change(
    change: Change,
    info: Info,
    given: AcknowledgeIncidentInput | ResolveIncidentInput,
    tx: Tx,
    now: int,
) -> Done:
    context = info.context
    incident_id = _named(given)
    who = (context.project_id, incident_id, given.dedup_key, context.actor)
    return Done(await change(tx, context.services.channels, *who, now))


def _named(given: AcknowledgeIncidentInput | ResolveIncidentInput) -> Id | None:
    """Return the id that is given, if any; refuse what names no incident."""
    checks = Checks()
    if (given.incident_id is None) == (given.dedup_key is None):
        checks.refuse("Give exactly one of incidentId and dedupKey.", "input")
    if given.dedup_key is not None:
        checks.text(given.dedup_key, "input", "dedupKey")
    incident_id = id_of("Incident", given.incident_id or "")
    if given.incident_id is not None and incident_id is None:
        message = "There is no incident with this id."
        path = ("input", "incidentId")
        checks.refuse(message, *path, code=Code.INCIDENT_NOT_FOUND)
    checks.done()
    return incident_id


async def _read(info: Info, done: Done) -> Incident | None:
    found: Incident | None
    found = await find_row(info.context.loaders, "Incident", done.id)
    return found


@strawberry.type
class IncidentMutations:
    """Mutations of incidents."""

    @mutation(Scope.INGEST, "Reports that something is wrong with a resource.")
    async def report_incident(
        self,
        info: Info,
        input: ReportIncidentInput,
    ) -> ReportIncidentPayload:
        """Open an incident or add to one, and tell those who should know."""
        done = await carry_out(info, input, partial(_report, info, input))
        return ReportIncidentPayload(incident=await _read(info, done))

    @mutation(Scope.WRITE, "Says that someone takes care of an open incident.")
    async def acknowledge_incident(
        self,
        info: Info,
        input: AcknowledgeIncidentInput,
    ) -> AcknowledgeIncidentPayload:
        """Acknowledge an incident."""
        work = partial(_change, acknowledge, info, input)
        done = await carry_out(info, input, work)
        return AcknowledgeIncidentPayload(incident=await _read(info, done))

    @mutation(Scope.WRITE, "Closes an open incident, and tells those who were told.")
    async def resolve_incident(
        self,
        info: Info,
        input: ResolveIncidentInput,
    ) -> ResolveIncidentPayload:
        """Resolve an incident."""
        work = partial(_change, resolve, info, input)
        done = await carry_out(info, input, work)
        return ResolveIncidentPayload(incident=await _read(info, done))
