"""Incidents: types, look-up and list. What can be done to them stands beside."""

from enum import Enum, unique
from typing import TYPE_CHECKING, Annotated, Final

import strawberry

from domain.incidents import IncidentStatus, Severity
from domain.resources import RESOURCES, SERVER, ResourceKind
from domain.scopes import Scope
from schema.context import Info
from schema.delivery_rows import OF_INCIDENT, delivery_page
from schema.incident_events import EVENTS, IncidentEvent
from schema.incident_rows import IncidentRow, incident_listing
from schema.integrations import Integration
from schema.listing import Where, read_page
from schema.node import Node, find, ids_of
from schema.pagination import Connection, OrderDirection, Page, cut
from schema.resources import Resource
from schema.scopes import Requires, field, query
from schema.times import DateTime

if TYPE_CHECKING:  # the two types name each other
    from schema.deliveries import DeliveryConnection

_DELIVERIES: Final = "schema.deliveries"

strawberry.enum(IncidentStatus, description="Where an incident stands.")
strawberry.enum(Severity, description="How bad it is, worst first.")


@strawberry.type(description="The group of alerts with one deduplication key.")
class Incident(Node):
    """Resolved from an `IncidentRow`. What leads on to other nouns needs READ: a token
    that may only report sees the incident and nothing else.
    """

    status: IncidentStatus
    incident_type: str
    message: str
    severity: Severity
    dedup_key: str | None
    resource: Resource | None = strawberry.field(
        description="What it is about; null where that has been deleted.",
        extensions=[Requires(Scope.READ)],
    )
    integration: Integration | None = strawberry.field(
        description="The integration that it is about: of a test, and where one was "
        "disabled by itself. Null otherwise.",
        extensions=[Requires(Scope.READ)],
    )
    resource_name: str = strawberry.field(description="As it was when it opened.")
    resource_url: str = strawberry.field(description="As it was when it opened.")
    resource_type: str
    test: bool = strawberry.field(description="Made to try an integration.")
    alert_count: int = strawberry.field(description="Reports that it has taken in.")
    started_at: DateTime
    acknowledged_at: DateTime | None
    resolved_at: DateTime | None
    duration_seconds: int | None = strawberry.field(
        description="Whole seconds from start to resolution; null while it is open.",
    )
    created_at: DateTime
    updated_at: DateTime

    @field(
        "What happened to it, the first event first.",
        Scope.READ,
        graphql_type=Connection[IncidentEvent],
    )
    @staticmethod
    async def events(
        row: strawberry.Parent[IncidentRow],
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Page:
        """List its events."""
        part = cut(EVENTS.order, first=first, after=after, last=last, before=before)
        return await read_page(row.loaders, EVENTS, row.key, part)

    @field(
        "Who was told of it, and how that went; the first one first.",
        Scope.READ,
        graphql_type=Annotated["DeliveryConnection", strawberry.lazy(_DELIVERIES)],
    )
    @staticmethod
    async def deliveries(
        row: strawberry.Parent[IncidentRow],
        info: Info,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Page:
        """List its deliveries."""
        order = OF_INCIDENT.order
        part = cut(order, first=first, after=after, last=last, before=before)
        return await delivery_page(info, OF_INCIDENT, row.key, part)


@strawberry.enum(description="What incidents are sorted by.")
@unique
class IncidentOrderField(Enum):
    """Columns to sort incidents by."""

    CREATED_AT = "created_at"


@strawberry.input(description="How incidents are sorted; ties by id.")
class IncidentOrder:
    """A field and a direction."""

    field: IncidentOrderField
    direction: OrderDirection = OrderDirection.ASC


@strawberry.input(description="Which incidents; all conditions must hold.")
class IncidentFilter:
    """Conditions on incidents."""

    status: list[IncidentStatus] | None = None
    severity: list[Severity] | None = None
    server_id: list[strawberry.ID] | None = None
    resource_id: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="Incidents of these servers and network monitors.",
    )


def _where(chosen: IncidentFilter | None) -> Where:
    where = Where()
    if chosen is None:
        return where
    if chosen.status is not None:
        where.split("status", sorted({status.value for status in chosen.status}))
    if chosen.severity is not None:
        where.among("severity", [severity.value for severity in set(chosen.severity)])
    _narrow_to_resources(where, "serverId", chosen.server_id, SERVER)
    _narrow_to_resources(where, "resourceId", chosen.resource_id, *RESOURCES.values())
    return where


def _narrow_to_resources(
    where: Where, name: str, ids: list[strawberry.ID] | None, *kinds: ResourceKind
) -> None:
    if ids is None:
        return
    nouns = [kind.noun for kind in kinds]
    where.among("resource_type", nouns)
    found = [it for noun in nouns for it in ids_of(noun, ids, "filter", name)]
    where.split("resource_id", found)
    where.by_filter = True


@strawberry.type
class IncidentQueries:
    """Root queries for incidents."""

    @query(
        Scope.READ,
        "The incident with this id; null where there is none.",
        graphql_type=Incident | None,
    )
    async def incident(self, info: Info, id: strawberry.ID) -> object:
        """Look up an incident."""
        return await find(info.context.loaders, "Incident", id)

    @query(
        Scope.READ,
        "The project's incidents, the newest first unless told otherwise.",
        graphql_type=Connection[Incident],
    )
    async def incidents(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: IncidentFilter | None = None,
        order_by: IncidentOrder | None = None,
    ) -> Page:
        """List incidents."""
        down = order_by is None or order_by.direction is OrderDirection.DESC
        listing = incident_listing(_where(filter), descending=down)
        part = cut(listing.order, first=first, after=after, last=last, before=before)
        loaders = info.context.loaders
        return await read_page(loaders, listing, loaders.project_id, part)
