"""What all monitored things have in common in the API."""

from dataclasses import replace
from typing import Final

import strawberry

from schema.context import Info
from schema.delivery_rows import delivery_page
from schema.integration_rows import integration_listing
from schema.integrations import IntegrationConnection
from schema.listing import Where
from schema.node import Node
from schema.pagination import Connection, Page, cut
from schema.resource_rows import ResourceRow
from schema.scopes import field
from schema.times import DateTime

ATTACHED: Final = replace(
    integration_listing(Where(), descending=True),
    source="(SELECT a.resource_id, n.* FROM attachment a "
    "JOIN integration n ON n.id = a.integration_id) AS attached",
    parent="resource_id",
)
"""The integrations of a resource."""


@strawberry.interface(description="A monitored thing, whose incidents are told.")
class Resource(Node):
    """Resolved from a `ResourceRow`."""

    name: str
    url: str | None = strawberry.field(description="Shown to those who are told.")
    created_at: DateTime
    updated_at: DateTime

    @field(
        "The integrations that are attached to it, the newest first.",
        graphql_type=IntegrationConnection,
    )
    @staticmethod
    async def integrations(
        row: strawberry.Parent[ResourceRow],
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


@strawberry.type(description="A page of a list of resources.")
class ResourceConnection(Connection[Resource]):
    """A connection with a name, for types that stand before it."""
