"""Rows of teams: apart from their type, since users lead to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from domain.ids import Id, encode
from models.store import Row
from schema.listing import Listing, Where, binary, read_rows
from schema.loaders import Loaders
from schema.node import finds, in_order
from schema.pagination import Order

COLUMNS: Final = "id, name, created_at, updated_at"


@dataclass(slots=True)
class TeamRow:
    """The row of a `Team`."""

    loaders: Loaders
    key: Id
    name: str
    created_at: int
    updated_at: int

    typename: ClassVar[str] = "Team"

    @property
    def id(self) -> str:
        """The global id."""
        return encode("Team", self.key)


def team_row(loaders: Loaders, row: Row) -> TeamRow:
    """Make the row object from COLUMNS."""
    values = (row[name] for name in COLUMNS.split(", ")[1:])
    return TeamRow(loaders, Id(row["id"]), *values)


@finds("Team")
async def teams_by_id(loaders: Loaders, ids: Sequence[Id]) -> Sequence[Any]:
    """Return the project's teams with these ids."""
    where = Where()
    where.add("project_id = {}", loaders.project_id)
    where.among("id", ids)
    rows = await read_rows(loaders, COLUMNS, "team", where, team_row)
    return in_order(ids, rows)


def _of_user(dialect: str) -> Listing:
    return Listing(
        columns=COLUMNS,
        source="(SELECT m.user_id, t.* FROM team_member m "
        "JOIN team t ON t.id = m.team_id) AS joined",
        parent="user_id",
        order=Order("teams/NAME", binary(dialect, "name"), text=True),
        make=team_row,
    )


OF_USER: Final[Mapping[str, Listing]] = {
    dialect: _of_user(dialect) for dialect in ("sqlite", "postgres")
}
"""The teams of a user, by dialect."""
