"""Rows of notification rules: apart from their type, since users lead to them."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from domain.ids import Id, encode
from models.store import Row
from schema.listing import Listing, Where, read_rows
from schema.loaders import Loaders
from schema.node import find_row, finds, in_order
from schema.pagination import Order

COLUMNS: Final = (
    "id, user_id, integration_id, urgency, after_seconds, created_at, updated_at"
)


@dataclass(slots=True)
class NotificationRuleRow:
    """The row of a `NotificationRule`."""

    loaders: Loaders
    key: Id
    user_key: Id
    integration_key: Id
    urgency: str
    after_seconds: int
    created_at: int
    updated_at: int

    typename: ClassVar[str] = "NotificationRule"

    @property
    def id(self) -> str:
        """The global id."""
        return encode("NotificationRule", self.key)

    @property
    def user(self) -> Awaitable[object]:
        """Whose it is."""
        return find_row(self.loaders, "User", self.user_key)

    @property
    def integration(self) -> Awaitable[object]:
        """By which the user is told."""
        return find_row(self.loaders, "Integration", self.integration_key)


def rule_row(loaders: Loaders, row: Row) -> NotificationRuleRow:
    """Make the row object from COLUMNS."""
    values = (row[name] for name in COLUMNS.split(", ")[1:])
    return NotificationRuleRow(loaders, Id(row["id"]), *values)


@finds("NotificationRule")
async def rules_by_id(loaders: Loaders, ids: Sequence[Id]) -> Sequence[Any]:
    """Return the project's notification rules with these ids."""
    where = Where()
    where.add("project_id = {}", loaders.project_id)
    where.among("id", ids)
    rows = await read_rows(loaders, COLUMNS, "notification_rule", where, rule_row)
    return in_order(ids, rows)


OF_USER: Final = Listing(
    columns=COLUMNS,
    source="notification_rule",
    parent="user_id",
    order=Order("notificationRules", "place"),
    make=rule_row,
)
"""The rules of a user: the most urgent first, then by time."""
