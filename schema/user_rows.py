"""Rows of users: apart from their type, since other nouns lead to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from domain.ids import Id, encode
from models.store import Row
from schema.listing import Where, read_rows
from schema.loaders import Loaders
from schema.node import finds, in_order

COLUMNS: Final = "id, name, email, email_verified_at, phone, created_at, updated_at"


@dataclass(slots=True)
class UserRow:
    """The row of a `User`."""

    loaders: Loaders
    key: Id
    name: str
    email: str
    email_verified_at: int | None
    phone: str | None
    created_at: int
    updated_at: int

    typename: ClassVar[str] = "User"

    @property
    def id(self) -> str:
        """The global id."""
        return encode("User", self.key)


def user_row(loaders: Loaders, row: Row) -> UserRow:
    """Make the row object from COLUMNS."""
    return UserRow(
        loaders,
        Id(row["id"]),
        row["name"],
        row["email"],
        row["email_verified_at"],
        row["phone"],
        row["created_at"],
        row["updated_at"],
    )


@finds("User")
async def users_by_id(loaders: Loaders, ids: Sequence[Id]) -> Sequence[Any]:
    """Return the project's users with these ids that are not deleted."""
    where = Where("deleted_at IS NULL")
    where.add("project_id = {}", loaders.project_id)
    where.among("id", ids)
    rows = await read_rows(loaders, COLUMNS, "person", where, user_row)
    return in_order(ids, rows)
