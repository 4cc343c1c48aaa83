"""The health of lanes, as read and written by whoever finishes deliveries.

A lane that is well and stays so is neither locked nor written.
"""

# ruff: noqa: S608 - statements are put together from constants only

from collections.abc import Mapping, Sequence
from typing import Final

from delivery.id_lists import within
from delivery.jobs import Ended, Lost, Tried
from delivery.retry import Health
from domain.deliveries import OutcomeKind
from domain.ids import Id
from domain.timing import SLOTS
from models.store import Row, Tx

_WELL: Final = {OutcomeKind.SENT, OutcomeKind.SENT_UNCONFIRMED}

_COLUMNS: Final = (
    "l.id, l.slots, l.closed_until, l.failures, l.failing_since, l.gone, l.gone_since"
)

_LOCK: Final = f"""
SELECT {_COLUMNS} FROM lane l
JOIN unnest($1::uuid[], $2::int[], $3::bool[]) AS x(id, slots, failing) ON x.id = l.id
WHERE x.failing OR l.failures > 0 OR l.gone > 0 OR l.slots <> x.slots
ORDER BY l.id FOR NO KEY UPDATE OF l"""

_READ: Final = f"SELECT {_COLUMNS} FROM lane l WHERE l.id "


async def lock(tx: Tx, ended: Sequence[Ended]) -> dict[Id, Health]:
    """Return the health of the lanes in which something was tried."""
    tries = [it for it in ended if isinstance(it, Tried | Lost)]
    if not tries:
        return {}
    healths = {it.held.claimed.lane_id: Health(slots=_slots(it)) for it in tries}
    if tx.dialect == "postgres":
        failing = {it.held.claimed.lane_id for it in tries if _failing(it)}
        lanes = list(healths)
        slots = [healths[lane].slots for lane in lanes]
        rows = await tx.fetch(_LOCK, lanes, slots, [it in failing for it in lanes])
    else:
        condition, listed = within(tx.dialect, list(healths))
        rows = await tx.fetch(_READ + condition, *listed)
    return healths | {row["id"]: _health(row) for row in rows}


def _slots(it: Tried | Lost) -> int:
    return it.held.channel.slots if it.held.channel else SLOTS


def _failing(it: Tried | Lost) -> bool:
    return isinstance(it, Tried) and it.outcome.kind not in _WELL


def _health(row: Row) -> Health:
    return Health(
        slots=row["slots"],
        closed_until=row["closed_until"],
        failures=row["failures"],
        failing_since=row["failing_since"],
        gone=row["gone"],
        gone_since=row["gone_since"],
    )


async def save(tx: Tx, before: Mapping[Id, Health], after: Mapping[Id, Health]) -> None:
    """Store the health of the lanes that changed, and put off those that closed."""
    rows = [
        (
            *(lane, it.slots, it.closed_until, it.failures, it.failing_since),
            *(it.gone, it.gone_since),
        )
        for lane, it in sorted(after.items())
        if it != before[lane]
    ]
    sqlite = tx.dialect == "sqlite"
    await tx.executemany(_SAVE_EMBEDDED if sqlite else _SAVE, rows)


_CHANGE: Final = """
UPDATE lane SET slots = $2, closed_until = $3, failures = $4, failing_since = $5,
 gone = $6, gone_since = $7, next_due_at = """

_SAVE: Final = (
    _CHANGE
    + """
 CASE WHEN next_due_at IS NOT NULL THEN GREATEST(next_due_at, $3) END WHERE id = $1"""
)

_SAVE_EMBEDDED: Final = _CHANGE + "max(next_due_at, $3) WHERE id = $1"
