"""Integrations: outbound channels with their settings. Types, look-up and list."""

from enum import Enum, unique
from typing import TYPE_CHECKING, Annotated, Final

import strawberry

from domain.scopes import Scope
from notifiers import CHANNELS
from schema.context import Info
from schema.delivery_rows import delivery_page
from schema.derive import derive_types
from schema.derived import INPUTS
from schema.integration_rows import IntegrationRow, integration_listing
from schema.listing import Where
from schema.node import Node, find, ids_of
from schema.pagination import Connection, OrderDirection, Page, cut
from schema.resource_rows import ATTACHED_TO, attached_resources
from schema.scopes import field, query
from schema.times import DateTime
from schema.verification import Verification

if TYPE_CHECKING:  # the types name each other
    from schema.resources import ResourceConnection
    from schema.users import User


@strawberry.interface(description="An outbound channel with its settings.")
class Integration(Node):
    """What all channels have in common. Resolved from an `IntegrationRow`."""

    type: str = strawberry.field(graphql_type=INPUTS.integration_type)
    name: str
    active: bool = strawberry.field(
        description="An inactive integration is told nothing.",
    )
    down_alerts_only: bool = strawberry.field(
        description="Whether it hears only that incidents open, reopen or escalate.",
    )
    all_resources: bool = strawberry.field(
        description="Whether it hears of every resource, attached or not, also of those "
        "that are only named by a report.",
    )
    editable: bool = strawberry.field(
        description="Whether its name and settings can be changed.",
    )
    deletable: bool
    error: str | None = strawberry.field(
        description="Why it was disabled by itself; null otherwise.",
    )
    owner: Annotated["User", strawberry.lazy("schema.users")] | None = strawberry.field(
        description="Whose personal integration it is; it is told by their notification "
        "rules only. Null: the project's.",
    )
    verification: Verification
    created_at: DateTime
    updated_at: DateTime

    @field(
        "What it is attached to, the newest attachment first.",
        graphql_type=Annotated[
            "ResourceConnection", strawberry.lazy("schema.resources")
        ],
    )
    @staticmethod
    async def resources(
        row: strawberry.Parent[IntegrationRow],
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Page:
        """List what it is attached to."""
        order = ATTACHED_TO.order
        part = cut(order, first=first, after=after, last=last, before=before)
        return await attached_resources(row.loaders, row.key, part)


INTEGRATION_TYPES: Final = derive_types(CHANNELS, Integration)
"""The implementations of `Integration`, by the stored type's name."""


@strawberry.type(description="A page of a list of integrations.")
class IntegrationConnection(Connection[Integration]):
    """A connection from which deliveries can be followed."""

    event_cursor: str = strawberry.field(
        description="For `deliveryEvents(after:)`: what happens after this list was "
        "read comes there.",
    )


@strawberry.enum(description="What integrations are sorted by.")
@unique
class IntegrationOrderField(Enum):
    """Columns to sort integrations by."""

    CREATED_AT = "created_at"


@strawberry.input(description="How integrations are sorted; ties by id.")
class IntegrationOrder:
    """A field and a direction."""

    field: IntegrationOrderField
    direction: OrderDirection = OrderDirection.ASC


@strawberry.input(description="Which integrations; all conditions must hold.")
class IntegrationFilter:
    """Conditions on integrations."""

    search: str | None = strawberry.field(
        default=None,
        description="A part of the name, in any case.",
    )
    types: list[str] | None = strawberry.field(
        default=None,
        graphql_type=INPUTS.integration_types,
    )
    active: bool | None = None
    personal: bool | None = strawberry.field(
        default=None,
        description="True: only those that belong to a user. Without this and `ownerId` "
        "only those of the project.",
    )
    owner_id: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="Personal integrations of these users.",
    )


def _where(dialect: str, chosen: IntegrationFilter | None) -> Where:
    where = Where()
    _narrow_to_owners(where, chosen or IntegrationFilter())
    if chosen is None:
        return where
    if chosen.search:
        where.search(dialect, "name", chosen.search)
    if chosen.types is not None:
        where.among("type", sorted(set(map(str, chosen.types))))
    if chosen.active is not None:
        where.conditions.append("active" if chosen.active else "NOT active")
    return where


def _narrow_to_owners(where: Where, chosen: IntegrationFilter) -> None:
    owned = chosen.personal or (chosen.owner_id is not None and chosen.personal is None)
    where.conditions.append(f"owner_id IS {'NOT ' if owned else ''}NULL")
    if chosen.owner_id is not None:
        where.among("owner_id", ids_of("User", chosen.owner_id, "filter", "ownerId"))


@strawberry.type
class IntegrationQueries:
    """Root queries for integrations."""

    @query(
        Scope.READ,
        "The integration with this id; null where there is none.",
        graphql_type=Integration | None,
    )
    async def integration(self, info: Info, id: strawberry.ID) -> object:
        """Look up an integration."""
        return await find(info.context.loaders, "Integration", id)

    @query(
        Scope.READ,
        "The project's integrations, without personal ones unless the filter asks for "
        "them; the newest first unless told otherwise.",
        graphql_type=IntegrationConnection,
    )
    async def integrations(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: IntegrationFilter | None = None,
        order_by: IntegrationOrder | None = None,
    ) -> Page:
        """List integrations."""
        loaders = info.context.loaders
        down = order_by is None or order_by.direction is OrderDirection.DESC
        where = _where(loaders.store.dialect, filter)
        listing = integration_listing(where, descending=down)
        part = cut(listing.order, first=first, after=after, last=last, before=before)
        return await delivery_page(info, listing, loaders.project_id, part)
