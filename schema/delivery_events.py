"""The stream of deliveries: every change, as it was logged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import strawberry

from delivery.cursor import CursorExpiredError, CursorInvalidError
from delivery.event_filter import EventFilter
from delivery.following import Following
from delivery.log import LoggedEvent
from domain.deliveries import DeliveryStatus, OutcomeKind
from domain.ids import Id, decode
from domain.scopes import Scope
from schema.context import Info, Services
from schema.deliveries import Attempt, Delivery
from schema.delivery_rows import attempts_of
from schema.derived import TYPENAMES
from schema.errors import ApiError, ErrorCode
from schema.loaders import Loaders
from schema.logged import LoggedRow, reader
from schema.node import ids_of
from schema.scopes import subscription
from schema.times import DateTime


@strawberry.type(description="A change of a delivery.")
class DeliveryEvent:
    """Resolved from a `DeliveryEventRow`."""

    cursor: str = strawberry.field(description="Resumes right after this event.")
    at: DateTime
    delivery: Delivery = strawberry.field(
        description="`status`, `attemptCount`, `integration {id name}` and `incident "
        "{id status}` as they were; all other fields as they are now.",
    )
    attempt: Attempt | None = strawberry.field(
        description="The try that has ended, where one has.",
    )


@strawberry.input(description="Which events; all conditions must hold.")
class DeliveryEventFilter:
    """Conditions on events of deliveries."""

    integration_id: list[strawberry.ID] | None = None
    incident_id: list[strawberry.ID] | None = None
    delivery_id: list[strawberry.ID] | None = None
    status: list[DeliveryStatus] | None = strawberry.field(
        default=None,
        description="The status that the delivery had then.",
    )


@dataclass(slots=True)
class DeliveryEventRow:
    """The row of a `DeliveryEvent`."""

    cursor: str
    at: int
    delivery: LoggedRow
    attempt: LoggedRow | None


class DeliveryEvents:
    """The rows of the events that a follower takes, each with loaders of its own."""

    def __init__(self, following: Following, services: Services) -> None:
        """Take an opened follower."""
        self.following = following
        self._services = services

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> DeliveryEventRow:
        """Return the next event, as soon as there is one."""
        try:
            event = await anext(self.following)
        except CursorExpiredError as expired:
            raise _expired(expired) from None
        return _Shown(self._services, event).event()

    async def aclose(self) -> None:
        """End the follower; a step that is waiting ends too."""
        await self.following.aclose()


class _Shown:
    """Makes the rows of one event."""

    def __init__(self, services: Services, event: LoggedEvent) -> None:
        self._loaders = Loaders(services.store, event.project_id)
        self._event = event

    def event(self) -> DeliveryEventRow:
        body, delivery_id = self._event.body, self._event.delivery_id
        assert delivery_id is not None  # noqa: S101 - of this kind, all have one
        attempt = body["attempt"]
        return DeliveryEventRow(
            cursor=self._event.cursor,
            at=self._event.at,
            delivery=self._delivery(delivery_id, body["delivery"]),
            attempt=attempt and self._attempt(delivery_id, attempt),
        )

    def _row(
        self, noun: str, typename: str, key: Id, logged: Mapping[str, Any]
    ) -> LoggedRow:
        read = reader(self._loaders, noun, key)
        return LoggedRow(self._loaders, typename, key, logged, read)

    def _delivery(self, key: Id, logged: Mapping[str, Any]) -> LoggedRow:
        shown = {
            "id": logged["id"],
            "status": DeliveryStatus[logged["status"]].value,
            "attempt_count": logged["attemptCount"],
            "integration": self._integration(logged["integration"]),
            "incident": self._incident(logged["incident"]),
        }
        return self._row("Delivery", "Delivery", key, shown)

    def _integration(self, logged: Mapping[str, Any] | None) -> LoggedRow | None:
        if logged is None:
            return None
        _, key = decode(logged["id"])
        return self._row("Integration", TYPENAMES[logged["type"]], key, logged)

    def _incident(self, logged: Mapping[str, Any] | None) -> LoggedRow | None:
        if logged is None:
            return None
        _, key = decode(logged["id"])
        return self._row("Incident", "Incident", key, logged)

    def _attempt(self, delivery: Id, logged: Mapping[str, Any]) -> LoggedRow:
        number, loaders = logged["number"], self._loaders

        async def read() -> object:
            attempts = await loaders.load(attempts_of, delivery)
            return next((a for a in attempts if a.number == number), None)

        shown = {
            "number": number,
            "outcome": OutcomeKind[logged["outcome"]].value,
            "status_code": logged["statusCode"],
            "duration_ms": logged["durationMs"],
            "error": logged["error"],
            "started_at": logged["startedAt"],
        }
        return LoggedRow(loaders, "Attempt", delivery, shown, read)


@strawberry.type
class DeliverySubscriptions:
    """The root subscription for deliveries."""

    @subscription(
        Scope.READ,
        "Every change of the project's deliveries: from now on, or everything since "
        "a cursor and then live, without gap or double.",
        graphql_type=DeliveryEvent,
    )
    async def delivery_events(
        self,
        info: Info,
        after: str | None = None,
        filter: DeliveryEventFilter | None = None,
    ) -> DeliveryEvents:
        """Follow the event log."""
        services, project_id = info.context.services, info.context.project_id
        start = info.context.resume_after or after
        following = services.feed.follow(project_id, start, _wanted(filter))
        try:
            await following.open()
        except CursorInvalidError:
            message = "This is not a cursor of this project's events."
            raise ApiError(ErrorCode.CURSOR_INVALID, message) from None
        except CursorExpiredError as expired:
            raise _expired(expired) from None
        return DeliveryEvents(following, services)


def _wanted(chosen: DeliveryEventFilter | None) -> EventFilter:
    if chosen is None:
        return EventFilter()

    def ids(noun: str, texts: list[strawberry.ID] | None) -> frozenset[Id] | None:
        path = ("filter", f"{noun.lower()}Id")
        return None if texts is None else frozenset(ids_of(noun, texts, *path))

    return EventFilter(
        integration_ids=ids("Integration", chosen.integration_id),
        incident_ids=ids("Incident", chosen.incident_id),
        delivery_ids=ids("Delivery", chosen.delivery_id),
        statuses=None if chosen.status is None else frozenset(chosen.status),
    )


def _expired(error: CursorExpiredError) -> ApiError:
    message = "What followed this cursor is not kept any more."
    oldest = {"oldestCursor": error.oldest}
    return ApiError(ErrorCode.CURSOR_EXPIRED, message, **oldest)
