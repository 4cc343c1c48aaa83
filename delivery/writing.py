"""What is written of a delivery that ended one way or another. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from delivery.jobs import Held, Lost, Tried, Withdrawn
from delivery.retry import Chance, Health, Try, Verdict, decide
from domain.deliveries import CancelReason, DeliveryStatus, Outcome, OutcomeKind

LOST: Final = Outcome(
    kind=OutcomeKind.UNKNOWN,
    error="The worker stopped before it knew the answer.",
)

UNRUN: Final = Outcome(
    kind=OutcomeKind.RETRY,
    error="The worker stopped before the command was run.",
)

LONGEST_TOLD: Final = 2**31 - 1
"""Milliseconds of a try that are told: about 25 days, as far as GraphQL's Int and the
column reach. Only a clock that was set meanwhile makes it more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The new state of a delivery. `attempt` is the row of the attempt, from its end
    on; None takes the attempt back.
    """

    held: Held
    status: DeliveryStatus
    attempts: int
    due_at: int | None = None
    delivered_at: int | None = None
    reason: CancelReason | None = None
    error: str | None = None
    body: str | None = None
    next_step: int
    far_end: Mapping[str, Any] | None = None
    attempt: tuple[Any, ...] | None = None
    shown: Mapping[str, Any] | None = None
    first_byte_at: int | None = None


def withdrawn(it: Withdrawn) -> Written:
    """Return what is written of a delivery that will not be tried."""
    return Written(
        held=it.held,
        status=it.status,
        attempts=it.held.claimed.number - 1,
        reason=it.reason,
        error=it.error,
        next_step=it.held.claimed.next_step,
    )


def tried(it: Tried, health: Health, chance: Chance) -> tuple[Written, Verdict]:
    """Return what is written of a try, and what it means for the lane."""
    verdict = _verdict(it.held, it.outcome, it.ended_at, health, chance)
    took = _took(it.began_at, it.ended_at)
    written = Written(
        held=it.held,
        status=verdict.status,
        attempts=it.held.claimed.number,
        due_at=verdict.due_at,
        delivered_at=_delivered(verdict, it.ended_at),
        reason=it.outcome.cancels,
        error=_error(verdict, it.outcome),
        body=it.body,
        next_step=it.next_step,
        far_end=it.far_end,
        attempt=_attempt(it.outcome, it.ended_at, it.step, took),
        shown=_shown(it.held, it.outcome, took),
        first_byte_at=it.first_byte_at,
    )
    return written, verdict


def lost(it: Lost, health: Health, now: int, *, unrun: bool = False) -> Written:
    """Return what is written of a try whose end nobody knows, but that it was `unrun`.
    It is our fault, not the far end's: it is repeated at once, where it may be, and the
    lane stays as it is.
    """
    outcome = UNRUN if unrun else LOST
    verdict = _verdict(it.held, outcome, now, health, lambda: 0.0, counts=it.tried)
    took = _took(it.held.claimed.started_at, now) if it.tried else None
    return Written(
        held=it.held,
        status=verdict.status,
        attempts=it.held.claimed.number,
        due_at=verdict.due_at,
        error=_error(verdict, outcome),
        next_step=it.held.claimed.next_step,
        attempt=_attempt(outcome, now, it.held.claimed.next_step, took),
        shown=_shown(it.held, outcome, took),
    )


def _verdict(  # noqa: PLR0913 - what a verdict rests on
    held: Held,
    outcome: Outcome,
    ended_at: int,
    health: Health,
    chance: Chance,
    *,
    counts: bool = True,
) -> Verdict:
    if held.channel is None:
        return Verdict(status=DeliveryStatus.FAILED, health=health)
    known = Try(
        number=held.claimed.number,
        counted=held.counted,
        started_at=held.claimed.started_at,
        ended_at=ended_at,
        expires_at=held.claimed.expires_at,
        counts=counts,
    )
    return decide(outcome, known, held.channel, health, chance)


def _took(began_at: int, ended_at: int) -> int:
    """Return a duration that can be stored and shown, wherever the clock was set."""
    return min(max(0, ended_at - began_at), LONGEST_TOLD)


def _delivered(verdict: Verdict, at: int) -> int | None:
    return at if verdict.status is DeliveryStatus.DELIVERED else None


def _error(verdict: Verdict, outcome: Outcome) -> str | None:
    """Return the last error, and why nothing is tried again."""
    if verdict.status is DeliveryStatus.DELIVERED:
        return None
    return " ".join(filter(None, (outcome.error, verdict.gave_up))) or None


def _attempt(
    outcome: Outcome, ended_at: int, step: int, duration: int | None
) -> tuple[Any, ...]:
    kind, code = outcome.kind.value, outcome.status_code
    return ended_at, kind, step, code, duration, outcome.error, outcome.excerpt


def _shown(held: Held, outcome: Outcome, duration: int | None) -> dict[str, Any]:
    """Return the attempt as the event log shows it."""
    return {
        "number": held.claimed.number,
        "outcome": outcome.kind.name,
        "statusCode": outcome.status_code,
        "durationMs": duration,
        "error": outcome.error,
        "startedAt": held.claimed.started_at,
    }
