"""Which deliveries, and how they are sorted."""

from enum import Enum, unique

import strawberry

from domain.deliveries import DeliveryStatus
from domain.ids import Id
from schema.listing import Where
from schema.node import ids_of
from schema.pagination import OrderDirection
from schema.times import DateTime

strawberry.enum(DeliveryStatus, description="Where a delivery stands.")


@strawberry.enum(description="What deliveries are sorted by.")
@unique
class DeliveryOrderField(Enum):
    """Columns to sort deliveries by."""

    CREATED_AT = "created_at"


@strawberry.input(description="How deliveries are sorted; ties by id.")
class DeliveryOrder:
    """A field and a direction."""

    field: DeliveryOrderField
    direction: OrderDirection = OrderDirection.ASC


@strawberry.input(description="Which deliveries; all conditions must hold.")
class DeliveryFilter:
    """Conditions on deliveries."""

    status: list[DeliveryStatus] | None = None
    integration_id: list[strawberry.ID] | None = None
    incident_id: list[strawberry.ID] | None = None
    since: DateTime | None = strawberry.field(
        default=None,
        description="Made at this time or later.",
    )
    until: DateTime | None = strawberry.field(
        default=None,
        description="Made before this time.",
    )
    test: bool | None = strawberry.field(
        default=None,
        description="True: only what `testIntegration` has sent; false: all else. By "
        "default a list of deliveries has both.",
    )


def where_of(chosen: DeliveryFilter | None, *path: str) -> Where:
    """Return the conditions of a filter, which stands at this path."""
    where = Where()
    if chosen is None:
        return where
    statuses = chosen.status
    integrations = _ids("Integration", chosen.integration_id, *path)
    incidents = _ids("Incident", chosen.incident_id, *path)
    where.by_filter = incidents is not None or integrations is not None
    narrow = where.split
    if incidents is not None:
        where.among("incident_id", incidents)
        narrow = where.besides
    elif integrations is not None and statuses is None:
        statuses = list(DeliveryStatus)  # their index goes by status
    if integrations is not None:
        narrow("integration_id", integrations)
    if statuses is not None:
        narrow("status", sorted({it.value for it in statuses}))
    _narrow(where, chosen)
    return where


def _narrow(where: Where, chosen: DeliveryFilter) -> None:
    if chosen.since is not None:
        where.add("created_at >= {}", chosen.since)
    if chosen.until is not None:
        where.add("created_at < {}", chosen.until)
    if chosen.test is not None:
        where.conditions.append(f"kind {'=' if chosen.test else '<>'} 'TEST'")


def _ids(noun: str, texts: list[strawberry.ID] | None, *path: str) -> list[Id] | None:
    where = (*(path or ("filter",)), f"{noun.lower()}Id")
    return None if texts is None else ids_of(noun, texts, *where)
