"""Writing down how deliveries ended: a group in one transaction.

Lock order: incidents (shared), deliveries, lanes, each by id. A result counts only
while its delivery is still held by this session for this attempt; one that comes too
late writes nothing.
"""

# ruff: noqa: S608 - statements are put together from constants only

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from delivery import corrections, lane_health, lanes, log, runs, writing
from delivery.changes import Standing, change
from delivery.id_lists import within
from delivery.jobs import (
    Ended,
    Lost,
    Released,
    Tried,
    Withdrawn,
    claimed_of,
)
from delivery.relations import for_rows
from delivery.retry import Chance
from delivery.writing import Written
from domain.deliveries import CancelReason
from domain.ids import Id
from models.store import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Results of one session, to be written now. At most a few hundred."""

    session: int
    ended: Sequence[Ended]
    now: int
    chance: Chance = random.random


@dataclass(frozen=True, slots=True)
class Finished:
    """What was written down: of `counted` results that still counted, all but those
    that only gave a delivery back.
    """

    counted: int
    written: Sequence[Written]


async def finish(tx: Tx, group: Group) -> Finished:
    """Write down a group; return what of it still counted."""
    incidents = await _lock_incidents(tx, group)
    ended = await _still_held(tx, group)
    await _release(tx, group, [it for it in ended if isinstance(it, Released)])
    written, broken = await _decide(tx, group, ended)
    await _write(tx, written, group.now)
    await _log(tx, written, incidents, group.now)
    await _promote(tx, written, group.now)
    for integration, error in broken.items():
        await _disable(tx, integration, error, group.now)
    await _go_on_cancelling(tx, written, group.now)
    await corrections.learn(tx, ended, group.now)
    await lanes.wake_waiting(tx, sorted({claimed_of(it).lane_id for it in ended}))
    return Finished(len(ended), written)


async def _lock_incidents(tx: Tx, group: Group) -> dict[Id, str]:
    """Keep the incidents as they are: what follows may now be promoted. Return their
    statuses.
    """
    found = {claimed_of(it).incident_id for it in group.ended} - {None}
    condition, listed = within(tx.dialect, sorted(it for it in found if it))
    share = " ORDER BY id FOR SHARE" if tx.dialect == "postgres" else ""
    statement = f"SELECT id, status FROM incident WHERE id {condition}{share}"
    return {row["id"]: row["status"] for row in await tx.fetch(statement, *listed)}


async def _still_held(tx: Tx, group: Group) -> list[Ended]:
    ids = [claimed_of(it).id for it in group.ended]
    condition, listed = within(tx.dialect, ids, first=2)
    if tx.dialect == "sqlite" and await _all_held(tx, group, condition, listed):
        return list(group.ended)
    lock = " FOR NO KEY UPDATE" if tx.dialect == "postgres" else ""
    rows = await tx.fetch(_HELD + condition + lock, group.session, *listed)
    held = {(row["id"], row["attempts"]) for row in rows}
    return [it for it in group.ended if _fence(it) in held]


_HELD: Final = """
SELECT id, attempts FROM delivery WHERE status = 1 AND worker = $1 AND id """


async def _all_held(tx: Tx, group: Group, condition: str, listed: Sequence[Id]) -> bool:
    """Tell by one row whether all results count: the usual case, and reading many rows
    takes long beside a busy event loop.
    """
    row = await tx.fetchrow(_COUNT_HELD + condition, group.session, *listed)
    numbers = [claimed_of(it).number for it in group.ended]
    return row is not None and tuple(row) == (len(numbers), sum(numbers))


_COUNT_HELD: Final = """
SELECT count(*), sum(attempts) FROM delivery
WHERE status = 1 AND worker = $1 AND id """


def _fence(ended: Ended) -> tuple[Id, int]:
    claimed = claimed_of(ended)
    return claimed.id, claimed.number


async def _release(tx: Tx, group: Group, released: Sequence[Released]) -> None:
    if released:
        ids = [(it.claimed.id,) for it in released]
        await tx.executemany(_RELEASE, [(*it, group.now) for it in ids])
        await tx.executemany(_TAKE_BACK, [_fence(it) for it in released])


_RELEASE: Final = """
UPDATE delivery SET status = CASE WHEN attempts > 1 THEN 2 ELSE 0 END, due_at = $2,
 attempts = attempts - 1, worker = NULL WHERE id = $1"""

_TAKE_BACK: Final = "DELETE FROM attempt WHERE delivery_id = $1 AND number = $2"


Broken = dict[Id, str]
"""Integrations to disable, with the error."""


async def _decide(
    tx: Tx, group: Group, ended: Sequence[Ended]
) -> tuple[list[Written], Broken]:
    """Return what is to be written of the deliveries, after writing what it means for
    their lanes.
    """
    ended = await corrections.heeded(tx, ended)
    healths = await lane_health.lock(tx, ended)
    unrun = await runs.unrun(tx, ended)
    before = dict(healths)
    written: list[Written] = []
    broken: Broken = {}
    for it in ended:
        match it:
            case Tried():
                lane = it.held.claimed.lane_id
                row, verdict = writing.tried(it, healths[lane], group.chance)
                healths[lane] = verdict.health
                written.append(row)
                if verdict.disable and (integration := it.held.claimed.integration_id):
                    broken[integration] = it.outcome.error or "It is gone."
            case Lost():
                health = healths[it.held.claimed.lane_id]
                idle = it.held.claimed.id in unrun
                written.append(writing.lost(it, health, group.now, unrun=idle))
            case Withdrawn():
                written.append(writing.withdrawn(it))
            case Released():
                continue
    await lane_health.save(tx, before, healths)
    return written, broken


async def _write(tx: Tx, written: Sequence[Written], now: int) -> None:
    """Write the rows of deliveries and attempts, and what far ends returned."""
    rows = [_delivery(it) for it in written]
    await for_rows(tx, _DELIVERY, _DELIVERY_KINDS, rows, now)
    tries = [(*_key(it), *it.attempt) for it in written if it.attempt]
    await for_rows(tx, _ATTEMPT, _ATTEMPT_KINDS, tries)
    await tx.executemany(_TAKE_BACK, [_key(it) for it in written if not it.attempt])
    await tx.executemany(_FAR_END, [row for it in written for row in _far_end(it)])


def _key(it: Written) -> tuple[Id, int]:
    return it.held.claimed.id, it.held.claimed.number


def _delivery(it: Written) -> tuple[Any, ...]:
    return (
        *(it.held.claimed.id, it.status.value, it.due_at, it.attempts, it.body),
        *(it.next_step, it.reason and it.reason.value, it.error, it.delivered_at),
    )


_DELIVERY_KINDS: Final = (
    *("uuid", "smallint", "bigint", "int", "text"),
    *("int", "text", "text", "bigint"),
)

_DELIVERY: Final = """
UPDATE delivery SET status = r.c2, due_at = r.c3, attempts = r.c4, worker = NULL,
 body = COALESCE(r.c5, body), next_step = r.c6, cancel_reason = r.c7, error = r.c8,
 delivered_at = r.c9, updated_at = $1
FROM {rows} WHERE id = r.c1"""

_ATTEMPT_KINDS: Final = (
    *("uuid", "int", "bigint", "smallint", "int"),
    *("int", "int", "text", "text"),
)

_ATTEMPT: Final = """
UPDATE attempt SET ended_at = r.c3, outcome = r.c4, step = r.c5, status_code = r.c6,
 duration_ms = r.c7, error = r.c8, excerpt = r.c9
FROM {rows} WHERE delivery_id = r.c1 AND number = r.c2"""


def _far_end(it: Written) -> list[tuple[Any, ...]]:
    of = it.held.claimed
    if it.far_end is None or of.incident_id is None:
        return []
    return [(of.incident_id, of.integration_id, orjson.dumps(it.far_end).decode())]


_FAR_END: Final = """
INSERT INTO far_end (incident_id, integration_id, state) VALUES ($1, $2, $3)
ON CONFLICT (incident_id, integration_id) DO UPDATE SET state = excluded.state"""


async def _log(
    tx: Tx, written: Sequence[Written], incidents: dict[Id, str], now: int
) -> None:
    entries = []
    for it in written:
        of = it.held.claimed.incident_id
        status = incidents.get(of) if of else None
        standing = Standing(
            status=it.status,
            attempts=it.attempts,
            incident_status=status,
            attempt=it.shown,
        )
        entries.append(change(it.held.about, standing, now))
    await log.append(tx, entries)


async def _disable(tx: Tx, integration: Id, error: str, now: int) -> None:
    """Disable an integration whose far end is gone, and cancel what waits for it;
    whoever disabled it before has done that.
    """
    reason = CancelReason.INTEGRATION_DISABLED
    if await tx.execute(_DISABLE, integration, f"Disabled by itself: {error}", now):
        await lanes.cancel_waiting(tx, integration, reason, now)


_DISABLE: Final = """
UPDATE integration SET active = FALSE, error = $2, updated_at = $3
WHERE id = $1 AND active"""


async def _go_on_cancelling(tx: Tx, written: Sequence[Written], now: int) -> None:
    """Cancel more of what waits from before an integration was switched off."""
    found = [it.held.claimed for it in written if it.due_at or not it.attempt]
    found.sort(key=lambda it: it.term, reverse=True)
    terms = {it.integration_id: it.term for it in found}  # the least of each
    condition, listed = within(tx.dialect, sorted(it for it in terms if it))
    for row in await tx.fetch(_TERMS + condition, *listed) if listed else []:
        if terms[row["id"]] < row["term"]:
            reason = CancelReason.INTEGRATION_DISABLED
            if row["deleted_at"] is not None:
                reason = CancelReason.INTEGRATION_DELETED
            await lanes.go_on_cancelling(tx, row["id"], reason, now)


_TERMS: Final = "SELECT id, term, deleted_at FROM integration WHERE id "


async def _promote(tx: Tx, written: Sequence[Written], now: int) -> None:
    """Give those their turn that waited for these."""
    over = [it.held.claimed for it in written if it.status.finished]
    chains = [
        (it.incident_id, it.lane_id) for it in over if it.incident_id and not it.manual
    ]
    await lanes.promote(tx, chains, now)
