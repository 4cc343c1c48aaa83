"""Operating deliveries: sending many again, and cancelling what waits."""

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Final

import strawberry

from delivery.many_redeliveries import (
    Choice,
    Part,
    Seen,
    SkipReason,
    foresee,
    redeliver_many,
)
from delivery.withdrawals import skipped, withdraw, withdraw_many
from domain.deliveries import DeliveryStatus
from domain.faults import Code
from domain.ids import Id
from domain.scopes import Scope
from models.store import Tx
from schema.checks import Checks
from schema.context import Info
from schema.deliveries import Delivery
from schema.delivery_filter import DeliveryFilter, where_of
from schema.delivery_walk import Progress, Walk
from schema.errors import Payload
from schema.listing import Where
from schema.node import find_row, id_of
from schema.scopes import mutation
from schema.turns import Done, carry_out

strawberry.enum(
    SkipReason,
    name="DeliverySkipReason",
    description="Why a delivery that a filter lets through is left as it is.",
)

NOT_ARRIVED: Final = [DeliveryStatus.FAILED, DeliveryStatus.CANCELLED]
WAITING: Final = [DeliveryStatus.PENDING, DeliveryStatus.RETRYING]

_PATH: Final = ("input", "filter")


@strawberry.type(description="How many deliveries were left as they are, and why.")
class SkippedDeliveries:
    """A reason with its count."""

    reason: SkipReason
    count: int


@strawberry.input
class RedeliverManyInput:
    """What `redeliverMany` takes."""

    filter: DeliveryFilter = strawberry.field(
        description="Which deliveries. Without `status` those that are FAILED or "
        "CANCELLED.",
    )
    dry_run: bool = strawberry.field(
        default=False,
        description="Only count: nothing is changed.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="A call that was cut off is carried on by the next one with its key.",
    )


@strawberry.input
class CancelDeliveriesInput:
    """What `cancelDeliveries` takes."""

    filter: DeliveryFilter = strawberry.field(
        description="Which deliveries. Without `status` those that are PENDING or "
        "RETRYING: no others can be cancelled.",
    )
    dry_run: bool = strawberry.field(
        default=False,
        description="Only count: nothing is changed.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="A call that was cut off is carried on by the next one with its key.",
    )


@strawberry.input
class CancelDeliveryInput:
    """What `cancelDelivery` takes."""

    delivery_id: strawberry.ID


@strawberry.type
class RedeliverManyPayload(Payload):
    """What `redeliverMany` answers."""

    matched: int | None = strawberry.field(
        default=None, description="Deliveries that the filter lets through."
    )
    queued: int | None = strawberry.field(
        default=None,
        description="Those that are sent again; in a dry run, that would be.",
    )
    skipped: int | None = strawberry.field(
        default=None, description="Those that are not: `matched` less `queued`."
    )
    skipped_by_reason: list[SkippedDeliveries] | None = None


@strawberry.type
class CancelDeliveriesPayload(Payload):
    """What `cancelDeliveries` answers."""

    matched: int | None = strawberry.field(
        default=None, description="Deliveries that the filter lets through."
    )
    cancelled: int | None = strawberry.field(
        default=None,
        description="Those that waited; in a dry run, that wait.",
    )
    skipped: int | None = strawberry.field(
        default=None, description="Those that did not wait: `matched` less `cancelled`."
    )
    skipped_by_reason: list[SkippedDeliveries] | None = None


@strawberry.type
class CancelDeliveryPayload(Payload):
    """What `cancelDelivery` answers."""

    delivery: Delivery | None = None


@strawberry.type
class DeliveryOperationMutations:
    """Mutations by which deliveries are operated."""

    @mutation(
        Scope.WRITE,
        "Sends all deliveries again that a filter lets through, however many, in short "
        "steps: same bodies, same message ids, as fast as their integrations take them. "
        "Left out are: what is not repeatable, what waits or is being sent, what nobody "
        "needs any more, tests unless asked for, and what could not be sent now.",
    )
    async def redeliver_many(
        self, info: Info, input: RedeliverManyInput
    ) -> RedeliverManyPayload:
        """Make deliveries due again."""
        services, project_id = info.context.services, info.context.project_id
        choice = Choice(services.channels, tests=input.filter.test is True)

        async def do(tx: Tx, seen: list[Seen], now: int) -> Part:
            return await redeliver_many(tx, choice, project_id, seen, now)

        store = services.store
        looking = partial(foresee, store.fetch, store.dialect, choice, project_id)
        walk = Walk(info=info, where=_where(input.filter, NOT_ARRIVED), do=do)
        progress = await (walk.look(looking) if input.dry_run else walk.go(input))
        return RedeliverManyPayload(
            matched=progress.matched,
            queued=progress.done,
            skipped=progress.skipped.total(),
            skipped_by_reason=_reasons(progress),
        )

    @mutation(
        Scope.WRITE,
        "Cancels all waiting deliveries that a filter lets through, however many, in "
        "short steps, the newest first. What is being sent is not torn off; if it does "
        "not arrive it waits again, and can be cancelled then.",
    )
    async def cancel_deliveries(
        self, info: Info, input: CancelDeliveriesInput
    ) -> CancelDeliveriesPayload:
        """Cancel deliveries."""
        project_id = info.context.project_id

        async def do(tx: Tx, seen: list[Seen], now: int) -> Part:
            return await withdraw_many(tx, project_id, seen, now)

        where = _where(input.filter, WAITING)
        walk = Walk(info=info, where=where, do=do, newest_first=True)
        progress = await (walk.look(_waiting) if input.dry_run else walk.go(input))
        return CancelDeliveriesPayload(
            matched=progress.matched,
            cancelled=progress.done,
            skipped=progress.skipped.total(),
            skipped_by_reason=_reasons(progress),
        )

    @mutation(
        Scope.WRITE,
        "Cancels a delivery that waits, with the reason OPERATOR; what waited for it "
        "takes its turn. One that is being sent is not torn off: that is refused, and "
        "if it does not arrive it waits again. One that is cancelled stays as it is.",
    )
    async def cancel_delivery(
        self, info: Info, input: CancelDeliveryInput
    ) -> CancelDeliveryPayload:
        """Cancel a delivery."""
        done = await carry_out(info, input, partial(_cancel, info, input))
        loaders = info.context.loaders
        return CancelDeliveryPayload(
            delivery=await find_row(loaders, "Delivery", done.id)
        )


async def _cancel(info: Info, given: CancelDeliveryInput, tx: Tx, now: int) -> Done:
    checks, delivery_id = Checks(), id_of("Delivery", given.delivery_id)
    if delivery_id is None:
        message = "There is no delivery with this id."
        path = ("input", "deliveryId")
        checks.refuse(message, *path, code=Code.DELIVERY_NOT_FOUND)
    found: Id = checks.need(delivery_id)
    await withdraw(tx, info.context.project_id, found, now)
    return Done(found)


async def _waiting(seen: list[Seen]) -> Part:
    waiting = [status for _, status, _ in seen if status in WAITING]
    others = Counter(skipped(it) for _, it, _ in seen if it not in WAITING)
    return Part(done=len(waiting), skipped=others)


def _where(chosen: DeliveryFilter, statuses: list[DeliveryStatus]) -> Where:
    status = statuses if chosen.status is None else chosen.status
    return where_of(replace(chosen, status=status), *_PATH)


def _reasons(progress: Progress) -> list[SkippedDeliveries]:
    counted = sorted(progress.skipped.items())
    return [SkippedDeliveries(reason=it, count=count) for it, count in counted if count]
