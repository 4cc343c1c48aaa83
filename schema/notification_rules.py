"""Notification rules: how users want to be told. Types and look-up."""

from typing import Final

import strawberry

from domain.people import LONGEST_WAIT, Urgency
from domain.scopes import Scope
from schema.context import Info
from schema.integrations import Integration
from schema.node import Node, find
from schema.pagination import Connection
from schema.scopes import query
from schema.times import DateTime
from schema.users import User

strawberry.enum(
    Urgency,
    description="How much a person is to be disturbed. What is SILENT tells nobody.",
)

WAIT: Final = f"0 to {LONGEST_WAIT}: how long after the user was to be told."


@strawberry.type(
    description="At an urgency, a user is told over one of their integrations, after "
    "some time."
)
class NotificationRule(Node):
    """Resolved from a `NotificationRuleRow`."""

    urgency: Urgency
    after_seconds: int = strawberry.field(description=WAIT)
    user: User
    integration: Integration
    created_at: DateTime
    updated_at: DateTime


@strawberry.type(description="A page of a list of notification rules.")
class NotificationRuleConnection(Connection[NotificationRule]):
    """A connection with a name, for types that stand before it."""


@strawberry.type
class NotificationRuleQueries:
    """Root queries for notification rules; users list theirs."""

    @query(
        Scope.READ,
        "The notification rule with this id; null where there is none.",
        graphql_type=NotificationRule | None,
    )
    async def notification_rule(self, info: Info, id: strawberry.ID) -> object:
        """Look up a notification rule."""
        return await find(info.context.loaders, "NotificationRule", id)
