"""What clients may do, each as the call that they make and as what it means.

`apply` changes the model as if the operation came now, and returns False where the
answer that the API gave would then be wrong.
"""

from dataclasses import dataclass, replace
from typing import Any, Protocol

from tests.integration.state_machines.model import (
    Incident,
    Key,
    Model,
    State,
    Text,
)

KEPT = 24 * 3_600_000
"""How long an idempotency key is remembered, in ms."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered: the codes of the errors, or the id of the noun."""

    codes: tuple[str, ...]
    id: str | None


class Operation(Protocol):
    """A mutation that a client may send."""

    @property
    def call(self) -> tuple[str, dict[str, Any], str]:
        """Mutation, input, and the noun to select."""

    def apply(self, model: Model, answer: Answer) -> bool:
        """Change the model; tell whether it may have answered so."""


def refused(answer: Answer, *codes: str) -> bool:
    """Tell whether it was refused for just these reasons."""
    return answer.codes == codes


def shown(answer: Answer, name: str) -> bool:
    """Tell whether it was done. The noun is read afterwards: it may be gone by then."""
    return not answer.codes and answer.id in {name, None}


@dataclass(frozen=True, slots=True)
class Report:
    """Report something about a server, perhaps with keys."""

    server: str
    key: str | None
    text: Text
    once: str | None = None

    @property
    def call(self) -> tuple[str, dict[str, Any], str]:
        given = {
            "serverId": self.server,
            "incidentType": self.text.type,
            "message": self.text.message,
            "severity": self.text.severity,
            "dedupKey": self.key,
            "idempotencyKey": self.once,
        }
        return "reportIncident", given, "incident"

    def apply(self, model: Model, answer: Answer) -> bool:
        same, made, at = model.calls.get(self.once or "", (None, "", 0))
        if same is not None and model.now - at <= KEPT:
            if same != self:
                return refused(answer, "IDEMPOTENCY_KEY_REUSED")
            return answer.id == made
        if not model.servers[self.server]:
            return refused(answer, "SERVER_NOT_FOUND")
        name = model.open_with(self.key) if self.key else None
        if name and model.incidents[name].server != self.server:
            return refused(answer, "VALIDATION_ERROR")
        if answer.id is None:
            return False
        if self.once:
            model.calls[self.once] = (self, answer.id, model.now)
        return self._add(model, name, answer.id)

    def _add(self, model: Model, name: str | None, shown: str) -> bool:
        if name is None:
            if shown in model.incidents:
                return False
            model.incidents[shown] = Incident(self.server, self.key, ())
            model.happen(shown, "OPENED", self.text, "TRIGGERED")
            return True
        before = model.incidents[name]
        model.happen(name, "ALERT_ADDED", before.text, before.status)
        if before.text != self.text:
            model.happen(name, "UPDATED", self.text, before.status)
        return shown == name


@dataclass(frozen=True, slots=True)
class Close:
    """Acknowledge or resolve an incident, by its id or by its key."""

    mutation: str
    incident: str | None
    key: str | None

    @property
    def call(self) -> tuple[str, dict[str, Any], str]:
        given = {"incidentId": self.incident, "dedupKey": self.key}
        return self.mutation, given, "incident"

    def apply(self, model: Model, answer: Answer) -> bool:
        name = model.open_with(self.key) if self.key else self.incident
        if name is None or model.incidents[name].status == "RESOLVED":
            return refused(answer, "INCIDENT_NOT_FOUND")
        before = model.incidents[name]
        if self.mutation == "resolveIncident":
            model.happen(name, "RESOLVED", before.text, "RESOLVED")
        elif before.status != "ACKNOWLEDGED":
            model.happen(name, "ACKNOWLEDGED", before.text, "ACKNOWLEDGED")
        return answer.id == name


@dataclass(frozen=True, slots=True)
class Redeliver:
    """Send a delivery again; `delivery` is its id, `key` its name in the model."""

    delivery: str
    key: Key

    @property
    def call(self) -> tuple[str, dict[str, Any], str]:
        return "redeliver", {"deliveryId": self.delivery}, "delivery"

    def apply(self, model: Model, answer: Answer) -> bool:
        owed, loose = model.owed[self.key], self.key in model.loose
        it = model.integrations[self.key.integration]
        unable = it.deleted or not it.active
        if unable or (owed.state is State.SENDING and not loose):
            return refused(answer, "UNPROCESSABLE_ENTITY")
        being_sent = refused(answer, "UNPROCESSABLE_ENTITY")
        if being_sent:  # only what was tried meanwhile may have been in flight
            return loose or owed.state in {State.DOOMED, State.LOOSE}
        ended = {State.DELIVERED, State.FAILED, State.CANCELLED}
        manual: bool | None = owed.manual or owed.state in ended
        if loose or owed.state in {State.DOOMED, State.LOOSE}:
            manual = owed.manual or None
        model.owed[self.key] = replace(
            owed,
            state=State.WAITING,
            reasons=frozenset(),
            manual=manual,
            asked_at=model.now,
            redeliveries=owed.redeliveries + 1,
        )
        return answer.id == self.delivery


@dataclass(frozen=True, slots=True)
class Gone:
    """What the engine does by itself when a far end says 410: no call of a client."""

    key: Key

    @property
    def call(self) -> tuple[str, dict[str, Any], str]:
        raise AssertionError

    def apply(self, model: Model, answer: Answer) -> bool:
        if self.key not in model.owed:
            return False
        model.disable(self.key.integration)
        return True
