"""What is not over yet, read from the store: of all projects and all processes.

Every statement walks an index that holds only what is unfinished and stops early, so
that it costs the same with a million waiting deliveries. Counts stop at MOST.
"""

from dataclasses import dataclass
from typing import Final

from delivery.claim import next_due
from delivery.lease import count_live
from models.store import Store

MOST: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The state of the work at one moment. Ages in ms, 0 where there is nothing.

    `oldest` is the age of the oldest delivery that is not over, and `unfinished` how
    many there are, both without those redelivered by hand. `overdue` is how long the
    most overdue queue has been due; `held_back` how many queues with work are put off
    to a later time, by back-off or a rate limit. `workers` are sessions with a lease.
    `unpositioned` and `position_lag` are of the log's rows that no relay has numbered.
    """

    oldest: int
    unfinished: int
    overdue: int
    held_back: int
    workers: int
    unpositioned: int
    position_lag: int


OLDEST: Final = """
SELECT created_at FROM delivery WHERE status IN (0, 1, 2) AND NOT manual
ORDER BY created_at LIMIT 1"""

UNFINISHED: Final = """
SELECT count(*) FROM (SELECT 1 FROM delivery
 WHERE status IN (0, 1, 2) AND NOT manual ORDER BY created_at LIMIT $1) AS first"""

HELD_BACK: Final = """
SELECT count(*) FROM (SELECT 1 FROM lane WHERE next_due_at > $1 LIMIT $2) AS first"""

LAST: Final = """
SELECT at FROM event_log WHERE position IS NULL ORDER BY id LIMIT 1"""

UNPOSITIONED: Final = """
SELECT count(*) FROM (SELECT 1 FROM event_log
 WHERE position IS NULL ORDER BY id LIMIT $1) AS first"""


async def read(store: Store, now: int) -> Backlog:
    """Read it. Raise StorageUnavailableError."""
    last, unpositioned = None, 0
    if store.dialect == "postgres":  # on SQLite the key is the position
        last = await store.fetchval(LAST)
        unpositioned = await store.fetchval(UNPOSITIONED, MOST)
    return Backlog(
        oldest=_age(now, await store.fetchval(OLDEST)),
        unfinished=await store.fetchval(UNFINISHED, MOST),
        overdue=_age(now, await next_due(store)),
        held_back=await store.fetchval(HELD_BACK, now, MOST),
        workers=await count_live(store),
        unpositioned=unpositioned,
        position_lag=_age(now, last),
    )


def _age(now: int, at: int | None) -> int:
    return 0 if at is None else max(0, now - at)
