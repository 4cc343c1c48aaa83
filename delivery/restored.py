"""What a database taken from a backup must not do as if no time had passed.

The backup knows nothing of what happened after it was taken. Its event log begins a
new epoch, so that cursors of the lost time are refused. What it shows as waiting may
have been sent since: it is sent again, under the same message id, except where a
repetition is forbidden; that ends as a try whose answer nobody knows.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from delivery import lanes
from delivery.cancelling import cancel
from delivery.recover import recover
from domain.channels import Channel
from domain.deliveries import CancelReason
from domain.ids import ZERO, Id
from models.store import Store, Tx, marks

AT_ONCE: Final = 1_000
"""Deliveries that one turn cancels."""

_WAITING: Final = """
SELECT count(*) AS waiting,
 COALESCE(sum(CASE WHEN expires_at <= $1 THEN 1 ELSE 0 END), 0) AS expired
FROM delivery WHERE status IN (0, 2)"""

_HOLD: Final = """
UPDATE delivery SET status = 1, attempts = attempts + 1, worker = $1
WHERE status IN (0, 2) AND lane_id IN (SELECT id FROM lane WHERE channel IN ({}))"""

_TRY: Final = """
INSERT INTO attempt (delivery_id, number, worker, started_at)
SELECT id, attempts, worker, CAST($2 AS BIGINT) FROM delivery
WHERE status = 1 AND worker = $1"""

# Also what was being tried when the backup was taken: it may have come to its mark since.
_MAY_HAVE_RUN: Final = """
UPDATE attempt SET marked_at = $1 WHERE ended_at IS NULL AND delivery_id IN
 (SELECT id FROM delivery WHERE status = 1
  AND lane_id IN (SELECT id FROM lane WHERE channel IN ({})))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How many deliveries will be sent, are too old for that, were cancelled, and will
    not be run again because they may have been.
    """

    waiting: int
    expired: int
    cancelled: int
    uncertain: int


async def settle(
    store: Store,
    channels: Mapping[str, Channel],
    now: int,
    *,
    cancel_waiting: bool,
    at_once: int = AT_ONCE,
) -> Settled:
    """Make a restored database fit to be served; no server may be running on it."""
    await store.turn(_begin_anew)
    cancelled = uncertain = 0
    if cancel_waiting:
        # What was being sent waits, or has failed, once it is recovered.
        await recover(store, channels, now)
        cancelled = await _cancel_all(store, now, at_once)
    else:
        once = [it.type_name for it in channels.values() if not it.repeatable]
        uncertain = await store.turn(_hold, once, now) if once else 0
        await recover(store, channels, now)
    row = await store.fetchrow(_WAITING, now)
    assert row is not None  # noqa: S101 - an aggregate
    return Settled(
        waiting=int(row["waiting"] - row["expired"]),
        expired=int(row["expired"]),
        cancelled=cancelled,
        uncertain=uncertain,
    )


async def _begin_anew(tx: Tx) -> None:
    await tx.execute("UPDATE log_epoch SET epoch = $1", secrets.token_hex(16))
    await tx.execute("DELETE FROM worker")


async def _hold(tx: Tx, types: Sequence[str], now: int) -> int:
    """Hold what must not be repeated, for a session that has ended: recovering it says
    that nobody knows how it went.
    """
    session = await tx.fetchval(
        "INSERT INTO worker (lease_until) VALUES (0) RETURNING id"
    )
    await tx.execute("DELETE FROM worker WHERE id = $1", session)
    held = await tx.execute(_HOLD.format(marks(len(types), 2)), session, *types)
    await tx.execute(_TRY, session, now)
    await tx.execute(_MAY_HAVE_RUN.format(marks(len(types), 2)), now, *types)
    return held


async def _cancel_all(store: Store, now: int, at_once: int) -> int:
    total, last = 0, ZERO
    while found := await store.turn(_cancel_some, last, now, at_once):
        total, last = total + len(found), found[-1]
    return total


async def _cancel_some(tx: Tx, after: Id, now: int, most: int) -> list[Id]:
    where = "d.id > $1 ORDER BY d.id LIMIT $2"
    cancelled = await cancel(tx, where, [after, most], CancelReason.OPERATOR, now)
    await lanes.wake_waiting(tx, sorted({it.lane_id for it in cancelled}))
    return sorted(it.delivery_id for it in cancelled)
