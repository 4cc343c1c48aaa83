"""Recovering what sessions without a lease have left unfinished.

Their tries may have been processed: UNKNOWN. On PostgreSQL any process does this
every few seconds; on SQLite the one process does it when it starts.
"""

from collections.abc import Mapping
from itertools import groupby
from typing import Final

from delivery.cancelling import about
from delivery.claim import Claimed
from delivery.finish import Group, finish
from delivery.jobs import Held, Lost
from delivery.lease import is_dead
from delivery.load import count_tries
from delivery.measures import SILENT, Measures, results
from delivery.outside import outside
from domain.channels import Channel
from models.store import Row, Store

AT_A_TIME: Final = 200

_FIND: Final = """
SELECT d.id, d.project_id, d.lane_id, d.incident_id, d.integration_id, d.event_id,
       d.manual, d.attempts, d.expires_at, d.body, d.next_step, d.message_id, d.term,
       d.worker, a.started_at, n.type, n.name, i.status AS incident_status,
       l.channel
FROM delivery d JOIN attempt a ON a.delivery_id = d.id AND a.number = d.attempts
LEFT JOIN integration n ON n.id = d.integration_id
LEFT JOIN lane l ON l.id = d.lane_id
LEFT JOIN incident i ON i.id = d.incident_id
WHERE d.status = 1 AND {} ORDER BY d.worker LIMIT $1"""


async def recover(
    store: Store,
    channels: Mapping[str, Channel],
    now: int,
    measures: Measures = SILENT,
) -> int:
    """Take over what nobody holds any more; return how much it was."""
    total = 0
    while True:
        rows = await store.fetch(_FIND.format(is_dead(store.dialect)), AT_A_TIME)
        recovered = 0
        for worker, group in groupby(rows, key=lambda row: row["worker"]):
            lost = await _lost(store, channels, list(group))
            found = Group(session=worker, ended=lost, now=now)
            done = await store.turn(finish, found)
            measures.recorded(done.counted, results(done.written, now))
            recovered += done.counted
        total += recovered
        if not recovered:  # none, or others were faster
            return total


async def _lost(
    store: Store, channels: Mapping[str, Channel], rows: list[Row]
) -> list[Lost]:
    held = [(_claimed(row), _channel(row, channels)) for row in rows]
    counts = await count_tries(store, held)
    return [
        Lost(
            held=Held(
                claimed=it,
                about=about(row),
                channel=channel,
                counted=counts.get(it.id, 0),
            )
        )
        for (it, channel), row in zip(held, rows, strict=True)
    ]


def _channel(row: Row, channels: Mapping[str, Channel]) -> Channel | None:
    if row["integration_id"] is not None:
        return channels.get(row["type"])
    channel = channels.get(row["channel"])
    return channel and outside(channel)


def _claimed(row: Row) -> Claimed:
    return Claimed.of(row, row["attempts"], row["worker"], row["started_at"])
