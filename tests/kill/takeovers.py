"""How long the work of servers that were killed lay about."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.deliveries import OutcomeKind
from domain.ids import Id
from domain.timing import LEASE, LEASE_RENEWAL
from models.store import Row, Store
from tests.live_server import LiveServer

TAKEN_OVER_WITHIN = LEASE + LEASE_RENEWAL
"""Ms after a death until another worker has taken over: the lease has to run out, then
the next look comes. On SQLite the next start does it.
"""

FAILED = {OutcomeKind.RETRY, OutcomeKind.RATE_LIMITED}
NEVER = 2**63

TRIES = """
SELECT d.lane_id, a.worker, a.started_at, a.ended_at, a.outcome, a.duration_ms
FROM attempt a JOIN delivery d ON d.id = a.delivery_id ORDER BY a.started_at"""


@dataclass
class Life:
    """One server process; times in ms since the epoch."""

    server: LiveServer
    ready_at: int | None = None
    killed_at: int | None = None
    sessions: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Takeover:
    """Ms from a death until a try that it cut short was settled and due again, from the
    death until the next server to start was ready, and from the time when a server
    could until its lane went on: behind older ones of the lane it waits its turn.
    """

    taken_ms: int
    ready_ms: int
    waited_ms: int

    def in_time(self, dialect: str) -> bool:
        """Tell whether it went as promised, with three times the time for a busy
        machine; on SQLite it is settled before the next server is ready.
        """
        most = 3 * TAKEN_OVER_WITHIN
        grace = 0 if dialect == "sqlite" else most
        settled = self.taken_ms <= max(self.ready_ms, 0) + grace
        return settled and self.waited_ms <= most


async def takeovers(store: Store, lives: Sequence[Life]) -> list[Takeover]:
    """Return one for each try that a death cut short, but for lanes of far ends that
    failed, which have to rest besides. `lives` in the order of their beginning.
    """
    tries = await store.fetch(TRIES)
    failing = {row["lane_id"] for row in tries if row["outcome"] in FAILED}
    begun: defaultdict[Id, list[int]] = defaultdict(list)
    for row in tries:
        begun[row["lane_id"]].append(row["started_at"])
    killed = {n: life for life in lives if life.killed_at for n in life.sessions}
    return [
        _takeover(lives, killed[row["worker"]], row, begun[row["lane_id"]])
        for row in tries
        if row["outcome"] == OutcomeKind.UNKNOWN and row["duration_ms"] is None
        if row["worker"] in killed and row["lane_id"] not in failing
    ]


def _takeover(
    lives: Sequence[Life], life: Life, row: Row, begun: Sequence[int]
) -> Takeover:
    assert life.killed_at is not None
    next_at = begun[bisect_left(begun, row["ended_at"])]
    deaths = (it for it in lives if (it.killed_at or NEVER) <= next_at)
    able_at = max(_able_at(lives, it) for it in deaths)
    return Takeover(
        taken_ms=row["ended_at"] - life.killed_at,
        ready_ms=_able_at(lives, life) - life.killed_at,
        waited_ms=max(0, next_at - max(able_at, row["ended_at"])),
    )


def _able_at(lives: Sequence[Life], dead: Life) -> int:
    """Return when the next server was ready after a death; one may live anyway."""
    later = lives[lives.index(dead) + 1 :]
    ready = (it.ready_at for it in later if it.ready_at is not None)
    return next((it for it in ready if it > (dead.killed_at or 0)), 0)
