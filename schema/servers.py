"""Servers: what is monitored. Types, look-up and list."""

from dataclasses import dataclass
from enum import Enum, unique
from typing import ClassVar, Final

import strawberry

from domain.scopes import Scope
from schema.context import Info
from schema.listing import Where, read_page
from schema.node import find
from schema.pagination import Connection, OrderDirection, Page, cut
from schema.resource_rows import ResourceRow, find_by_id, resource_listing
from schema.resources import Resource
from schema.scopes import query


@dataclass(slots=True)
class ServerRow(ResourceRow):
    """The row of a `Server`."""

    host: str

    typename: ClassVar[str] = "Server"


find_by_id(ServerRow)


@strawberry.type(description="A monitored server.")
class Server(Resource):
    """Resolved from a `ServerRow`."""

    host: str = strawberry.field(description="Host name or IP address.")


@strawberry.enum(description="What servers are sorted by.")
@unique
class ServerOrderField(Enum):
    """Columns to sort servers by."""

    CREATED_AT = "created_at"
    NAME = "name"


@strawberry.input(description="How servers are sorted; ties by id.")
class ServerOrder:
    """A field and a direction."""

    field: ServerOrderField
    direction: OrderDirection = OrderDirection.ASC


_NEWEST_FIRST: Final = ServerOrder(
    field=ServerOrderField.CREATED_AT,
    direction=OrderDirection.DESC,
)


@strawberry.input(description="Which servers; all conditions must hold.")
class ServerFilter:
    """Conditions on servers."""

    search: str | None = strawberry.field(
        default=None,
        description="A part of the name, in any case.",
    )


@strawberry.type
class ServerQueries:
    """Root queries for servers."""

    @query(
        Scope.READ,
        "The server with this id; null where there is none.",
        graphql_type=Server | None,
    )
    async def server(self, info: Info, id: strawberry.ID) -> object:
        """Look up a server."""
        return await find(info.context.loaders, "Server", id)

    @query(
        Scope.READ,
        "The project's servers, the newest first unless told otherwise.",
        graphql_type=Connection[Server],
    )
    async def servers(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: ServerFilter | None = None,
        order_by: ServerOrder | None = None,
    ) -> Page:
        """List servers."""
        loaders, by, where = info.context.loaders, order_by or _NEWEST_FIRST, Where()
        dialect = loaders.store.dialect
        if filter is not None and filter.search:
            where.search(dialect, "name", filter.search)
        listing = resource_listing(dialect, ServerRow, where, by.field, by.direction)
        part = cut(listing.order, first=first, after=after, last=last, before=before)
        return await read_page(loaders, listing, loaders.project_id, part)
