"""Users: who is told. Types, look-up and list."""

from dataclasses import replace
from enum import Enum, unique
from typing import TYPE_CHECKING, Annotated, Final

import strawberry

from domain.scopes import Scope
from schema.context import Info
from schema.delivery_rows import delivery_page
from schema.integration_rows import integration_listing
from schema.integrations import IntegrationConnection
from schema.listing import Listing, Where, binary, read_page
from schema.node import Node, find, ids_of
from schema.notification_rule_rows import OF_USER as RULES
from schema.pagination import Connection, Order, OrderDirection, Page, cut
from schema.scopes import field, query
from schema.team_rows import OF_USER as TEAMS
from schema.times import DateTime
from schema.user_rows import COLUMNS, UserRow, user_row

if TYPE_CHECKING:  # the types name each other
    from schema.notification_rules import NotificationRuleConnection
    from schema.teams import TeamConnection

PERSONAL: Final = replace(
    integration_listing(Where(), descending=True), parent="owner_id"
)
"""The personal integrations of a user."""

_TEAMS: Final = "schema.teams"
_RULES: Final = "schema.notification_rules"


@strawberry.type(description="Somebody who is told of incidents.")
class User(Node):
    """Resolved from a `UserRow`."""

    name: str
    email: str
    email_verified_at: DateTime | None = strawberry.field(
        description="Until then no e-mail integration sends to this address.",
    )
    phone: str | None = strawberry.field(description="In E.164: +14155550123.")
    created_at: DateTime
    updated_at: DateTime

    @field(
        "The teams that they belong to, by name.",
        graphql_type=Annotated["TeamConnection", strawberry.lazy(_TEAMS)],
    )
    @staticmethod
    async def teams(
        row: strawberry.Parent[UserRow],
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Page:
        """List their teams."""
        listing = TEAMS[row.loaders.store.dialect]
        order = listing.order
        part = cut(order, first=first, after=after, last=last, before=before)
        return await read_page(row.loaders, listing, row.key, part)

    @field(
        "Their personal integrations, the newest first.",
        graphql_type=IntegrationConnection,
    )
    @staticmethod
    async def integrations(
        row: strawberry.Parent[UserRow],
        info: Info,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Page:
        """List their personal integrations."""
        order = PERSONAL.order
        part = cut(order, first=first, after=after, last=last, before=before)
        return await delivery_page(info, PERSONAL, row.key, part)

    @field(
        "How they want to be told: the most urgent first, then by time.",
        graphql_type=Annotated["NotificationRuleConnection", strawberry.lazy(_RULES)],
    )
    @staticmethod
    async def notification_rules(
        row: strawberry.Parent[UserRow],
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Page:
        """List their notification rules."""
        part = cut(RULES.order, first=first, after=after, last=last, before=before)
        return await read_page(row.loaders, RULES, row.key, part)


@strawberry.enum(description="What users are sorted by.")
@unique
class UserOrderField(Enum):
    """Columns to sort users by."""

    CREATED_AT = "created_at"
    NAME = "name"
    EMAIL = "email"


@strawberry.input(description="How users are sorted; ties by id.")
class UserOrder:
    """A field and a direction."""

    field: UserOrderField
    direction: OrderDirection = OrderDirection.ASC


_NEWEST_FIRST: Final = UserOrder(
    field=UserOrderField.CREATED_AT,
    direction=OrderDirection.DESC,
)


@strawberry.input(description="Which users; all conditions must hold.")
class UserFilter:
    """Conditions on users."""

    search: str | None = strawberry.field(
        default=None,
        description="A part of the name or the e-mail address, in any case.",
    )
    email_verified: bool | None = None
    team_id: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="Members of any of these teams.",
    )


def _where(dialect: str, chosen: UserFilter | None) -> Where:
    where = Where("deleted_at IS NULL")
    if chosen is None:
        return where
    if chosen.search:
        where.search(dialect, "name || ' ' || email", chosen.search)
    if chosen.email_verified is not None:
        sign = "IS NOT NULL" if chosen.email_verified else "IS NULL"
        where.conditions.append(f"email_verified_at {sign}")
    if chosen.team_id is not None:
        members = Where()
        members.values = where.values
        members.among("team_id", ids_of("Team", chosen.team_id, "filter", "teamId"))
        where.conditions.append(
            f"id IN (SELECT user_id FROM team_member WHERE {members})"  # noqa: S608 - SQL of ours
        )
    return where


def user_listing(
    dialect: str,
    chosen: UserFilter | None,
    order: UserOrder | None,
) -> Listing:
    """Return a project's users that are not deleted."""
    where, by = _where(dialect, chosen), order or _NEWEST_FIRST
    text = by.field is not UserOrderField.CREATED_AT
    column = by.field.value
    return Listing(
        columns=COLUMNS,
        source="person",
        parent="project_id",
        order=Order(
            name=f"users/{by.field.name}",
            column=binary(dialect, column) if text else column,
            text=text,
            descending=by.direction is OrderDirection.DESC,
        ),
        make=user_row,
        conditions=tuple(where.conditions),
        values=tuple(where.values),
    )


@strawberry.type
class UserQueries:
    """Root queries for users."""

    @query(
        Scope.READ,
        "The user with this id; null where there is none.",
        graphql_type=User | None,
    )
    async def user(self, info: Info, id: strawberry.ID) -> object:
        """Look up a user."""
        return await find(info.context.loaders, "User", id)

    @query(
        Scope.READ,
        "The project's users, the newest first unless told otherwise.",
        graphql_type=Connection[User],
    )
    async def users(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: UserFilter | None = None,
        order_by: UserOrder | None = None,
    ) -> Page:
        """List users."""
        loaders = info.context.loaders
        listing = user_listing(loaders.store.dialect, filter, order_by)
        part = cut(listing.order, first=first, after=after, last=last, before=before)
        return await read_page(loaders, listing, loaders.project_id, part)
