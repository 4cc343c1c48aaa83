"""What waits, after the clock was set back: without this it would wait until the old
time is reached again, be that in a year.

All that waits becomes due at once: what was never tried was due anyway, and what was is
held back by its lane, whose back-off keeps its length.
"""

from collections.abc import Sequence
from typing import Final

from delivery import lanes
from delivery.id_lists import chunks, within
from domain.ids import Id
from domain.timing import BACKOFF_MOST, RETRY_AFTER_MOST
from models.store import Store, Tx

FURTHEST: Final = 2 * max(BACKOFF_MOST, RETRY_AFTER_MOST)
"""Nothing is put off for longer: what is due later was dated by a clock since set."""

LANES_AT_ONCE: Final = 100
DELIVERIES_AT_ONCE: Final = 500

_MISDATED: Final = """
SELECT l.id FROM lane l WHERE l.next_due_at > $1 OR l.closed_until > $1
 OR l.failing_since > $1 OR l.gone_since > $1
 OR EXISTS (SELECT 1 FROM delivery d WHERE d.lane_id = l.id AND d.status IN (0, 2)
  AND d.due_at > $1) ORDER BY l.id"""

_LEAST: Final = {"sqlite": ("min", "max"), "postgres": ("LEAST", "GREATEST")}

# Strictly narrower than what it was: a second process that does it too does no harm.
_LANE: Final = """
UPDATE lane SET
 closed_until = CASE WHEN closed_until <= $1 THEN closed_until
  ELSE {most}($1, {least}(closed_until - $2, $1 + $3)) END,
 failing_since = CASE WHEN failing_since > $1 THEN $1 ELSE failing_since END,
 gone_since = CASE WHEN gone_since > $1 THEN $1 ELSE gone_since END WHERE id """

_DELIVERIES: Final = """
UPDATE delivery SET due_at = $1 WHERE id IN (SELECT d.id FROM delivery d
 WHERE d.status IN (0, 2) AND d.due_at > $2 AND d.lane_id {} LIMIT $3)"""


async def redate(store: Store, now: int, back: int) -> int:
    """Have nothing wait for a time before the clock was set back by so many ms; return
    how many lanes it was.
    """
    return await _redate(store, now, now, back)


async def redate_implausible(store: Store, now: int) -> int:
    """Likewise where the clock may have been set while nobody looked, at a start."""
    return await _redate(store, now, now + FURTHEST, 2**61)


async def _redate(store: Store, now: int, after: int, back: int) -> int:
    misdated = [row[0] for row in await store.fetch(_MISDATED, after)]
    for part in chunks(misdated, LANES_AT_ONCE):
        await store.turn(_redate_lanes, part, now, back)
        while await store.turn(_redate_deliveries, part, now, after):
            pass
    return len(misdated)


async def _redate_lanes(tx: Tx, part: Sequence[Id], now: int, back: int) -> None:
    least, most = _LEAST[tx.dialect]
    condition, listed = within(tx.dialect, part, first=4)
    statement = _LANE.format(least=least, most=most) + condition
    await tx.execute(statement, now, back, FURTHEST, *listed)


async def _redate_deliveries(tx: Tx, part: Sequence[Id], now: int, after: int) -> bool:
    """Make some due; tell whether there may be more."""
    condition, listed = within(tx.dialect, part, first=4)
    statement = _DELIVERIES.format(condition)
    count = await tx.execute(statement, now, after, DELIVERIES_AT_ONCE, *listed)
    await lanes.wake_waiting(tx, part)
    return count == DELIVERIES_AT_ONCE
