"""Lanes: the queue of one integration, and how it is woken and emptied."""

# ruff: noqa: S608 - statements are put together from constants only

from collections.abc import Sequence
from typing import Final

from delivery.cancelling import cancel
from delivery.id_lists import chunks, within
from delivery.relations import for_rows
from domain.deliveries import CancelReason
from domain.ids import Id, new_id
from models.store import Tx

LANES: Final = "lanes"
"""Topic: work may be due."""

CANCELLED_AT_ONCE: Final = 1_000
"""More would hold up every other writer: the worker goes on, as many at a time."""

_OPEN: Final = """
INSERT INTO lane (id, integration_id, project_id, channel, slots, closed_until,
                  failures, gone)
VALUES ($1, $2, $3, $4, $5, 0, 0, 0)
ON CONFLICT (integration_id) DO UPDATE SET slots = excluded.slots, closed_until = 0,
  failures = 0, failing_since = NULL, gone = 0, gone_since = NULL
RETURNING id"""


async def open_lane(
    tx: Tx, project_id: Id, integration_id: Id, channel: str, slots: int
) -> Id:
    """Make the lane of a new integration, or forget what was held against the lane of
    one that is enabled again; return its id. `channel` is the type's name.
    """
    lane = await tx.fetchval(
        _OPEN, new_id(), integration_id, project_id, channel, slots
    )
    return Id(lane)


async def cancel_waiting(
    tx: Tx,
    integration_id: Id,
    reason: CancelReason,
    now: int,
    at_once: int = CANCELLED_AT_ONCE,
) -> None:
    """Cancel what waits for an integration that is disabled or deleted: its term is
    over. Up to `at_once`; the worker cancels the rest, and what is in flight now and
    fails, even when it is enabled again by then.
    """
    await tx.execute(_END_TERM, integration_id)
    await go_on_cancelling(tx, integration_id, reason, now, at_once)


_END_TERM: Final = "UPDATE integration SET term = term + 1 WHERE id = $1"


async def go_on_cancelling(
    tx: Tx,
    integration_id: Id,
    reason: CancelReason,
    now: int,
    at_once: int = CANCELLED_AT_ONCE,
) -> None:
    """Cancel more of what waits from an integration's earlier terms."""
    found = await tx.fetchrow(_LANE, integration_id)
    if found is None:
        return
    lane, term = found["id"], found["term"]
    waited_for = await tx.fetch(_WAITED_FOR, lane, term, at_once)
    incidents = [row[0] for row in waited_for]
    if tx.dialect == "postgres":
        # Reports may add no followers to what is being cancelled.
        await tx.fetch(_LOCK_INCIDENTS, incidents)
    for part in chunks(incidents):
        condition, listed = within(tx.dialect, part, first=3)
        where = f"d.lane_id = $1 AND d.term < $2 AND d.incident_id {condition}"
        await cancel(tx, where, [lane, term, *listed], reason, now)
    if found["active"]:  # then later ones may have waited for those
        await promote(tx, [(it, lane) for it in incidents], now)
    # The worker is to find what is left at once: it will not dial, only cancel.
    await tx.execute("UPDATE lane SET closed_until = 0 WHERE id = $1", lane)
    await wake_waiting(tx, [lane])


# Only heads of their incidents and those being sent stand in small indexes; what
# follows them is found by the incident.
_WAITED_FOR: Final = """
SELECT incident_id FROM delivery WHERE lane_id = $1 AND status = 1
 AND incident_id IS NOT NULL AND term < $2
UNION SELECT incident_id FROM (SELECT incident_id, term FROM delivery
 WHERE lane_id = $1 AND status IN (0, 2) AND due_at IS NOT NULL
 AND incident_id IS NOT NULL ORDER BY due_at, id LIMIT $3) AS heads WHERE term < $2"""

_LANE: Final = """
SELECT l.id, n.term, n.active FROM lane l JOIN integration n ON n.id = l.integration_id
WHERE n.id = $1"""

_LOCK_INCIDENTS: Final = """
SELECT 1 FROM incident WHERE id = ANY($1::uuid[]) ORDER BY id FOR SHARE"""


async def reopen(tx: Tx, integration_id: Id, now: int) -> None:
    """Forget what was held against a lane whose integration was mended. What waits is
    due at once; one delivery probes, and if it arrives more and more follow.
    """
    lane = await tx.fetchval(_UNWELL, integration_id, now)
    if lane is None:
        return
    await tx.execute(_BRING_FORWARD, lane, now, CANCELLED_AT_ONCE)
    await tx.execute(_REOPEN, lane, now)
    await wake_waiting(tx, [lane])


_UNWELL: Final = """
SELECT id FROM lane WHERE integration_id = $1
 AND (failures > 0 OR gone > 0 OR closed_until > $2)"""

_BRING_FORWARD: Final = """
UPDATE delivery SET due_at = $2 WHERE status IN (0, 2) AND due_at > $2 AND id IN
 (SELECT id FROM delivery WHERE lane_id = $1 AND status IN (0, 2) AND due_at > $2
  ORDER BY due_at, id LIMIT $3)"""

# Closed until now, not never: what was on its way to the old address says nothing new.
_REOPEN: Final = """
UPDATE lane SET slots = 1, closed_until = $2, failures = 0, failing_since = NULL,
 gone = 0, gone_since = NULL WHERE id = $1"""


async def probe(tx: Tx, lane: Id, now: int) -> None:
    """Have one delivery tried at once, whatever the back-off says, for somebody who
    asks for it. A rate limit is kept.
    """
    await tx.execute(_PROBE, lane, now)
    await wake_waiting(tx, [lane])


_PROBE: Final = """
UPDATE lane SET closed_until = $2 WHERE id = $1 AND failures > 0 AND closed_until > $2"""


async def wake(tx: Tx, lanes: Sequence[Id], due_at: int) -> None:
    """Make lanes due at a moment, if they are not due before.

    On PostgreSQL only claimers bring a lane's due time forward: a report that did it
    would wait for all others of the same lane. Both hold back while a lane is closed.
    """
    if not lanes:
        return
    if tx.dialect == "postgres":
        await tx.execute(_WAKE, lanes, due_at)
    else:
        for part in chunks(lanes):
            condition, listed = within(tx.dialect, part, first=2)
            await tx.execute(_MOVE + condition, due_at, *listed)
    tx.note(LANES)


_WAKE: Final = """
INSERT INTO wake (lane_id, due_at)
SELECT x.id, CAST($2 AS bigint) FROM unnest($1::uuid[]) AS x(id)"""

_MOVE: Final = """
UPDATE lane SET next_due_at = max(closed_until, $1)
WHERE (next_due_at IS NULL OR next_due_at > $1) AND id """


async def wake_waiting(tx: Tx, lanes: Sequence[Id]) -> None:
    """Make lanes due when the first of their waiting deliveries is."""
    if not lanes:
        return
    if tx.dialect == "postgres":
        await tx.execute(_WAKE_WAITING, lanes)
    else:
        for part in chunks(lanes):
            condition, listed = within(tx.dialect, part)
            await tx.execute(_RECOMPUTE + condition, *listed)
    tx.note(LANES)


_WAKE_WAITING: Final = """
INSERT INTO wake (lane_id, due_at) SELECT x.id, w.due_at FROM unnest($1::uuid[]) AS x(id)
CROSS JOIN LATERAL (SELECT due_at FROM delivery WHERE lane_id = x.id
 AND status IN (0, 2) AND due_at IS NOT NULL ORDER BY due_at, id LIMIT 1) w"""

_DUE: Final = """max(closed_until,
 (SELECT min(due_at) FROM delivery WHERE lane_id = lane.id AND status IN (0, 2)
  AND due_at IS NOT NULL))"""

_RECOMPUTE: Final = f"""
UPDATE lane SET next_due_at = {_DUE} WHERE next_due_at IS NOT {_DUE} AND id """


async def promote(tx: Tx, chains: Sequence[tuple[Id, Id]], now: int) -> None:
    """Make the first unfinished delivery of each (incident, lane) due, if it waits for
    its turn. Those redelivered by hand stand outside the order.
    """
    await for_rows(tx, _PROMOTE, ("uuid", "uuid"), chains, now)


_PROMOTE: Final = """
UPDATE delivery SET due_at = $1 WHERE status = 0 AND due_at IS NULL AND NOT manual
AND id IN (SELECT (
  SELECT d.id FROM delivery d WHERE d.incident_id = r.c1 AND d.lane_id = r.c2
  AND d.status IN (0, 1, 2) AND NOT d.manual ORDER BY d.number LIMIT 1) FROM {rows})"""
