"""Keyset connections: what clients see of a list, and the arguments of all lists.

A cursor is the sort key and id of a row, bound to the ordering it was made for; it
holds no authority, since every list is read for the caller's project anyway.
`schema.listing` reads the rows.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, unique
from typing import Any, Final, Generic, NamedTuple, TypeVar

import orjson
import strawberry

from domain.ids import Id
from schema.checks import storable
from schema.errors import ApiError, ErrorCode, bad_input
from schema.scopes import field

T = TypeVar("T")

PAGE: Final = 25
PAGE_MOST: Final = 100
COUNT_MOST: Final = 10_000
"""Rows are counted exactly up to here."""

_INTEGER_MOST: Final = 2**63 - 1


@strawberry.enum(description="Which way a list is sorted.")
@unique
class OrderDirection(Enum):
    """The directions of an order."""

    ASC = "ASC"
    DESC = "DESC"


class Mark(NamedTuple):
    """A place in an ordered list: the sort key of a row, and its id."""

    key: int | str
    id: Id


@dataclass(frozen=True, slots=True)
class Order:
    """A total order: by a stored column, ties by id. `name` is bound into cursors.

    `column` and `id` are SQL of ours; a text column is compared byte by byte.
    """

    name: str
    column: str
    id: str = "id"
    text: bool = False
    descending: bool = False

    def cursor(self, mark: Mark) -> str:
        """Return the opaque text form of a place in this order."""
        parts = [self.name, self.descending, mark.key, mark.id.hex()]
        return base64.urlsafe_b64encode(orjson.dumps(parts)).rstrip(b"=").decode()

    def mark(self, cursor: str) -> Mark:
        """Return the place of a cursor; ApiError if it was not made for this order."""
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            name, down, key, at = orjson.loads(base64.urlsafe_b64decode(padded))
            mark = Mark(key, Id(bytes.fromhex(at)))
        except (ValueError, TypeError, binascii.Error):
            raise _CURSOR_INVALID from None
        if (name, down) != (self.name, self.descending) or not self._holds(mark):
            raise _CURSOR_INVALID
        return mark

    def _holds(self, mark: Mark) -> bool:
        key: object = mark.key
        if self.text:
            fits = isinstance(key, str) and storable(key)
        else:
            fits = type(key) is int and abs(key) <= _INTEGER_MOST
        return fits and len(mark.id) == 16  # noqa: PLR2004 - bytes of an id


_CURSOR_INVALID = ApiError(
    ErrorCode.CURSOR_INVALID,
    "The cursor does not belong to this list in this order.",
)


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of a list that is asked for, checked; a key of loaders."""

    count: int
    backward: bool
    after: Mark | None
    before: Mark | None


def cut(
    order: Order,
    *,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Cut:
    """Return what the four arguments of a connection ask for; ApiError if wrong."""
    problems = [
        ((name,), f"Must be from 0 to {PAGE_MOST}.")
        for name, value in (("first", first), ("last", last))
        if value is not None and not 0 <= value <= PAGE_MOST
    ]
    if first is not None and last is not None:
        problems.append((("last",), "Give first or last, not both."))
    if problems:
        raise bad_input(*problems)
    count = first if first is not None else last
    return Cut(
        count=PAGE if count is None else count,
        backward=last is not None or (first is None and _only(before, after)),
        after=None if after is None else order.mark(after),
        before=None if before is None else order.mark(before),
    )


def _only(before: str | None, after: str | None) -> bool:
    return before is not None and after is None


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """As in the Relay specification, whole."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="A row of a page with its cursor.")
class Edge(Generic[T]):
    """As in the Relay specification."""

    cursor: str
    node: T


class EdgeRow(NamedTuple):
    """The row of an `Edge`."""

    cursor: str
    node: Any


class Count(NamedTuple):
    """How many rows a list has, at most COUNT_MOST, and whether that is exact."""

    number: int
    exact: bool


@dataclass(slots=True)
class Page:
    """The row of a connection: rows of one page and how to count all.

    `event_cursor` is set where the list has a stream and the cursor is selected.
    """

    nodes: Sequence[Any]
    marks: Sequence[Mark]
    more: bool
    cut: Cut
    order: Order
    count: Callable[[], Any]
    event_cursor: str | None = None

    @property
    def edges(self) -> list[EdgeRow]:
        """The rows with their cursors."""
        cursor = self.order.cursor
        pairs = zip(self.nodes, self.marks, strict=True)
        return [EdgeRow(cursor(mark), node) for node, mark in pairs]

    @property
    def page_info(self) -> PageInfo:
        """Where the page lies. What lies beyond a given cursor counts as a page."""
        back, marks = self.cut.backward, self.marks
        following, preceding = self.cut.before is not None, self.cut.after is not None
        return PageInfo(
            has_next_page=following or (self.more and not back),
            has_previous_page=preceding or (self.more and back),
            start_cursor=self.order.cursor(marks[0]) if marks else None,
            end_cursor=self.order.cursor(marks[-1]) if marks else None,
        )


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """As in the Relay specification, with `nodes` and a bounded count.

    Resolved from a `Page`; counting costs a statement, made only when selected.
    """

    edges: list[Edge[T]]
    nodes: list[T]
    page_info: PageInfo

    @field(f"Rows in the whole list, counted up to {COUNT_MOST}.")
    @staticmethod
    async def total_count(page: strawberry.Parent[Page]) -> int:
        """Count the list."""
        counted: Count = await page.count()
        return counted.number

    @field("Whether totalCount is the exact number.")
    @staticmethod
    async def total_count_exact(page: strawberry.Parent[Page]) -> bool:
        """Count the list, once for both fields."""
        counted: Count = await page.count()
        return counted.exact
