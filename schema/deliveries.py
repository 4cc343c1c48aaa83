"""Deliveries and their attempts: types, look-up, list and redelivery."""

from functools import partial

import strawberry

from delivery.redelivery import redeliver
from domain.deliveries import (
    CancelReason,
    DeliveryKind,
    DeliveryStatus,
    OutcomeKind,
)
from domain.faults import Code
from domain.ids import Id
from domain.scopes import Scope
from models.store import Tx
from schema.checks import Checks
from schema.context import Info
from schema.delivery_filter import DeliveryFilter, DeliveryOrder, where_of
from schema.delivery_rows import delivery_listing, delivery_page
from schema.errors import Payload
from schema.incidents import Incident
from schema.integrations import Integration
from schema.node import Node, find, find_row, id_of
from schema.pagination import Connection, OrderDirection, Page, cut
from schema.scopes import mutation, query
from schema.times import DateTime
from schema.turns import Done, carry_out

strawberry.enum(
    DeliveryKind,
    description="What a delivery tells: an event of its incident, or a message outside "
    "incidents.",
)
strawberry.enum(CancelReason, description="Why a delivery was not sent.")
strawberry.enum(OutcomeKind, name="Outcome", description="How one try ended.")


@strawberry.type(description="One try of a delivery.")
class Attempt:
    """Resolved from an `AttemptRow`."""

    number: int = strawberry.field(description="1, 2, 3 … within the delivery.")
    outcome: OutcomeKind | None = strawberry.field(
        description="Null while the try goes on.",
    )
    status_code: int | None = strawberry.field(description="Of the far end's answer.")
    duration_ms: int | None
    error: str | None = strawberry.field(description="A sentence for people.")
    excerpt: str | None = strawberry.field(
        description="The start of the far end's answer, without secrets.",
    )
    started_at: DateTime
    ended_at: DateTime | None


@strawberry.type(
    description="One event of an incident on its way to an integration; or a message "
    "outside incidents, which has neither."
)
class Delivery(Node):
    """Resolved from a `DeliveryRow`, or from the snapshot in a logged event."""

    status: DeliveryStatus
    kind: DeliveryKind
    attempt_count: int
    test: bool = strawberry.field(
        description="Whether it was sent by `testIntegration`."
    )
    manual: bool = strawberry.field(description="Whether it was sent again by hand.")
    created_at: DateTime
    updated_at: DateTime
    delivered_at: DateTime | None
    next_attempt_at: DateTime | None = strawberry.field(
        description="Null where it waits for nothing, or for an earlier delivery.",
    )
    cancel_reason: CancelReason | None
    error: str | None = strawberry.field(description="Why it failed, for people.")
    integration: Integration | None = strawberry.field(
        description="Who is told; shown also when it has been deleted. Null outside "
        "incidents.",
    )
    incident: Incident | None = strawberry.field(
        description="What it tells of; null outside incidents.",
    )
    attempts: list[Attempt]


@strawberry.type(description="A page of a list of deliveries.")
class DeliveryConnection(Connection[Delivery]):
    """A connection that can be followed."""

    event_cursor: str = strawberry.field(
        description="For `deliveryEvents(after:)`: what changes after this list was "
        "read comes there; a change that the list already shows may come again.",
    )


@strawberry.type
class DeliveryQueries:
    """Root queries for deliveries."""

    @query(
        Scope.READ,
        "The delivery with this id; null where there is none.",
        graphql_type=Delivery | None,
    )
    async def delivery(self, info: Info, id: strawberry.ID) -> object:
        """Look up a delivery."""
        return await find(info.context.loaders, "Delivery", id)

    @query(
        Scope.READ,
        "The project's deliveries, the newest first unless told otherwise.",
        graphql_type=DeliveryConnection,
    )
    async def deliveries(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: DeliveryFilter | None = None,
        order_by: DeliveryOrder | None = None,
    ) -> Page:
        """List deliveries."""
        down = order_by is None or order_by.direction is OrderDirection.DESC
        listing = delivery_listing("project_id", where_of(filter), descending=down)
        part = cut(listing.order, first=first, after=after, last=last, before=before)
        return await delivery_page(info, listing, info.context.project_id, part)


@strawberry.input
class RedeliverInput:
    """What `redeliver` takes."""

    delivery_id: strawberry.ID
    confirm: bool = strawberry.field(
        default=False,
        description="Needed where a repetition does something once more, such as a "
        "restart (`abilities.repeatable` is false).",
    )
    idempotency_key: str | None = None


@strawberry.type
class RedeliverPayload(Payload):
    """What `redeliver` answers."""

    delivery: Delivery | None = None


@strawberry.type
class DeliveryMutations:
    """Mutations of deliveries."""

    @mutation(
        Scope.WRITE,
        "Sends a delivery again, whatever became of it: the same body under the same "
        "message id.",
    )
    async def redeliver(self, info: Info, input: RedeliverInput) -> RedeliverPayload:
        """Make a delivery due again."""
        done = await carry_out(info, input, partial(_redeliver, info, input))
        loaders = info.context.loaders
        return RedeliverPayload(delivery=await find_row(loaders, "Delivery", done.id))


async def _redeliver(info: Info, given: RedeliverInput, tx: Tx, now: int) -> Done:
    context, checks = info.context, Checks()
    delivery_id = id_of("Delivery", given.delivery_id)
    if delivery_id is None:
        message = "There is no delivery with this id."
        path = ("input", "deliveryId")
        checks.refuse(message, *path, code=Code.DELIVERY_NOT_FOUND)
    found: Id = checks.need(delivery_id)
    channels = context.services.channels
    await redeliver(
        tx, channels, context.project_id, found, now, confirmed=given.confirm
    )
    return Done(found)
