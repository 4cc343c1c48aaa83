"""The one way of a delivery to its far end: render, resolve, finish, send, classify.

What it returns is to be recorded; it never raises for what a channel, a setting or a
far end does.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
import structlog

from delivery import bodies
from delivery.classify import classify
from delivery.jobs import Held, Job, Learned, Tried, Withdrawn
from delivery.spans import SILENT, Spans
from domain.channels import Context
from domain.clock import Clock
from domain.deliveries import CancelReason, DeliveryStatus, Outcome, OutcomeKind
from domain.ids import encode
from domain.settings_storage import MissingSettingError
from domain.steps import (
    CommandNotRun,
    Fault,
    NoAnswer,
    NotRun,
    ReadyCommand,
    ReadyStep,
    Reply,
    Skip,
    Step,
)

Send = Callable[[Any], Awaitable[Reply]]
"""Sends what is ready; the engine's takes every kind of ReadyStep but commands."""

Begin = Callable[[], Awaitable[CommandNotRun | None]]
"""Asked right before a command that is run once: None marks it, and it must be run."""

Run = Callable[[ReadyCommand, Begin], Awaitable[Reply]]
Mark = Callable[[Job], Awaitable[CommandNotRun | None]]

Observe = Callable[[str], None]

_log = structlog.get_logger(__name__)

_SENT: Final = {OutcomeKind.SENT, OutcomeKind.SENT_UNCONFIRMED}


async def runs_nothing(_command: ReadyCommand, _begin: Begin) -> Reply:
    """Stand in where there is nothing to run commands with."""
    return NoAnswer(Fault.UNREACHABLE, "No commands can be run here.")


async def marks_nothing(_job: Job) -> CommandNotRun | None:
    """Stand in where there is nothing to mark runs in: none may begin."""
    return CommandNotRun(why=NotRun.WITHHELD, message="No runs can be marked here.")


@dataclass(frozen=True, slots=True)
class Tools:
    """What delivering needs of the world."""

    send: Send
    clock: Clock
    observe: Observe
    spans: Spans = SILENT
    run: Run = runs_nothing
    mark: Mark = marks_nothing


async def deliver(job: Job, tools: Tools) -> Tried | Withdrawn:
    """Try a delivery, from its first unfinished step."""
    now = tools.clock()
    if too_old := _too_old(job.held, now):
        return too_old
    if job.equipment.fault:
        return _untried(job, OutcomeKind.RETRY, job.equipment.fault, now)
    try:
        steps = _steps(job)
    except Exception:  # noqa: BLE001 - one broken message must not stop the others
        _report(job, "rendering_failed")
        error = "The message could not be made: an internal error."
        return _untried(job, OutcomeKind.REJECTED, error, now)
    if isinstance(steps, Skip) or not steps:
        reason = CancelReason.NOT_APPLICABLE
        return _cancelled(job.held, reason)
    tools.observe("rendered")
    with tools.spans.attempt(job) as span:
        tried = await _try_steps(job, steps, tools, now)
        span.ended(tried.outcome)
        return tried


def _too_old(held: Held, now: int) -> Withdrawn | None:
    """Return how a delivery ends whose age limit is over, first try or later one."""
    if now <= held.claimed.expires_at:
        return None
    if held.claimed.number == 1:
        return _cancelled(held, CancelReason.STALE)
    error = "Gave up: older than its age limit."
    return Withdrawn(held=held, status=DeliveryStatus.FAILED, error=error)


def _cancelled(held: Held, reason: CancelReason) -> Withdrawn:
    return Withdrawn(held=held, status=DeliveryStatus.CANCELLED, reason=reason)


def _untried(job: Job, kind: OutcomeKind, error: str, now: int) -> Tried:
    step = job.held.claimed.next_step
    outcome = Outcome(kind=kind, error=error)
    return Tried(
        held=job.held,
        outcome=outcome,
        began_at=now,
        ended_at=now,
        step=step,
        next_step=step,
    )


def _steps(job: Job) -> tuple[Step, ...] | Skip:
    """Return the stored steps, or render them: equal for equal snapshots."""
    if job.held.claimed.body is not None:
        return bodies.load(job.held.claimed.body)
    assert job.snapshot is not None  # noqa: S101 - without one there is a body
    context = Context(
        snapshot=job.snapshot, settings=job.equipment.settings, far_end=job.far_end
    )
    return job.channel.render(context)


async def _try_steps(
    job: Job, steps: tuple[Step, ...], tools: Tools, began_at: int
) -> Tried:
    at = min(job.held.claimed.next_step, len(steps) - 1)
    far_end: dict[str, Any] = {}
    first_byte_at: int | None = None
    while True:
        outcome, sent_at = await _try(job, steps[at], tools)
        first_byte_at = first_byte_at or sent_at
        far_end |= outcome.far_end
        sent = outcome.kind in _SENT
        if not sent or at + 1 == len(steps):
            break
        at += 1
    stored = job.held.claimed.body is not None
    return Tried(
        held=job.held,
        outcome=_scrubbed(outcome, job),
        began_at=began_at,
        ended_at=tools.clock(),
        step=at,
        next_step=at + sent,
        body=None if stored else bodies.dump(steps),
        far_end={**job.far_end, **far_end} if far_end else None,
        first_byte_at=first_byte_at,
        learned=_learned(outcome, job),
    )


def _learned(outcome: Outcome, job: Job) -> Learned | None:
    if not outcome.learned:
        return None
    before = job.equipment.stored
    after = orjson.dumps({**orjson.loads(before), **outcome.learned}).decode()
    return Learned(before, after)


async def _try(job: Job, step: Step, tools: Tools) -> tuple[Outcome, int | None]:
    """Return the verdict on a step, and when the first byte of it left."""
    settings = job.equipment.settings
    try:
        request = bodies.ready(step, settings)
        if job.channel.finish is not None:
            message_id, now = job.held.claimed.message_id, tools.clock()
            request = job.channel.finish(request, settings, message_id, now)
    except MissingSettingError as error:
        words = f"The setting {error} is needed and no longer there."
        return Outcome(kind=OutcomeKind.REJECTED, error=words), None
    except Exception:  # noqa: BLE001 - one broken message must not stop the others
        _report(job, "finishing_failed")
        words = "The message could not be made: an internal error."
        return Outcome(kind=OutcomeKind.REJECTED, error=words), None
    dialled_at = tools.clock()
    try:
        with tools.spans.request(request) as span:
            reply = await _exchange(job, request, tools)
            span.answered(reply)
        sent_at = None if reply.led is None else dialled_at + reply.led
        return classify(job.channel, step, reply, tools.clock()), sent_at
    except Exception:  # noqa: BLE001 - it may have been sent; nobody knows
        _report(job, "sending_failed")
        words = "An internal error came up while it was being sent."
        return Outcome(kind=OutcomeKind.UNKNOWN, error=words), None


async def _exchange(job: Job, ready: ReadyStep, tools: Tools) -> Reply:
    if isinstance(ready, ReadyCommand):
        return await tools.run(ready, lambda: tools.mark(job))
    return await tools.send(ready)


def _report(job: Job, event: str) -> None:
    delivery = encode("Delivery", job.held.claimed.id)
    _log.error(event, delivery=delivery, channel=job.equipment.type, exc_info=True)


def _scrubbed(outcome: Outcome, job: Job) -> Outcome:
    """Take the secrets of the delivery out of what the far end said."""
    error = outcome.error and _clean(outcome.error, job)
    excerpt = outcome.excerpt and _clean(outcome.excerpt, job)
    if (error, excerpt) == (outcome.error, outcome.excerpt):
        return outcome
    return replace(outcome, error=error, excerpt=excerpt)


def _clean(text: str, job: Job) -> str:
    # PostgreSQL stores no NUL.
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return job.equipment.scrubber.scrub(text)
