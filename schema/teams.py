"""Teams: users who are told together. Types, look-up and list."""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final

import strawberry

from domain.scopes import Scope
from schema.context import Info
from schema.listing import Listing, Where, binary, read_page
from schema.node import Node, find, ids_of
from schema.pagination import Connection, Order, OrderDirection, Page, cut
from schema.scopes import field, query
from schema.team_rows import COLUMNS, TeamRow, team_row
from schema.times import DateTime
from schema.user_rows import COLUMNS as USER_COLUMNS
from schema.user_rows import user_row
from schema.users import User


def _members(dialect: str) -> Listing:
    return Listing(
        columns=USER_COLUMNS,
        source="(SELECT m.team_id, p.* FROM team_member m "
        "JOIN person p ON p.id = m.user_id) AS members",
        parent="team_id",
        order=Order("users/NAME", binary(dialect, "name"), text=True),
        make=user_row,
    )


MEMBERS: Final[Mapping[str, Listing]] = {
    dialect: _members(dialect) for dialect in ("sqlite", "postgres")
}
"""The members of a team, by dialect. A deleted user is no member."""


@strawberry.type(description="Users who are told together.")
class Team(Node):
    """Resolved from a `TeamRow`."""

    name: str
    created_at: DateTime
    updated_at: DateTime

    @field("Its members, by name.", graphql_type=Connection[User])
    @staticmethod
    async def members(
        row: strawberry.Parent[TeamRow],
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Page:
        """List its members."""
        listing = MEMBERS[row.loaders.store.dialect]
        order = listing.order
        part = cut(order, first=first, after=after, last=last, before=before)
        return await read_page(row.loaders, listing, row.key, part)


@strawberry.type(description="A page of a list of teams.")
class TeamConnection(Connection[Team]):
    """A connection with a name, for types that stand before it."""


@strawberry.enum(description="What teams are sorted by.")
@unique
class TeamOrderField(Enum):
    """Columns to sort teams by."""

    CREATED_AT = "created_at"
    NAME = "name"


@strawberry.input(description="How teams are sorted; ties by id.")
class TeamOrder:
    """A field and a direction."""

    field: TeamOrderField
    direction: OrderDirection = OrderDirection.ASC


_NEWEST_FIRST: Final = TeamOrder(
    field=TeamOrderField.CREATED_AT,
    direction=OrderDirection.DESC,
)


@strawberry.input(description="Which teams; all conditions must hold.")
class TeamFilter:
    """Conditions on teams."""

    search: str | None = strawberry.field(
        default=None,
        description="A part of the name, in any case.",
    )
    user_id: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="Teams that any of these users belongs to.",
    )


def _where(dialect: str, chosen: TeamFilter | None) -> Where:
    where = Where()
    if chosen is None:
        return where
    if chosen.search:
        where.search(dialect, "name", chosen.search)
    if chosen.user_id is not None:
        members = Where()
        members.values = where.values
        members.among("user_id", ids_of("User", chosen.user_id, "filter", "userId"))
        where.conditions.append(
            f"id IN (SELECT team_id FROM team_member WHERE {members})"  # noqa: S608 - SQL of ours
        )
    return where


def _listing(
    dialect: str,
    chosen: TeamFilter | None,
    order: TeamOrder | None,
) -> Listing:
    where, by = _where(dialect, chosen), order or _NEWEST_FIRST
    text = by.field is TeamOrderField.NAME
    return Listing(
        columns=COLUMNS,
        source="team",
        parent="project_id",
        order=Order(
            name=f"teams/{by.field.name}",
            column=binary(dialect, "name") if text else "created_at",
            text=text,
            descending=by.direction is OrderDirection.DESC,
        ),
        make=team_row,
        conditions=tuple(where.conditions),
        values=tuple(where.values),
    )


@strawberry.type
class TeamQueries:
    """Root queries for teams."""

    @query(
        Scope.READ,
        "The team with this id; null where there is none.",
        graphql_type=Team | None,
    )
    async def team(self, info: Info, id: strawberry.ID) -> object:
        """Look up a team."""
        return await find(info.context.loaders, "Team", id)

    @query(
        Scope.READ,
        "The project's teams, the newest first unless told otherwise.",
        graphql_type=TeamConnection,
    )
    async def teams(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: TeamFilter | None = None,
        order_by: TeamOrder | None = None,
    ) -> Page:
        """List teams."""
        loaders = info.context.loaders
        listing = _listing(loaders.store.dialect, filter, order_by)
        part = cut(listing.order, first=first, after=after, last=last, before=before)
        return await read_page(loaders, listing, loaders.project_id, part)
