"""What a follower wants to see of a project's log, said once for memory and SQL."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from delivery.log import DELIVERY, LoggedEvent
from domain.deliveries import DeliveryStatus
from domain.ids import Id
from models.store import marks

_STATUS: Final = {
    "sqlite": "json_extract(body, '$.delivery.status')",
    "postgres": "CAST(body AS json) #>> '{delivery,status}'",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """All that is set must hold; `None` asks for nothing, an empty set lets nothing by.

    `statuses` are those that the deliveries had when the event happened.
    """

    kinds: frozenset[str] | None = frozenset({DELIVERY})
    integration_ids: frozenset[Id] | None = None
    incident_ids: frozenset[Id] | None = None
    delivery_ids: frozenset[Id] | None = None
    statuses: frozenset[DeliveryStatus] | None = None

    def matches(self, event: LoggedEvent) -> bool:
        """Decide about an event in memory."""
        return (
            _has(self.kinds, event.kind)
            and _has(self.integration_ids, event.integration_id)
            and _has(self.incident_ids, event.incident_id)
            and _has(self.delivery_ids, event.delivery_id)
            and _has(self.statuses, event.status)
        )

    def where(
        self, dialect: Literal["sqlite", "postgres"], first: int
    ) -> tuple[str, list[Any]]:
        """Return the same as conditions (` AND …`) and their arguments from $first."""
        text = ""
        arguments: list[Any] = []
        for column, wanted in (
            ("kind", self.kinds),
            ("integration_id", self.integration_ids),
            ("incident_id", self.incident_ids),
            ("delivery_id", self.delivery_ids),
            (_STATUS[dialect], _names(self.statuses)),
        ):
            if wanted is None:
                continue
            number = first + len(arguments)
            if dialect == "sqlite":
                text += f" AND {column} IN ({marks(len(wanted), number)})"
                arguments += wanted
            else:
                text += f" AND {column} = ANY(${number})"
                arguments.append(list(wanted))
        return text, arguments


def _names(statuses: frozenset[DeliveryStatus] | None) -> list[str] | None:
    return None if statuses is None else [status.name for status in statuses]


def _has(wanted: frozenset[Any] | None, value: Any) -> bool:  # noqa: ANN401
    return wanted is None or value in wanted
