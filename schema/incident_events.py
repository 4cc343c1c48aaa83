"""What happened to an incident, in the order in which it happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import strawberry

from domain.ids import Id, encode
from models.store import Row
from schema.enums import EventKind
from schema.listing import Listing, Where, read_rows
from schema.loaders import Loaders
from schema.node import Node, finds, in_order
from schema.pagination import Order
from schema.times import DateTime

COLUMNS: Final = "id, number, kind, at, actor"


@dataclass(slots=True)
class IncidentEventRow:
    """The row of an `IncidentEvent`."""

    key: Id
    number: int
    kind: str
    at: int
    actor: str | None

    typename: ClassVar[str] = "IncidentEvent"

    @property
    def id(self) -> str:
        """The global id."""
        return encode("IncidentEvent", self.key)


@strawberry.type(description="One thing that happened to an incident.")
class IncidentEvent(Node):
    """Resolved from an `IncidentEventRow`."""

    number: int = strawberry.field(description="1, 2, 3 … within the incident.")
    kind: EventKind
    at: DateTime
    actor: str | None = strawberry.field(
        description="The id of the user or token that did it."
    )


def event_row(_loaders: Loaders, row: Row) -> IncidentEventRow:
    """Make the row object from COLUMNS."""
    number, kind, at, actor = row["number"], row["kind"], row["at"], row["actor"]
    return IncidentEventRow(Id(row["id"]), number, kind, at, actor)


@finds("IncidentEvent")
async def events_by_id(loaders: Loaders, ids: Sequence[Id]) -> Sequence[Any]:
    """Return the project's incident events with these ids."""
    where = Where()
    where.add("project_id = {}", loaders.project_id)
    where.among("id", ids)
    rows = await read_rows(loaders, COLUMNS, "incident_event", where, event_row)
    return in_order(ids, rows)


EVENTS: Final = Listing(
    columns=COLUMNS,
    source="incident_event",
    parent="incident_id",
    order=Order(name="incidentEvents", column="number"),
    make=event_row,
)
"""The events of an incident, the first one first."""
