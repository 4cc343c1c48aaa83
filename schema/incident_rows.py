"""Rows of incidents, their look-up and their list."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from domain.ids import Id, encode
from domain.incidents import ABOUT_INTEGRATION
from models.store import Row
from schema.listing import Listing, Where, read_rows
from schema.loaders import Loaders
from schema.node import find_row, finds, in_order
from schema.pagination import Order

COLUMNS: Final = (
    "id, status, incident_type, message, severity, dedup_key, resource_type, "
    "resource_id, resource_name, resource_url, test, alert_count, started_at, "
    "acknowledged_at, resolved_at, created_at, updated_at"
)


@dataclass(slots=True)
class IncidentRow:
    """The row of an `Incident`."""

    loaders: Loaders
    key: Id
    status: str
    incident_type: str
    message: str
    severity: str
    dedup_key: str | None
    resource_type: str
    resource_key: Id | None
    resource_name: str
    resource_url: str
    test: bool
    alert_count: int
    started_at: int
    acknowledged_at: int | None
    resolved_at: int | None
    created_at: int
    updated_at: int

    typename: ClassVar[str] = "Incident"

    @property
    def id(self) -> str:
        """The global id."""
        return encode("Incident", self.key)

    @property
    def duration_seconds(self) -> int | None:
        """From start to resolution; None while it is open."""
        if self.resolved_at is None:
            return None
        return (self.resolved_at - self.started_at) // 1000

    @property
    def resource(self) -> Awaitable[object] | None:
        """The resource, where it still exists and is no integration."""
        if self.resource_key is None or self.resource_type == ABOUT_INTEGRATION:
            return None
        return find_row(self.loaders, self.resource_type, self.resource_key)

    @property
    def integration(self) -> Awaitable[object] | None:
        """The integration that it is about, where it is about one."""
        if self.resource_key is None or self.resource_type != ABOUT_INTEGRATION:
            return None
        return find_row(
            self.loaders, "Integration", self.resource_key, deleted_too=True
        )


def incident_row(loaders: Loaders, row: Row) -> IncidentRow:
    """Make the row object from COLUMNS."""
    return IncidentRow(
        loaders,
        Id(row["id"]),
        row["status"],
        row["incident_type"],
        row["message"],
        row["severity"],
        row["dedup_key"],
        row["resource_type"],
        row["resource_id"],
        row["resource_name"],
        row["resource_url"],
        bool(row["test"]),
        row["alert_count"],
        row["started_at"],
        row["acknowledged_at"],
        row["resolved_at"],
        row["created_at"],
        row["updated_at"],
    )


@finds("Incident")
async def incidents_by_id(loaders: Loaders, ids: Sequence[Id]) -> Sequence[Any]:
    """Return the project's incidents with these ids."""
    where = Where()
    where.add("project_id = {}", loaders.project_id)
    where.among("id", ids)
    rows = await read_rows(loaders, COLUMNS, "incident", where, incident_row)
    return in_order(ids, rows)


def incident_listing(where: Where, *, descending: bool) -> Listing:
    """Return the incidents of a project by time of creation, without tests."""
    return Listing(
        columns=COLUMNS,
        source="incident",
        parent="project_id",
        order=Order("incidents", "created_at", descending=descending),
        make=incident_row,
        conditions=("NOT test", *where.conditions),
        values=tuple(where.values),
        splits=tuple(where.splits),
        by_filter=where.by_filter,
    )
