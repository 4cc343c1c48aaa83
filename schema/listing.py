"""Reads pages: the same page of any number of parents is one statement.

A list hangs on a parent (a project, a server, an incident). Pages of many parents
are joined by UNION ALL on SQLite and LATERAL on PostgreSQL, so that each stops
after its own rows; see `pagination` for what clients see.

A filter by several values of a column is read as several lists, one for each value,
that are merged: each is a stretch of an index in the order of the list. No database
does that for `IN`; it would walk through all that the filter leaves out, or sort all
that it lets through.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, Final

from domain.ids import Id
from models.store import Row
from schema.checks import storable
from schema.loaders import Loaders
from schema.pagination import COUNT_MOST, Count, Cut, Mark, Order, Page

Make = Callable[[Loaders, Row], Any]
"""Makes the light row object that the resolvers read."""

ARMS_MOST: Final = 490
"""Lists that are merged into one; SQLite takes 500."""


Split = tuple[str, tuple[Any, ...]]
"""A column, and the values of it that are listed."""


class Where:
    """Conditions that are joined by AND, and their arguments; `{}` is a value.

    The conditions are SQL of ours; only arguments come from outside.
    """

    def __init__(self, *conditions: str) -> None:
        """Start with conditions that need no argument."""
        self.conditions = list(conditions)
        self.values: list[Any] = []
        self.splits: list[Split] = []
        self.by_filter = False

    def mark(self, value: object) -> str:
        """Keep an argument and return its `$n`."""
        self.values.append(value)
        return f"${len(self.values)}"

    def add(self, condition: str, *values: object) -> None:
        """Add a condition with a `{}` for each value."""
        self.conditions.append(condition.format(*map(self.mark, values)))

    def among(self, column: str, values: Sequence[object]) -> None:
        """Add that a column has one of the values; none of no values."""
        marks = ", ".join(map(self.mark, values))
        self.conditions.append(f"{column} IN ({marks})" if marks else "1 = 0")

    def split(self, column: str, values: Sequence[Any]) -> None:
        """Like `among`, for a column whose index has the order of the list."""
        if values:
            self.splits.append((column, tuple(values)))
        else:
            self.among(column, values)

    def besides(self, column: str, values: Sequence[object]) -> None:
        """Like `among`, for what is found by another column: no index may be used."""
        marks = ", ".join(map(self.mark, values))
        self.conditions.append(f"NOT {column} NOT IN ({marks})" if marks else "1 = 0")

    def search(self, dialect: str, column: str, text: str) -> None:
        """Add that a column holds a text somewhere, whatever the case. SQLite knows
        case in ASCII only, PostgreSQL by the locale of the database.
        """
        if not storable(text):
            self.conditions.append("1 = 0")
            return
        position = "instr" if dialect == "sqlite" else "strpos"
        self.add(f"{position}(lower({column}), lower({{}})) > 0", text)

    def __str__(self) -> str:
        """Return the conditions, to follow WHERE."""
        return " AND ".join(self.conditions)


def binary(dialect: str, column: str) -> str:
    """Return the SQL of a text column that sorts byte by byte, as SQLite does."""
    return column if dialect == "sqlite" else f'{column} COLLATE "C"'


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that hangs on a parent, filtered and ordered; a key of loaders.

    All texts are SQL of ours: `source` follows FROM, `parent` is the column that
    holds the parent's id, `conditions` have `$1 …` for `values`.
    """

    columns: str
    source: str
    parent: str
    order: Order
    make: Make
    conditions: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    splits: tuple[Split, ...] = ()
    by_filter: bool = False
    """Whether the rows are found by what is filtered by, not by the parent: the
    planner of SQLite cannot know that a parent may have a million rows."""

    def page(self, cut: Cut) -> tuple[str, Where]:
        """Return the statement for one parent, `{parent}`, and its arguments."""
        where, order = self._where(), self.order
        place = f"({order.column}, {order.id})"
        for mark, later in ((cut.after, True), (cut.before, False)):
            if mark is not None:
                sign = ">" if later != order.descending else "<"
                where.add(f"{place} {sign} ({{}}, {{}})", mark.key, mark.id)
        way = "ASC" if order.descending == cut.backward else "DESC"
        select = f"SELECT {self.columns}, {order.column} AS sort_key"
        by = f"ORDER BY {order.column} {way}, {order.id} {way} LIMIT {cut.count + 1}"
        arms = [f"{select} {self._from(where, *arm)} {by}" for arm in self._arms(where)]
        if len(arms) == 1:
            return arms[0], where
        merged = " UNION ALL ".join(
            f"SELECT * FROM ({arm}) AS arm{n}"  # noqa: S608 - all SQL is ours
            for n, arm in enumerate(arms)
        )
        by = f"ORDER BY sort_key {way}, id {way} LIMIT {cut.count + 1}"
        return f"SELECT * FROM ({merged}) AS arms {by}", where  # noqa: S608 - ours

    def counting(self) -> tuple[str, Where]:
        """Return the statement that counts for one parent, and its arguments."""
        where, limit = self._where(), f"LIMIT {COUNT_MOST + 1}"
        arms = [self._from(where, *arm) for arm in self._arms(where)]
        rows = " UNION ALL ".join(
            f"SELECT 1 FROM (SELECT 1 {arm} {limit}) AS arm{n}"  # noqa: S608 - all SQL is ours
            for n, arm in enumerate(arms)
        )
        counted = f"SELECT 1 FROM ({rows}) AS arms {limit}"  # noqa: S608 - ours
        return f"SELECT count(*) AS number FROM ({counted}) AS counted", where  # noqa: S608 - ours

    def _where(self) -> Where:
        where = Where(*self.conditions)
        where.values.extend(self.values)
        return where

    def _arms(self, where: Where) -> Iterator[tuple[str, ...]]:
        """Yield the conditions of each list that is merged: none, for a single one.

        Too many values of a column are left to the database.
        """
        chosen: list[list[str]] = []
        for column, values in self.splits:
            if len(values) * prod(map(len, chosen)) > ARMS_MOST:
                where.among(column, values)
            else:
                chosen.append([f"{column} = {where.mark(it)}" for it in values])
        yield from product(*chosen)

    def _from(self, where: Where, *arm: str) -> str:
        parent = "NOT {} <> {{parent}}" if self.by_filter else "{} = {{parent}}"
        conditions = [parent.format(self.parent), *where.conditions, *arm]
        return f"FROM {self.source} WHERE {' AND '.join(conditions)}"


async def read_rows(
    loaders: Loaders,
    columns: str,
    source: str,
    where: Where,
    make: Make,
) -> list[Any]:
    """Return the row objects of a small set, in no order: it has no pages."""
    statement = " ".join(["SELECT", columns, "FROM", source, "WHERE", str(where)])
    rows = await loaders.store.fetch(statement, *where.values)
    return [make(loaders, row) for row in rows]


async def read_page(
    loaders: Loaders,
    listing: Listing,
    parent: Id,
    cut: Cut,
) -> Page:
    """Return a page of a parent's list, read together with those of its siblings."""
    rows = await loaders.load(_pages, parent, listing, cut)
    more = len(rows) > cut.count
    rows = rows[: cut.count]
    if cut.backward:
        rows.reverse()
    make = listing.make
    return Page(
        nodes=[make(loaders, row) for row in rows],
        marks=[Mark(row["sort_key"], row["id"]) for row in rows],
        more=more,
        cut=cut,
        order=listing.order,
        count=lambda: loaders.load(_counts, parent, listing),
    )


async def _pages(
    loaders: Loaders,
    parents: Sequence[Id],
    listing: Listing,
    cut: Cut,
) -> list[list[Row]]:
    statement, where = listing.page(cut)
    pages: list[list[Row]] = [[] for _ in parents]
    for row in await _of_each(loaders, parents, statement, where):
        pages[row["place"]].append(row)
    return pages


async def _counts(
    loaders: Loaders,
    parents: Sequence[Id],
    listing: Listing,
) -> list[Count]:
    statement, where = listing.counting()
    rows = await _of_each(loaders, parents, statement, where)
    numbers = {row["place"]: row["number"] for row in rows}
    return [
        Count(min(numbers[place], COUNT_MOST), numbers[place] <= COUNT_MOST)
        for place in range(len(parents))
    ]


def _of_each(
    loaders: Loaders,
    parents: Sequence[Id],
    statement: str,
    where: Where,
) -> Awaitable[list[Row]]:
    """Run a statement for each parent at once; `place` is the parent's index."""
    if loaders.store.dialect == "postgres" and len(parents) > 1:
        mark = where.mark(list(parents))
        inner = statement.replace("{parent}", "parent.id")
        whole = (
            "SELECT (parent.place - 1)::int AS place, page.* "  # noqa: S608 - ours
            f"FROM unnest({mark}::uuid[]) WITH ORDINALITY AS parent(id, place) "
            f"CROSS JOIN LATERAL ({inner}) AS page"
        )
    else:
        whole = " UNION ALL ".join(
            f"SELECT {place} AS place, page.* FROM "  # noqa: S608 - ours
            f"({statement.replace('{parent}', where.mark(parent))}) AS page"
            for place, parent in enumerate(parents)
        )
    return loaders.store.fetch(whole, *where.values)
