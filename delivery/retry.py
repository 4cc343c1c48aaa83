"""What an outcome means for its delivery and for its lane.

Pure: the time is an argument, and so is chance, a function that returns a float from
0 up to 1. Source of the rules: design, section 3, step 4.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from domain.channels import Channel
from domain.deliveries import DeliveryStatus, Outcome, OutcomeKind
from domain.timing import (
    BACKOFF_FIRST,
    BACKOFF_MOST,
    GONE_IN_A_ROW,
    GONE_SPAN,
    RETRY_AFTER_LEAST,
    RETRY_AFTER_MOST,
)

Chance = Callable[[], float]

LANE_FAILS_AFTER: Final = 3
"""Failures in a row before a lane closes: one bad message shall not hold up others."""

_DOUBLINGS: Final = 32  # more would only make huge numbers on the way to the cap


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the far end of a lane does; stored in the lane.

    `slots` is the present width, `closed_until` the later of back-off and rate limit.
    """

    slots: int
    closed_until: int = 0
    failures: int = 0
    failing_since: int | None = None
    gone: int = 0
    gone_since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One finished try: `number` counts all of its delivery from 1, `counted` those
    before it that used up an attempt; `expires_at` ends the delivery's age. One that
    our own end cut short does not count: it used up age only.
    """

    number: int
    counted: int
    started_at: int
    ended_at: int
    expires_at: int
    counts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of the delivery, of its lane, and whether its integration is
    disabled. `gave_up` says why nothing is tried again that might be.
    """

    status: DeliveryStatus
    health: Health
    due_at: int | None = None
    gave_up: str | None = None
    disable: bool = False


def decide(
    outcome: Outcome, tried: Try, channel: Channel, health: Health, chance: Chance
) -> Verdict:
    """Return the verdict on a try."""
    if outcome.cancels is not None:
        after = answered(health, tried, channel.slots)
        return Verdict(status=DeliveryStatus.CANCELLED, health=after)
    match outcome.kind:
        case OutcomeKind.SENT | OutcomeKind.SENT_UNCONFIRMED:
            after = answered(health, tried, channel.slots)
            return Verdict(status=DeliveryStatus.DELIVERED, health=after)
        case OutcomeKind.REJECTED:
            after = answered(health, tried, channel.slots)
            return Verdict(status=DeliveryStatus.FAILED, health=after)
        case (
            OutcomeKind.RETRY
            | OutcomeKind.RATE_LIMITED
            | OutcomeKind.GONE
            | OutcomeKind.UNKNOWN
        ):
            return _not_delivered(outcome, tried, channel, health, chance)


def _not_delivered(
    outcome: Outcome, tried: Try, channel: Channel, health: Health, chance: Chance
) -> Verdict:
    wait = delay(outcome, tried.number, chance)
    after = next_health(outcome, tried, channel, health, chance)
    if outcome.kind is OutcomeKind.RATE_LIMITED or outcome.retry_after_ms is not None:
        after = closed(after, tried.ended_at + wait)
    gone = outcome.kind is OutcomeKind.GONE
    if gone and (outcome.at_once or is_broken(after, tried.ended_at)):
        return Verdict(status=DeliveryStatus.FAILED, health=after, disable=True)
    if outcome.kind is OutcomeKind.UNKNOWN and not channel.repeatable:
        reason = "It may have been processed, and must not be repeated."
        return Verdict(status=DeliveryStatus.FAILED, health=after, gave_up=reason)
    if outcome.final:
        return Verdict(status=DeliveryStatus.FAILED, health=after)
    return again(outcome, tried, channel, after, tried.ended_at + wait)


def again(
    outcome: Outcome, tried: Try, channel: Channel, health: Health, due_at: int
) -> Verdict:
    """Return the verdict on a try that may be repeated: another, or none is left."""
    counts = tried.counts and outcome.kind is not OutcomeKind.RATE_LIMITED
    counted = tried.counted + counts
    reason = None
    if counts and counted >= channel.retry.attempts:
        reason = f"Gave up after {counted} attempts."
    elif due_at > tried.expires_at:
        reason = "Gave up: the next attempt would come too late."
    if reason:
        return Verdict(status=DeliveryStatus.FAILED, health=health, gave_up=reason)
    return Verdict(status=DeliveryStatus.RETRYING, health=health, due_at=due_at)


def delay(outcome: Outcome, number: int, chance: Chance) -> int:
    """Return the ms until the next try: as the far end asks, or the back-off."""
    if outcome.retry_after_ms is None:
        return backoff(number, chance)
    asked = min(max(outcome.retry_after_ms, RETRY_AFTER_LEAST), RETRY_AFTER_MOST)
    # A little later than asked, so that not all who were told come at once.
    return min(asked + int(asked * 0.1 * chance()), RETRY_AFTER_MOST)


def backoff(nth: int, chance: Chance) -> int:
    """Return ms to wait after the nth failure: exponential with full jitter."""
    most = min(BACKOFF_FIRST << min(nth - 1, _DOUBLINGS), BACKOFF_MOST)
    return int(most * chance())


def is_broken(health: Health, now: int) -> bool:
    """Tell whether the signs of a broken integration have come often and long."""
    if health.gone_since is None or health.gone < GONE_IN_A_ROW:
        return False
    return now - health.gone_since >= GONE_SPAN


def answered(health: Health, tried: Try, most_slots: int) -> Health:
    """Return the health after the far end answered: what was held against it is
    forgotten, and a narrow lane grows again. A try that began before the lane closed
    says nothing of the time after: else the lane would open to a herd.
    """
    if tried.started_at < health.closed_until:
        return health
    slots = min(most_slots, health.slots * 2)
    if slots == health.slots and not health.failures and not health.gone:
        return health
    return Health(slots=slots, closed_until=health.closed_until)


def next_health(
    outcome: Outcome, tried: Try, channel: Channel, health: Health, chance: Chance
) -> Health:
    """Return the lane's health after it did not, but for what the far end asked."""
    if outcome.kind is OutcomeKind.RATE_LIMITED:
        return replace(health, gone=0, gone_since=None)
    after = failed(health, tried, channel.slots, chance)
    if outcome.kind is not OutcomeKind.GONE:
        return replace(after, gone=0, gone_since=None)
    since = health.gone_since or tried.ended_at
    return replace(after, gone=health.gone + 1, gone_since=since)


def failed(health: Health, tried: Try, most_slots: int, chance: Chance) -> Health:
    """Return the health after a failure. A try that began before the lane closed says
    nothing new: else eight at once would count as eight rounds of back-off. A lane that
    has not grown to its width again is on probation: it closes at once.
    """
    if tried.started_at < health.closed_until:
        return health
    failures = health.failures + 1
    if health.slots < most_slots:
        failures = max(failures, LANE_FAILS_AFTER)
    since = health.failing_since or tried.ended_at
    after = replace(health, failures=failures, failing_since=since)
    if failures < LANE_FAILS_AFTER:
        return after
    wait = backoff(failures - LANE_FAILS_AFTER + 1, chance)
    return closed(after, tried.ended_at + wait)


def closed(health: Health, until: int) -> Health:
    """Return the health of a lane that rests, and is then probed by one delivery."""
    return replace(health, slots=1, closed_until=max(health.closed_until, until))
