"""The work: what waits and why, what is broken, whether the log is kept up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from server.doctor.findings import Finding, duration, ok, problem, warning

LATE_WARNS: Final = 60_000
LATE_FAILS: Final = 5 * 60_000
"""How long a lane may be due without anybody coming."""

RELAY_WARNS: Final = 10_000
RELAY_FAILS: Final = 60_000

CLEANED_WITHIN: Final = 86_400_000
SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """A lane that waits for its far end; times in ms."""

    name: str
    failures: int
    since: int
    until: int
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is known. `due` is the earliest moment at which work was due that nobody has
    taken; `broken` are names of integrations that were disabled with an error;
    `orphans` are deliveries being sent by nobody; `unnumbered` is the time of the oldest
    event without a position, `oldest` that of the oldest event kept, ms.
    """

    now: int
    waiting: int
    oldest_waiting: int | None
    due: int | None
    held_back: Sequence[HeldBack]
    broken: Sequence[str]
    failed: int
    orphans: int
    unnumbered: int | None
    oldest: int | None
    events_kept: int


def judge(facts: Work) -> Iterator[Finding]:
    """Judge the work."""
    yield _waiting(facts)
    yield from _lanes(facts)
    yield from _integrations(facts)
    yield _sessions(facts)
    yield from _log(facts)


def _waiting(facts: Work) -> Finding:
    check, late = "deliveries", facts.now - (facts.due or facts.now)
    if facts.oldest_waiting is None:
        return ok(check, "none waits")
    age = duration(max(0, facts.now - facts.oldest_waiting))
    said = f"{facts.waiting} wait, the oldest since {age}"
    mend = "Start a server without --no-worker; if one runs, see its log."
    if late > LATE_FAILS:
        return problem(check, f"{said}; nobody sends what is due.", mend)
    if late > LATE_WARNS:
        return warning(
            check, f"{said}; what is due since {duration(late)} is not sent.", mend
        )
    return ok(check, said)


def _lanes(facts: Work) -> Iterator[Finding]:
    check = "lanes"
    for it in facts.held_back[:SHOWN]:
        reason = f" ({it.error})" if it.error else ""
        said = (
            f"{it.name} is held back: {it.failures} failures in a row since "
            f"{duration(facts.now - it.since)}{reason}."
        )
        mend = (
            f"See its far end; it is tried again in {duration(it.until - facts.now)}."
        )
        yield warning(check, said, mend)
    if more := facts.held_back[SHOWN:]:
        mend = "See their deliveries in the API."
        yield warning(check, f"{len(more)} more are held back.", mend)
    if not facts.held_back:
        yield ok(check, "none is held back")


def _integrations(facts: Work) -> Iterator[Finding]:
    check = "integrations"
    if facts.broken:
        shown = ", ".join(facts.broken[:SHOWN])
        more = f" and {len(facts.broken) - SHOWN} more" if facts.broken[SHOWN:] else ""
        said = f"{len(facts.broken)} disabled themselves: {shown}{more}."
        yield warning(check, said, "See their `error`; mend and enable them.")
    if facts.failed:
        said = f"{facts.failed} deliveries failed for good in the last 24 hours."
        yield warning(check, said, "See them in the API, and redeliver what matters.")
    if not facts.broken and not facts.failed:
        yield ok(check, "none is broken, no delivery failed in the last 24 hours")


def _sessions(facts: Work) -> Finding:
    check = "workers"
    if facts.orphans:
        said = f"{facts.orphans} deliveries were being sent by a worker that is gone."
        mend = "A server that runs or starts takes them over within seconds."
        return warning(check, said, mend)
    return ok(check, "no worker has left anything behind")


def _log(facts: Work) -> Iterator[Finding]:
    check, lag = "event log", facts.now - (facts.unnumbered or facts.now)
    mend = "One server numbers the events: see whether any runs, and its log."
    aged = facts.now - (facts.oldest or facts.now)
    if lag > RELAY_FAILS:
        yield problem(check, f"Events wait for a position since {duration(lag)}.", mend)
    elif lag > RELAY_WARNS:
        yield warning(check, f"Events wait for a position since {duration(lag)}.", mend)
    elif aged > facts.events_kept + CLEANED_WITHIN:
        said = f"Events {duration(aged)} old are still kept: nobody cleans up."
        yield warning(check, said, "A server that runs does: see its log.")
    else:
        yield ok(check, "it is kept up")
