"""Compares what is with what ought to be, and learns from it what the model left open.

Of operations that ran at once any order is lawful that explains all their answers, the
incidents, the deliveries and what the far ends saw: the first that does is taken.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from tests.integration.state_machines.model import (
    FINAL,
    Happened,
    Key,
    Model,
    Owed,
    State,
)
from tests.integration.state_machines.operations import Answer, Gone, Operation

HOUR = 3_600_000
AGE_LIMIT = 24 * HOUR
LONGEST_WAIT = HOUR
"""Between two tries; a delivery that would have to wait past its age gives up."""

FAILING = frozenset({"500", "429"})

Done = tuple[Operation, Answer]


class Stored(NamedTuple):
    """A delivery as it is stored."""

    id: str
    kind: str
    status: str
    reason: str | None
    manual: bool


@dataclass(slots=True)
class Arrival:
    """A request that a far end saw. `reply` is None while it hangs; `at` and
    `replied_at` are places in one order of all that the far ends did.
    """

    key: Key
    event: Happened
    at: int
    changes: int = 0
    reply: str | None = None
    replied_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is, when nothing moves any more. `since` is the place in the far ends'
    order at which the operations began.
    """

    deliveries: Mapping[Key, Stored]
    incidents: Mapping[str, tuple[Happened, ...]]
    switched: Mapping[str, tuple[bool, int]]
    arrivals: Sequence[Arrival]
    since: int

    def of(self, key: Key) -> list[Arrival]:
        return [it for it in self.arrivals if it.key == key]

    def new(self, it: Arrival) -> bool:
        return it.at >= self.since


class UnlawfulError(AssertionError):
    """No order of the operations explains what is."""


def judge(before: Model, done: Sequence[Done], seen: Seen) -> Model:
    """Return the model that explains what is; raise UnlawfulError."""
    start = before.copy()
    answered = [it for it in seen.arrivals if (it.replied_at or -1) >= seen.since]
    start.loose = frozenset(it.key for it in seen.arrivals if seen.new(it))
    start.loose |= frozenset(it.key for it in answered)
    start.pleased = frozenset(it.key for it in answered if it.reply == "200")
    found: list[str] = []
    for steps in _with_gone(before, done, answered):
        for model in _orders(start, steps):
            faults = list(_faults(before, model, seen))
            if not faults:
                return _learnt(model, seen)
            found = min([it for it in (found, faults) if it], key=len)
    answers = [f"{operation} was answered {answer}" for operation, answer in done]
    raise UnlawfulError("\n".join([*answers, *found]))


def _with_gone(
    before: Model, done: Sequence[Done], answered: Sequence[Arrival]
) -> Iterator[list[Done]]:
    """Yield the operations with what the engine did by itself: a 410 disables. One that
    was on its way when the integration was changed may be passed over.
    """
    gone = {it.key.integration: it for it in answered if it.reply == "410"}
    sure: list[Done] = []
    perhaps: list[Done] = []
    for integration, it in gone.items():
        known = before.integrations.get(integration)
        changed = any(getattr(op, "integration", "") == integration for op, _ in done)
        fresh = known is not None and known.changes == it.changes and not changed
        (sure if fresh else perhaps).append((Gone(it.key), Answer((), None)))
    yield [*done, *sure, *perhaps]
    if perhaps:
        yield [*done, *sure]


def _orders(model: Model, steps: Sequence[Done]) -> Iterator[Model]:
    if not steps:
        yield model
    for at, (operation, answer) in enumerate(steps):
        after = model.copy()
        if operation.apply(after, answer):
            yield from _orders(after, [*steps[:at], *steps[at + 1 :]])


def _faults(before: Model, model: Model, seen: Seen) -> Iterator[str]:
    switched = {name: it.switched for name, it in model.integrations.items()}
    if switched != seen.switched:
        yield f"Switched ought to be {switched} but is {seen.switched}"
    for name in model.incidents.keys() | seen.incidents.keys():
        it = model.incidents.get(name)
        if it is None or it.events != seen.incidents.get(name):
            yield f"{name} ought to be {it} but is {seen.incidents.get(name)}"
    for key in model.owed.keys() | seen.deliveries.keys():
        yield from _faults_of(before, model, key, seen)
    for arrival in filter(seen.new, seen.arrivals):
        yield from _unlawful_arrival(before, model, arrival, seen)


def _faults_of(before: Model, model: Model, key: Key, seen: Seen) -> Iterator[str]:
    owed, stored = model.owed.get(key), seen.deliveries.get(key)
    if owed is None or stored is None:
        if owed is None or not owed.optional:
            yield f"{key} ought to be {owed} but is {stored}"
    elif not _lawful(model, owed, stored, _last(before, key, owed, seen)):
        yield f"{key} ought to be {owed} but is {stored}, {seen.of(key)}"


@dataclass(frozen=True, slots=True)
class Last:
    """What a far end said last of a delivery, since it was last asked for: `over` if
    that must have been written down.
    """

    reply: str | None = None
    tried: bool = False
    over: bool = False


def _last(before: Model, key: Key, owed: Owed, seen: Seen) -> Last:
    sent = seen.of(key)
    if not sent:
        return Last()
    was, last = before.owed.get(key), sent[-1]
    asked_now = owed.redeliveries > (was.redeliveries if was else 0)
    waits = owed.redeliveries > 0 and owed.state is not State.DELIVERED
    past = asked_now or (waits and last.at < seen.since)
    over = last.reply is None or (last.reply == "200" and not past)
    return Last(last.reply, tried=True, over=over)


def _lawful(model: Model, owed: Owed, stored: Stored, last: Last) -> bool:
    if owed.kind != stored.kind or owed.manual not in {None, stored.manual}:
        return False
    age = model.now - owed.asked_at
    sure = owed.state is State.CANCELLED
    match stored.status:
        case "SENDING":
            return last.tried and last.reply is None
        case "DELIVERED":
            return not sure and last.reply == "200"
        case "FAILED":
            late = age >= AGE_LIMIT - LONGEST_WAIT and not last.over
            return last.reply == "410" or late
        case "CANCELLED":
            stale = stored.reason == "STALE" and not last.tried and age > AGE_LIMIT
            return (stored.reason in owed.reasons or stale) and (sure or not last.over)
        case _:
            waits = owed.state not in {State.CANCELLED, State.DELIVERED, State.FAILED}
            return waits and not last.over


def _unlawful_arrival(
    before: Model, model: Model, it: Arrival, seen: Seen
) -> Iterator[str]:
    owed = model.owed.get(it.key)
    if owed is None:
        yield f"{it.key} was never to be told: {it}"
        return
    expected = model.incidents[it.key.incident].events[it.key.number - 1]
    if it.event != expected:
        yield f"{it.key} ought to say {expected}: {it}"
    was = before.owed.get(it.key)
    again = was is None or owed.redeliveries > was.redeliveries
    over = {State.CANCELLED, State.DOOMED, State.DELIVERED, State.FAILED}
    if not again and was is not None and was.state in over:
        yield f"{it.key} was over and was sent again: {it}"
    earlier = [a for a in seen.of(it.key) if a.at < it.at]
    if sum(a.reply == "200" for a in earlier) > owed.redeliveries:
        yield f"{it.key} was delivered and was sent again: {it}"
    if not seen.deliveries[it.key].manual:
        yield from _overtaken(model, it, seen)


def _overtaken(model: Model, it: Arrival, seen: Seen) -> Iterator[str]:
    """Yield those that should have come to their end before an arrival."""
    for key, _ in model.chain(it.key):
        stored = seen.deliveries.get(key)
        if stored is None or key.number >= it.key.number or stored.manual:
            continue
        ended = [a.replied_at for a in seen.of(key) if a.reply in {"200", "410"}]
        in_time = any(at is not None and at < it.at for at in ended)
        if not in_time and (stored.status not in FINAL or ended):
            yield f"{it.key} overtook {key}: {it}"


def _learnt(model: Model, seen: Seen) -> Model:
    """Return the model with what it had left open as it turned out."""
    for key, owed in list(model.owed.items()):
        stored = seen.deliveries.get(key)
        if stored is None:
            del model.owed[key]
        else:
            model.owed[key] = replace(
                owed,
                state=_state(owed, stored),
                reasons=frozenset({stored.reason} if stored.reason else owed.reasons),
                manual=stored.manual,
                tried=owed.tried or bool(seen.of(key)),
                optional=False,
            )
    model.loose = model.pleased = frozenset()
    return model


def _state(owed: Owed, stored: Stored) -> State:
    if stored.status in FINAL:
        return State(stored.status)
    if owed.state is State.DOOMED:
        return owed.state
    return State.SENDING if stored.status == "SENDING" else State.WAITING
