"""Rows of resources, their look-up and their lists: the same for every kind."""

from asyncio import gather
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, ClassVar, Final, Self

from domain.ids import Id, encode
from domain.resources import RESOURCES
from models.store import Dialect, Row
from schema.listing import Listing, Where, binary, read_page, read_rows
from schema.loaders import Loaders
from schema.node import Find, find_row, finds, in_order
from schema.pagination import Cut, Order, OrderDirection, Page

ALIVE: Final = "deleted_at IS NULL"


@dataclass(slots=True)
class ResourceRow:
    """The row of a `Resource`; kinds add their own columns as fields."""

    loaders: Loaders
    key: Id
    name: str
    url: str | None
    created_at: int
    updated_at: int

    typename: ClassVar[str]

    @property
    def id(self) -> str:
        """The global id."""
        return encode(self.typename, self.key)

    @classmethod
    def columns(cls) -> str:
        """Return what to select for `of`."""
        return ", ".join(["id", *(it.name for it in fields(cls)[2:])])

    @classmethod
    def of(cls, loaders: Loaders, row: Row) -> Self:
        """Make the row object from its columns."""
        values = (row[it.name] for it in fields(cls)[2:])
        return cls(loaders, Id(row["id"]), *values)


def find_by_id(row: type[ResourceRow]) -> None:
    """Let the rows of a kind be looked up by id, deleted or not where others refer to
    them.
    """
    finds(row.typename)(_finder(row, Where(ALIVE)))
    finds(row.typename, deleted_too=True)(_finder(row, Where()))


def _finder(row: type[ResourceRow], which: Where) -> Find:
    table = RESOURCES[row.typename].table

    async def found(loaders: Loaders, ids: Sequence[Id]) -> Sequence[Any]:
        where = Where(*which.conditions)
        where.add("project_id = {}", loaders.project_id)
        where.among("id", ids)
        rows = await read_rows(loaders, row.columns(), table, where, row.of)
        return in_order(ids, rows)

    return found


def resource_listing(
    dialect: Dialect,
    row: type[ResourceRow],
    where: Where,
    by: Enum,
    direction: OrderDirection,
) -> Listing:
    """Return a project's resources of a kind that are not deleted; the values of `by`
    are columns.
    """
    table = RESOURCES[row.typename].table
    text = by.value == "name"
    return Listing(
        columns=row.columns(),
        source=table,
        parent="project_id",
        order=Order(
            name=f"{table}s/{by.name}",
            column=binary(dialect, "name") if text else by.value,
            text=text,
            descending=direction is OrderDirection.DESC,
        ),
        make=row.of,
        conditions=(ALIVE, *where.conditions),
        values=tuple(where.values),
    )


def _reference(_: Loaders, row: Row) -> tuple[str, Id]:
    return row["resource_type"], Id(row["resource_id"])


_ALIVE_OF_ANY_KIND: Final = " OR ".join(
    f"EXISTS (SELECT 1 FROM {kind.table} r "  # noqa: S608 - from the table of kinds
    f"WHERE r.id = a.resource_id AND r.{ALIVE})"
    for kind in RESOURCES.values()
)

ATTACHED_TO: Final = Listing(
    columns="id, resource_type, resource_id",
    source=f"(SELECT a.* FROM attachment a WHERE {_ALIVE_OF_ANY_KIND}) AS attached",  # noqa: S608
    parent="integration_id",
    order=Order("attachments", "created_at", descending=True),
    make=_reference,
)
"""What an integration is attached to, as (noun, id), the newest attachment first."""


async def attached_resources(loaders: Loaders, integration: Id, part: Cut) -> Page:
    """Return a page of the resources that an integration is attached to."""
    page = await read_page(loaders, ATTACHED_TO, integration, part)
    page.nodes = await gather(
        *(
            # One that is deleted meanwhile must not be a hole in the page.
            find_row(loaders, noun, key, deleted_too=True)
            for noun, key in page.nodes
        )
    )
    return page
