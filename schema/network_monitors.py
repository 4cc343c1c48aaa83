"""Network monitors: what is monitored from outside. Types, look-up and list."""

from dataclasses import dataclass
from enum import Enum, unique
from typing import ClassVar, Final

import strawberry

from domain.resources import NetworkMonitorKind
from domain.scopes import Scope
from models.store import Dialect
from schema.context import Info
from schema.listing import Where, read_page
from schema.node import find
from schema.pagination import Connection, OrderDirection, Page, cut
from schema.resource_rows import ResourceRow, find_by_id, resource_listing
from schema.resources import Resource
from schema.scopes import query

strawberry.enum(
    NetworkMonitorKind,
    description="How a network monitor looks at what it monitors.",
)


@dataclass(slots=True)
class NetworkMonitorRow(ResourceRow):
    """The row of a `NetworkMonitor`."""

    kind: str
    host: str
    port: int | None

    typename: ClassVar[str] = "NetworkMonitor"


find_by_id(NetworkMonitorRow)


@strawberry.type(description="Something that is monitored over a network.")
class NetworkMonitor(Resource):
    """Resolved from a `NetworkMonitorRow`."""

    kind: NetworkMonitorKind
    host: str = strawberry.field(description="Host name or IP address.")
    port: int | None


@strawberry.enum(description="What network monitors are sorted by.")
@unique
class NetworkMonitorOrderField(Enum):
    """Columns to sort network monitors by."""

    CREATED_AT = "created_at"
    NAME = "name"


@strawberry.input(description="How network monitors are sorted; ties by id.")
class NetworkMonitorOrder:
    """A field and a direction."""

    field: NetworkMonitorOrderField
    direction: OrderDirection = OrderDirection.ASC


_NEWEST_FIRST: Final = NetworkMonitorOrder(
    field=NetworkMonitorOrderField.CREATED_AT,
    direction=OrderDirection.DESC,
)


@strawberry.input(description="Which network monitors; all conditions must hold.")
class NetworkMonitorFilter:
    """Conditions on network monitors."""

    search: str | None = strawberry.field(
        default=None,
        description="A part of the name, in any case.",
    )
    kind: list[NetworkMonitorKind] | None = None


def _where(dialect: Dialect, chosen: NetworkMonitorFilter | None) -> Where:
    where = Where()
    if chosen is not None and chosen.search:
        where.search(dialect, "name", chosen.search)
    if chosen is not None and chosen.kind is not None:
        where.among("kind", sorted({kind.value for kind in chosen.kind}))
    return where


@strawberry.type
class NetworkMonitorQueries:
    """Root queries for network monitors."""

    @query(
        Scope.READ,
        "The network monitor with this id; null where there is none.",
        graphql_type=NetworkMonitor | None,
    )
    async def network_monitor(self, info: Info, id: strawberry.ID) -> object:
        """Look up a network monitor."""
        return await find(info.context.loaders, "NetworkMonitor", id)

    @query(
        Scope.READ,
        "The project's network monitors, the newest first unless told otherwise.",
        graphql_type=Connection[NetworkMonitor],
    )
    async def network_monitors(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: NetworkMonitorFilter | None = None,
        order_by: NetworkMonitorOrder | None = None,
    ) -> Page:
        """List network monitors."""
        loaders, by = info.context.loaders, order_by or _NEWEST_FIRST
        dialect = loaders.store.dialect
        where = _where(dialect, filter)
        listing = resource_listing(
            dialect, NetworkMonitorRow, where, by.field, by.direction
        )
        part = cut(listing.order, first=first, after=after, last=last, before=before)
        return await read_page(loaders, listing, loaders.project_id, part)
