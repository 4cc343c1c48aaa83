"""What holds of lanes, deliveries, attempts and the log whenever no turn is running."""

from collections import Counter

import orjson

from domain.deliveries import DeliveryStatus
from models.store import Row, Store

SENDING_AND_NOT_OPEN = """
SELECT d.id FROM delivery d LEFT JOIN attempt a
 ON a.delivery_id = d.id AND a.number = d.attempts AND a.ended_at IS NULL
 AND a.worker = d.worker
WHERE d.status = 1 AND a.number IS NULL"""

OPEN_AND_NOT_SENDING = """
SELECT a.delivery_id FROM attempt a JOIN delivery d ON d.id = a.delivery_id
WHERE a.ended_at IS NULL AND NOT (d.status = 1 AND d.attempts = a.number)"""

MISCOUNTED = """
SELECT d.id FROM delivery d WHERE d.attempts <>
 (SELECT count(*) FROM attempt a WHERE a.delivery_id = d.id)"""

ORPHANED = """
SELECT d.id FROM delivery d WHERE d.status = 0 AND d.due_at IS NULL AND NOT EXISTS
 (SELECT 1 FROM delivery b WHERE b.incident_id = d.incident_id
  AND b.lane_id = d.lane_id AND b.number < d.number AND b.status IN (0, 1, 2)
  AND NOT b.manual)"""

TWO_HEADS = """
SELECT incident_id, lane_id FROM delivery
WHERE NOT manual AND incident_id IS NOT NULL AND (status = 1 OR (status IN (0, 2) AND due_at IS NOT NULL))
GROUP BY incident_id, lane_id HAVING count(*) > 1"""

FINISHED_AND_DUE = """
SELECT id FROM delivery WHERE status >= 3 AND (due_at IS NOT NULL OR worker IS NOT NULL)"""

LANES = """
SELECT l.id, l.slots, l.next_due_at, l.closed_until,
 (SELECT count(*) FROM delivery d WHERE d.lane_id = l.id AND d.status = 1) AS sending,
 (SELECT min(due_at) FROM delivery d WHERE d.lane_id = l.id AND d.status IN (0, 2))
  AS due_at FROM lane l"""

LOGGED = """
SELECT d.id, d.status, d.attempts, e.body FROM delivery d JOIN event_log e
 ON e.delivery_id = d.id ORDER BY e.{}"""


async def violations(store: Store, most_slots: int = 8) -> Counter[str]:
    """Count what does not hold, by the rule that is broken."""
    found: Counter[str] = Counter()
    for name in (
        "SENDING_AND_NOT_OPEN",
        "OPEN_AND_NOT_SENDING",
        "MISCOUNTED",
        "ORPHANED",
        "TWO_HEADS",
        "FINISHED_AND_DUE",
    ):
        found[name] += len(await store.fetch(globals()[name]))
    wakes = await _wakes(store)
    for lane in await store.fetch(LANES):
        found["OVERRUN"] += lane["sending"] > most_slots
        found["ASLEEP"] += _asleep(lane, wakes.get(lane["id"]))
    found["MISLOGGED"] += await _mislogged(store)
    return +found


async def _wakes(store: Store) -> dict[bytes, int]:
    if store.dialect == "sqlite":
        return {}
    rows = await store.fetch("SELECT lane_id, min(due_at) FROM wake GROUP BY lane_id")
    return {row[0]: row[1] for row in rows}


def _asleep(lane: Row, wake: int | None) -> bool:
    """Tell whether a lane with room would miss its first waiting delivery."""
    if lane["due_at"] is None or lane["sending"] >= lane["slots"]:
        return False
    awake = [it for it in (lane["next_due_at"], wake) if it is not None]
    return not awake or min(awake) > max(lane["due_at"], lane["closed_until"])


async def _mislogged(store: Store) -> int:
    """Count deliveries whose last entry in the log does not say how they stand."""
    order = "position" if store.dialect == "sqlite" else "id"
    last = {row["id"]: row for row in await store.fetch(LOGGED.format(order))}
    unlogged = await store.fetchval("SELECT count(*) FROM delivery") - len(last)
    return int(unlogged) + sum(not _says(row) for row in last.values())


def _says(row: Row) -> bool:
    shown = orjson.loads(row["body"])["delivery"]
    status = DeliveryStatus(row["status"])
    if status is DeliveryStatus.SENDING:  # a claim is not logged
        return shown["status"] in {"PENDING", "RETRYING"}
    return bool(
        shown["status"] == status.name and shown["attemptCount"] == row["attempts"]
    )
