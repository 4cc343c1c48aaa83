"""Servers: what is monitored. Types, look-up and list."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, unique
from typing import Any, ClassVar, Final

import strawberry

from domain.ids import Id, encode
from domain.scopes import Scope
from models.store import Row
from schema.context import Info
from schema.delivery_rows import delivery_page
from schema.integration_rows import integration_listing
from schema.integrations import IntegrationConnection
from schema.listing import Listing, Where, binary, read_page, read_rows
from schema.loaders import Loaders
from schema.node import Node, find, finds, in_order
from schema.pagination import Connection, Order, OrderDirection, Page, cut
from schema.scopes import field, query
from schema.times import DateTime

COLUMNS: Final = "id, name, host, url, created_at, updated_at"

ATTACHED: Final = replace(
    integration_listing(Where(), descending=True),
    source="(SELECT a.resource_id, n.* FROM attachment a "
    "JOIN integration n ON n.id = a.integration_id "
    "WHERE a.resource_type = 'Server') AS attached",
    parent="resource_id",
)
"""The integrations of a server."""


@strawberry.interface(description="A monitored thing, whose incidents are told.")
class Resource(Node):
    """What servers have in common with other monitored things."""

    name: str
    url: str | None = strawberry.field(description="Shown to those who are told.")


@dataclass(slots=True)
class ServerRow:
    """The row of a `Server`."""

    loaders: Loaders
    key: Id
    name: str
    host: str
    url: str | None
    created_at: int
    updated_at: int

    typename: ClassVar[str] = "Server"

    @property
    def id(self) -> str:
        """The global id."""
        return encode("Server", self.key)


@strawberry.type(description="A monitored server.")
class Server(Resource):
    """Resolved from a `ServerRow`."""

    host: str = strawberry.field(description="Host name or IP address.")
    created_at: DateTime
    updated_at: DateTime

    @field(
        "The integrations that are attached to it, the newest first.",
        graphql_type=IntegrationConnection,
    )
    @staticmethod
    async def integrations(
        row: strawberry.Parent[ServerRow],
        info: Info,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Page:
        """List its integrations."""
        order = ATTACHED.order
        part = cut(order, first=first, after=after, last=last, before=before)
        return await delivery_page(info, ATTACHED, row.key, part)


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


def server_row(loaders: Loaders, row: Row) -> ServerRow:
    """Make the row object from COLUMNS."""
    return ServerRow(
        loaders,
        Id(row["id"]),
        row["name"],
        row["host"],
        row["url"],
        row["created_at"],
        row["updated_at"],
    )


@finds("Server")
async def servers_by_id(loaders: Loaders, ids: Sequence[Id]) -> Sequence[Any]:
    """Return the project's servers with these ids that are not deleted."""
    where = Where("deleted_at IS NULL")
    where.add("project_id = {}", loaders.project_id)
    where.among("id", ids)
    rows = await read_rows(loaders, COLUMNS, "server", where, server_row)
    return in_order(ids, rows)


def _listing(
    dialect: str,
    chosen: ServerFilter | None,
    order: ServerOrder | None,
) -> Listing:
    where = Where("deleted_at IS NULL")
    if chosen is not None and chosen.search:
        where.search(dialect, "name", chosen.search)
    by = order or _NEWEST_FIRST
    text = by.field is ServerOrderField.NAME
    return Listing(
        columns=COLUMNS,
        source="server",
        parent="project_id",
        order=Order(
            name=f"servers/{by.field.name}",
            column=binary(dialect, "name") if text else "created_at",
            text=text,
            descending=by.direction is OrderDirection.DESC,
        ),
        make=server_row,
        conditions=tuple(where.conditions),
        values=tuple(where.values),
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
        loaders = info.context.loaders
        listing = _listing(loaders.store.dialect, filter, order_by)
        part = cut(listing.order, first=first, after=after, last=last, before=before)
        return await read_page(loaders, listing, loaders.project_id, part)
