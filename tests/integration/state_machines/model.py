"""What ought to be: servers, integrations, incidents and who has to be told of what, in
plain Python. It knows nothing of the engine and takes nothing from it.

Operations change the model one after the other. What the model cannot know, because it
depends on how far the engine had come, it leaves open: a delivery on which something
was tried while the operations ran is `loose`, and both ends are lawful.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, unique
from typing import NamedTuple

DOWN = "OPENED"
FINAL = frozenset({"DELIVERED", "FAILED", "CANCELLED"})
DISABLED, DELETED = "INTEGRATION_DISABLED", "INTEGRATION_DELETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a channel wants and can."""

    wants: frozenset[str]
    in_place: bool = False
    skip_stale: bool = False


class Key(NamedTuple):
    """Names a delivery: one event of one incident to one integration."""

    incident: str
    integration: str
    number: int


class Text(NamedTuple):
    """What a report says."""

    type: str
    message: str
    severity: str


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of an incident, with the incident as it left it."""

    kind: str
    text: Text
    status: str


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident and its events, the first of which is number 1."""

    server: str
    key: str | None
    events: tuple[Happened, ...]

    @property
    def status(self) -> str:
        return self.events[-1].status

    @property
    def text(self) -> Text:
        return self.events[-1].text


@dataclass(frozen=True, slots=True)
class Integration:
    """An integration; `changes` counts what was changed of it, `terms` how often it
    was switched off.
    """

    active: bool = True
    deleted: bool = False
    down_only: bool = False
    changes: int = 0
    terms: int = 0

    @property
    def switched(self) -> tuple[bool, int]:
        """What can be seen of its being switched on and off."""
        return self.active, self.terms


@unique
class State(Enum):
    """How far a delivery is, as far as the model knows.

    DOOMED was being sent when it was cancelled: it comes to its end, but nothing more
    is tried. LOOSE may have been cancelled, or may have been sent just before.
    """

    WAITING = "WAITING"
    SENDING = "SENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    DOOMED = "DOOMED"
    LOOSE = "LOOSE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A delivery that has to be there, unless it is `optional`.

    `manual` is None where both are lawful; `asked_at` is when it was last asked for.
    """

    kind: str
    state: State = State.WAITING
    reasons: frozenset[str] = frozenset()
    manual: bool | None = False
    tried: bool = False
    optional: bool = False
    asked_at: int
    redeliveries: int = 0


@dataclass(slots=True, kw_only=True)
class Model:
    """All that is known. `loose` are the deliveries on which something was tried, or
    answered, since the operations began; `pleased` those of them that were delivered.
    """

    kind: Kind
    now: int
    servers: dict[str, bool] = field(default_factory=dict)
    integrations: dict[str, Integration] = field(default_factory=dict)
    attached: frozenset[tuple[str, str]] = frozenset()
    incidents: dict[str, Incident] = field(default_factory=dict)
    owed: dict[Key, Owed] = field(default_factory=dict)
    calls: dict[str, tuple[object, str, int]] = field(default_factory=dict)
    loose: frozenset[Key] = frozenset()
    pleased: frozenset[Key] = frozenset()

    def copy(self) -> "Model":
        """Return a copy that may go another way; all values are immutable."""
        return replace(
            self,
            servers=dict(self.servers),
            integrations=dict(self.integrations),
            incidents=dict(self.incidents),
            owed=dict(self.owed),
            calls=dict(self.calls),
        )

    def open_with(self, key: str) -> str | None:
        """Return the open incident with a key."""
        for name, it in self.incidents.items():
            if it.key == key and it.status != "RESOLVED":
                return name
        return None

    def happen(self, name: str, kind: str, text: Text, status: str) -> None:
        """Append an event to an incident and tell those whom it concerns."""
        before = self.incidents[name]
        events = (*before.events, Happened(kind, text, status))
        self.incidents[name] = replace(before, events=events)
        number = len(events)
        for integration, sure in self._concerned(name, kind):
            self._tell(Key(name, integration, number), kind, sure=sure)

    def _concerned(self, name: str, kind: str) -> list[tuple[str, bool]]:
        """Return who is to hear of an event, and whether that is sure."""
        told = self._attached(name) if kind == DOWN else self._told(name)
        return [(it, sure) for it, sure in told if self._hears(it, kind)]

    def _attached(self, name: str) -> list[tuple[str, bool]]:
        server = self.incidents[name].server
        return [(it, True) for where, it in self.attached if where == server]

    def _told(self, name: str) -> list[tuple[str, bool]]:
        found: dict[str, bool] = {}
        for key, owed in self.of_incident(name):
            if owed.state is State.CANCELLED:
                continue
            sure = key in self.pleased or (
                owed.state not in {State.LOOSE, State.DOOMED} and not owed.optional
            )
            found[key.integration] = sure or found.get(key.integration, False)
        return list(found.items())

    def _hears(self, integration: str, kind: str) -> bool:
        it = self.integrations[integration]
        if it.deleted or kind not in self.kind.wants:
            return False
        if kind == "UPDATED" and not self.kind.in_place:
            return False
        return kind == DOWN or not it.down_only

    def _tell(self, key: Key, kind: str, *, sure: bool) -> None:
        made = Owed(kind=kind, asked_at=self.now, optional=not sure)
        if kind == "UPDATED":
            for other, owed in self.chain(key):
                if owed.kind == "UPDATED" and owed.manual is not True:
                    self._withdraw(other, "SUPERSEDED")
        if not self.integrations[key.integration].active:
            made = _cancelled(made, DISABLED)
        if kind == "RESOLVED" and self.kind.skip_stale:
            made = self._close(key, made)
        self.owed[key] = made

    def _close(self, key: Key, made: Owed) -> Owed:
        """Cancel all that is untried of an incident whose opening was never tried."""
        chain = list(self.chain(key))
        opened = [it for it in chain if it[1].kind == DOWN and self._untried(*it)]
        if not opened:
            return made
        for other, owed in chain:
            if self._untried(other, owed):
                self.owed[other] = _cancelled(owed, "INCIDENT_CLOSED")
        return _cancelled(made, "INCIDENT_CLOSED")

    def _untried(self, key: Key, owed: Owed) -> bool:
        waits = owed.state is State.WAITING and not owed.tried
        return waits and key not in self.loose and owed.manual is False

    def _withdraw(self, key: Key, reason: str) -> None:
        """Cancel a delivery if it waits; one that is being sent goes on."""
        owed = self.owed[key]
        if owed.state in {State.WAITING, State.SENDING} and key in self.loose:
            self.owed[key] = replace(
                owed, state=State.LOOSE, reasons=owed.reasons | {reason}
            )
        elif owed.state is State.WAITING:
            self.owed[key] = _cancelled(owed, reason)
        elif owed.state is State.LOOSE:
            self.owed[key] = replace(owed, reasons=owed.reasons | {reason})

    def switch_off(self, integration: str, reason: str) -> None:
        """Cancel all that waits for an integration; what is in flight is the last."""
        for key, owed in list(self.owed.items()):
            if key.integration != integration:
                continue
            alive = {State.WAITING, State.SENDING, State.LOOSE, State.DOOMED}
            if owed.state not in alive:
                continue
            in_flight = owed.state is not State.WAITING or key in self.loose
            state = State.DOOMED if in_flight else State.CANCELLED
            reasons = owed.reasons | {reason} if in_flight else frozenset({reason})
            self.owed[key] = replace(owed, state=state, reasons=reasons)

    def of_incident(self, name: str) -> Iterator[tuple[Key, Owed]]:
        """Yield the deliveries of an incident."""
        return ((key, it) for key, it in self.owed.items() if key.incident == name)

    def chain(self, key: Key) -> Iterator[tuple[Key, Owed]]:
        """Yield the deliveries of the same incident to the same integration."""
        for other, owed in list(self.owed.items()):
            if other[:2] == key[:2]:
                yield other, owed

    def disable(self, integration: str) -> None:
        """Let an integration be inactive, whoever says so."""
        it = self.integrations[integration]
        if it.active and not it.deleted:
            self.integrations[integration] = replace(
                it, active=False, terms=it.terms + 1
            )
            self.switch_off(integration, DISABLED)


def _cancelled(owed: Owed, reason: str) -> Owed:
    reasons = frozenset({reason})
    return replace(owed, state=State.CANCELLED, reasons=reasons)
