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

_READ_UNWELL: Final = f"""
SELECT {_COLUMNS} FROM lane l
WHERE (l.failures > 0 OR l.gone > 0 OR l.slots <> $1) AND l.id """


async def lock(tx: Tx, ended: Sequence[Ended]) -> dict[Id, Health]:
    """Return the health of the lanes in which something was tried."""
    tries = [it for it in ended if isinstance(it, Tried | Lost)]
    if not tries:
        return {}
    slots = {it.held.claimed.lane_id: _slots(it) for it in tries}
    failing = {it.held.claimed.lane_id for it in tries if _failing(it)}
    if tx.dialect == "postgres":
        marks = [it in failing for it in slots]
        rows = await tx.fetch(_LOCK, list(slots), list(slots.values()), marks)
    else:
        rows = await _read(tx, slots, failing)
    healths = {lane: Health(slots=most) for lane, most in slots.items()}
    return healths | {row["id"]: _health(row) for row in rows}


async def _read(tx: Tx, slots: Mapping[Id, int], failing: set[Id]) -> list[Row]:
    """Return the rows of failing lanes, and of others that are not well."""
    condition, listed = within(tx.dialect, list(failing))
    rows = await tx.fetch(_READ + condition, *listed)
    for most in set(slots.values()):
        others = [it for it in slots if slots[it] == most and it not in failing]
        condition, listed = within(tx.dialect, others, first=2)
        rows += await tx.fetch(_READ_UNWELL + condition, most, *listed)
    return rows


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
