"""Runs that happen at most once: each is marked on disk right before it begins.

A try of a channel with a cool-down that has no mark has run nothing; one with a mark
may have. Source: design, section 3, "Not repeatable".
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from delivery.jobs import Ended, Job, Lost, claimed_of
from domain.clock import Clock
from domain.deliveries import CancelReason
from domain.faults import CommitInDoubtError, StorageUnavailableError
from domain.ids import Id
from domain.incidents import IncidentStatus
from domain.moments import duration, moment
from domain.steps import CommandNotRun, NotRun
from models.store import Store, Tx

AGAIN_S: Final = 0.2
"""Until a mark is tried again of which nobody knows whether it was written."""

IN_DOUBT: Final = 3

_INCIDENT: Final = "SELECT status FROM incident WHERE id = $1"

_HELD: Final = """
SELECT lane_id FROM delivery
WHERE id = $1 AND status = 1 AND worker = $2 AND attempts = $3"""

_LANE: Final = "SELECT 1 FROM lane WHERE id = $1 FOR NO KEY UPDATE"

_INTEGRATION: Final = """
SELECT active, deleted_at, term, settings FROM integration WHERE id = $1"""

# 5: GONE. Then nothing was run.
_LAST_RUN: Final = """
SELECT max(a.marked_at) FROM attempt a JOIN delivery d ON d.id = a.delivery_id
WHERE a.marked_at > $2 AND d.integration_id = $1 AND COALESCE(a.outcome, 6) <> 5
AND NOT (a.delivery_id = $3 AND a.number = $4)"""

_MARK: Final = (
    "UPDATE attempt SET marked_at = $3 WHERE delivery_id = $1 AND number = $2"
)

_MARKED: Final = """
SELECT 1 FROM attempt WHERE delivery_id = $1 AND number = $2 AND marked_at IS NOT NULL"""


async def begin(store: Store, clock: Clock, job: Job) -> CommandNotRun | None:
    """Mark the run of a try, and return None: then the command must be run at once, and
    is never run again. Otherwise return why it must not be run.

    Marking the same try again is harmless as long as its command was not sent.
    """
    for _ in range(IN_DOUBT):
        try:
            return await store.turn(mark, job, clock())
        except CommitInDoubtError:
            await asyncio.sleep(AGAIN_S)
        except StorageUnavailableError:
            break
    return _withheld("It was not run: the database was not there to mark the run.")


async def mark(tx: Tx, job: Job, now: int) -> CommandNotRun | None:
    """Mark a run if this is still the time for it. Lock order: incident, delivery, lane;
    the lane's lock lets two runs of an integration follow each other.
    """
    refusal = await _gone_by(tx, job, now) or await _switched_off(tx, job)
    refusal = refusal or await _too_soon(tx, job, now)
    if refusal is None:
        of = job.held.claimed
        await tx.execute(_MARK, of.id, of.number, now)
    return refusal


async def _gone_by(tx: Tx, job: Job, now: int) -> CommandNotRun | None:
    """Say so where it is not ours any more, too late, or the incident is over."""
    of = job.held.claimed
    share, lock = (
        (" FOR SHARE", " FOR NO KEY UPDATE") if tx.dialect == "postgres" else ("", "")
    )
    incident = await tx.fetchrow(_INCIDENT + share, of.incident_id)
    if not await tx.fetchrow(_HELD + lock, of.id, of.worker, of.number):
        return _withheld("It was not run: another worker has taken the delivery over.")
    if incident is None or incident["status"] == IncidentStatus.RESOLVED:
        reason = CancelReason.INCIDENT_CLOSED
        return _withheld("It was not run: the incident is over.", reason)
    if now > of.expires_at:
        reason = CancelReason.STALE
        return _withheld("It was not run: it is older than its age limit.", reason)
    return None


async def _switched_off(tx: Tx, job: Job) -> CommandNotRun | None:
    of = job.held.claimed
    row = await tx.fetchrow(_INTEGRATION, of.integration_id)
    if row is None or row["deleted_at"] is not None:
        reason = CancelReason.INTEGRATION_DELETED
        return _withheld("It was not run: the integration was deleted.", reason)
    if not row["active"] or of.term < row["term"]:
        reason = CancelReason.INTEGRATION_DISABLED
        return _withheld("It was not run: the integration was disabled.", reason)
    if row["settings"] != job.equipment.stored:
        return _withheld("It was not run: the settings were changed meanwhile.")
    return None


async def _too_soon(tx: Tx, job: Job, now: int) -> CommandNotRun | None:
    of, cool_down = job.held.claimed, job.channel.cool_down
    assert cool_down is not None  # noqa: S101 - only such channels run commands once
    if tx.dialect == "postgres":
        await tx.fetch(_LANE, of.lane_id)
    args = (of.integration_id, now - cool_down, of.id, of.number)
    if (last := await tx.fetchval(_LAST_RUN, *args)) is None:
        return None
    return _withheld(
        f"It was not run: the last run was at {moment(last)}, and there is at most one "
        f"in {duration(cool_down)}.",
        CancelReason.NOT_APPLICABLE,
    )


def _withheld(message: str, cancels: CancelReason | None = None) -> CommandNotRun:
    return CommandNotRun(why=NotRun.WITHHELD, message=message, cancels=cancels)


async def unrun(tx: Tx, ended: Sequence[Ended]) -> set[Id]:
    """Return which of the lost tries have run nothing; the rows of their deliveries are
    locked, so that none begins now.
    """
    found: set[Id] = set()
    for it in ended:
        if isinstance(it, Lost) and it.held.channel and it.held.channel.cool_down:
            of = claimed_of(it)
            if await tx.fetchrow(_MARKED, of.id, of.number) is None:
                found.add(of.id)
    return found
