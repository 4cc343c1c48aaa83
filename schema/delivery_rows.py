"""Rows of deliveries: apart from their types, since incidents list them too."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from delivery.feed import Feed
from domain.deliveries import DeliveryKind, DeliveryStatus
from domain.ids import Id, encode
from models.store import Row
from schema.context import Info
from schema.listing import Listing, Where, read_page, read_rows
from schema.loaders import Loaders
from schema.node import find_row, finds, in_order
from schema.pagination import Cut, Order, Page
from schema.selections import selects

COLUMNS: Final = (
    "id, integration_id, incident_id, kind, status, due_at, attempts, manual, "
    "cancel_reason, error, created_at, updated_at, delivered_at"
)
ATTEMPT_COLUMNS: Final = (
    "delivery_id, number, outcome, status_code, duration_ms, error, excerpt, "
    "started_at, ended_at"
)
_WAITING: Final = {DeliveryStatus.PENDING, DeliveryStatus.RETRYING}


@dataclass(slots=True)
class AttemptRow:
    """The row of an `Attempt`; `outcome` is None while it goes on."""

    delivery_key: Id
    number: int
    outcome: int | None
    status_code: int | None
    duration_ms: int | None
    error: str | None
    excerpt: str | None
    started_at: int
    ended_at: int | None


@dataclass(slots=True)
class DeliveryRow:
    """The row of a `Delivery`."""

    loaders: Loaders
    key: Id
    integration_key: Id | None
    incident_key: Id | None
    kind: str
    status: int
    due_at: int | None
    attempt_count: int
    manual: bool
    cancel_reason: str | None
    error: str | None
    created_at: int
    updated_at: int
    delivered_at: int | None

    typename: ClassVar[str] = "Delivery"

    @property
    def id(self) -> str:
        """The global id."""
        return encode("Delivery", self.key)

    @property
    def test(self) -> bool:
        """Whether somebody tried the integration with it."""
        return self.kind == DeliveryKind.TEST

    @property
    def next_attempt_at(self) -> int | None:
        """When it will be tried next; None when it does not wait for that."""
        return self.due_at if self.status in _WAITING else None

    @property
    def integration(self) -> Awaitable[object] | None:
        """The integration, deleted or not."""
        key = self.integration_key
        if key is None:
            return None
        return find_row(self.loaders, "Integration", key, deleted_too=True)

    @property
    def incident(self) -> Awaitable[object] | None:
        """The incident that it tells of."""
        key = self.incident_key
        return None if key is None else find_row(self.loaders, "Incident", key)

    @property
    def attempts(self) -> Awaitable[list[AttemptRow]]:
        """All tries, the first one first."""
        return self.loaders.load(attempts_of, self.key)


def delivery_row(loaders: Loaders, row: Row) -> DeliveryRow:
    """Make the row object from COLUMNS."""
    return DeliveryRow(
        loaders,
        Id(row["id"]),
        row["integration_id"],
        row["incident_id"],
        row["kind"],
        row["status"],
        row["due_at"],
        row["attempts"],
        bool(row["manual"]),
        row["cancel_reason"],
        row["error"],
        row["created_at"],
        row["updated_at"],
        row["delivered_at"],
    )


@finds("Delivery")
async def deliveries_by_id(loaders: Loaders, ids: Sequence[Id]) -> Sequence[Any]:
    """Return the project's deliveries with these ids."""
    where = Where()
    where.add("project_id = {}", loaders.project_id)
    where.among("id", ids)
    rows = await read_rows(loaders, COLUMNS, "delivery", where, delivery_row)
    return in_order(ids, rows)


async def attempts_of(loaders: Loaders, ids: Sequence[Id]) -> list[list[AttemptRow]]:
    """Return the attempts of deliveries that have been read for this project."""
    where = Where()
    where.among("delivery_id", ids)
    rows = await read_rows(loaders, ATTEMPT_COLUMNS, "attempt", where, _attempt_row)
    found: dict[Id, list[AttemptRow]] = {value: [] for value in ids}
    for row in sorted(rows, key=lambda row: row.number):
        found[row.delivery_key].append(row)
    return list(found.values())


def _attempt_row(_loaders: Loaders, row: Row) -> AttemptRow:
    return AttemptRow(*(row[name] for name in ATTEMPT_COLUMNS.split(", ")))


def delivery_listing(parent: str, where: Where, *, descending: bool) -> Listing:
    """Return the deliveries of a project or an incident, by time of creation."""
    return Listing(
        columns=COLUMNS,
        source="delivery",
        parent=parent,
        order=Order("deliveries", "created_at", descending=descending),
        make=delivery_row,
        conditions=tuple(where.conditions),
        values=tuple(where.values),
        splits=tuple(where.splits),
        by_filter=where.by_filter,
    )


OF_INCIDENT: Final = delivery_listing("incident_id", Where(), descending=False)
"""The deliveries of an incident, the first one first."""


async def delivery_page(info: Info, listing: Listing, parent: Id, part: Cut) -> Page:
    """Return a page of deliveries, with an event cursor where that is selected: taken
    before the list is read, so that following it misses no change.
    """
    context = info.context
    loaders, feed = context.loaders, context.services.feed
    cursor = None
    if selects(info, "eventCursor"):
        cursor = await loaders.load(_event_cursors, loaders.project_id, feed)
    page = await read_page(loaders, listing, parent, part)
    page.event_cursor = cursor
    return page


async def _event_cursors(_: Loaders, projects: Sequence[Id], feed: Feed) -> list[str]:
    return [await feed.cursor(project_id) for project_id in projects]
