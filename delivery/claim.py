"""Claiming: due lanes, walking the projects in turn, then the first deliveries of each.

The attempt is on disk, in the same commit, before anything is dialled. Slots in use
are counted, never stored. A dead or full lane costs nothing to the others, however
long its queue: only due lanes are looked at, and of each only its first few.
"""

# ruff: noqa: S608 - statements are put together from constants only

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from delivery.id_lists import within
from domain.ids import ZERO, Id
from models.store import Row, Store, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a worker would like to have: up to `most` deliveries, of a lane at most
    `per_lane`, of a project at most `per_project` lanes, first of the projects that
    come after the one that was served last. With `lanes`, of these only.
    """

    worker: int
    now: int
    most: int
    after: Id = ZERO
    per_project: int = 64
    per_lane: int = 16
    lanes: Sequence[Id] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery that a worker holds: attempt `number` is open, nothing is dialled."""

    id: Id
    number: int
    worker: int
    started_at: int
    project_id: Id
    lane_id: Id
    incident_id: Id | None
    integration_id: Id | None
    event_id: Id | None
    manual: bool
    expires_at: int
    body: str | None
    next_step: int
    message_id: str
    term: int

    @classmethod
    def of(cls, row: Row, number: int, worker: int, started_at: int) -> Self:
        """Read a row of the delivery, held for an attempt."""
        return cls(
            id=row["id"],
            number=number,
            worker=worker,
            started_at=started_at,
            project_id=row["project_id"],
            lane_id=row["lane_id"],
            incident_id=row["incident_id"],
            integration_id=row["integration_id"],
            event_id=row["event_id"],
            manual=bool(row["manual"]),
            expires_at=row["expires_at"],
            body=row["body"],
            next_step=row["next_step"],
            message_id=row["message_id"],
            term=row["term"],
        )


_COLUMNS: Final = (
    "id, project_id, lane_id, incident_id, integration_id, event_id, manual, attempts,"
    " expires_at, body, next_step, message_id, term"
)


async def claim(tx: Tx, ask: Ask) -> list[Claimed]:
    """Claim deliveries that are due."""
    if ask.lanes is not None and not ask.lanes:
        return []
    if tx.dialect == "sqlite":
        return await _claim_embedded(tx, ask)
    await tx.execute(FOLD)
    rows = await tx.fetch(
        CLAIM if ask.lanes is None else CLAIM_OF,
        *(ask.now, ask.after, ask.most, ask.per_project, ask.per_lane, ask.worker),
        *([ask.most] if ask.lanes is None else [ask.most, ask.lanes]),
    )
    return [Claimed.of(row, row["attempts"], ask.worker, ask.now) for row in rows]


async def claimed_by(store: Store, worker: int) -> list[Claimed]:
    """Return what a session holds; none of it may be given to a sender twice."""
    rows = await store.fetch(_CLAIMED_BY, worker)
    return [Claimed.of(row, row["attempts"], worker, 0) for row in rows]


_CLAIMED_BY: Final = f"""
SELECT {_COLUMNS} FROM delivery WHERE status = 1 AND worker = $1"""


async def next_due(store: Store) -> int | None:
    """Return when the next lane is due, which may be in the past."""
    due: int | None = await store.fetchval(_NEXT_DUE, ZERO)
    return due


# One probe of the index for each project that has a lane in it.
_PROJECTS: Final = """
WITH RECURSIVE p(project_id) AS (
 SELECT * FROM (SELECT project_id FROM lane
  WHERE next_due_at IS NOT NULL AND project_id > {after}
  ORDER BY project_id LIMIT 1) AS first
 UNION ALL SELECT (SELECT n.project_id FROM lane n
  WHERE n.next_due_at IS NOT NULL AND n.project_id > p.project_id
  ORDER BY n.project_id LIMIT 1) FROM p WHERE p.project_id IS NOT NULL)"""

_NEXT_DUE: Final = (
    _PROJECTS.format(after="$1")
    + """
SELECT min(l.due) FROM (SELECT (SELECT next_due_at FROM lane
 WHERE lane.project_id = p.project_id AND next_due_at IS NOT NULL
 ORDER BY next_due_at LIMIT 1) AS due FROM p WHERE p.project_id IS NOT NULL) AS l"""
)

# PostgreSQL. Only claimers bring a lane's due time forward: they fold the wakes in. This
# may wait for a lane, taking lanes in the order of their ids; what follows waits for
# nobody.
FOLD: Final = """
WITH w AS (DELETE FROM wake WHERE id IN
  (SELECT id FROM wake ORDER BY id LIMIT 5000 FOR UPDATE SKIP LOCKED)
  RETURNING lane_id, due_at),
g AS MATERIALIZED (SELECT lane_id, min(due_at) AS due_at FROM w GROUP BY lane_id),
l AS MATERIALIZED (SELECT id FROM lane WHERE id IN (SELECT lane_id FROM g)
  ORDER BY id FOR NO KEY UPDATE)
UPDATE lane SET next_due_at = LEAST(
  COALESCE(lane.next_due_at, CAST(9e18 AS bigint)),
  GREATEST(g.due_at, lane.closed_until))
FROM g, l WHERE lane.id = g.lane_id AND l.id = g.lane_id"""

# $1 now, $2 last project, $3 lanes, $4 lanes of a project, $5
# deliveries of a lane, $6 worker, $7 deliveries. A lane whose row changed since the
# statement's snapshot was taken is left alone: its deliveries may have changed with it
# unseen, and it would be put to sleep with work. A lane with more to do goes to the
# back of its project. Arrays, not joins: with them the planner cannot think of reading
# the whole table.
CLAIM: Final = (
    _PROJECTS.format(after="$2")
    + f""",
locked AS MATERIALIZED (SELECT l.* FROM p CROSS JOIN LATERAL
  (SELECT id, project_id, slots, ctid AS at FROM lane
   WHERE project_id = p.project_id AND next_due_at <= $1
   ORDER BY next_due_at LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED) l LIMIT $3),
room AS MATERIALIZED (SELECT l.*, l.slots -
   (SELECT count(*) FROM delivery s WHERE s.lane_id = l.id AND s.status = 1) AS room
  FROM locked l WHERE (SELECT s.ctid FROM lane s WHERE s.id = l.id) = l.at),
mine AS MATERIALIZED (SELECT *, CAST(LEAST($5, GREATEST(0, room)) AS int) AS k
  FROM room),
cand AS MATERIALIZED (SELECT m.id AS lane_id, d.id, d.due_at,
   row_number() OVER (PARTITION BY m.id ORDER BY d.due_at, d.id) AS nth, m.k
  FROM mine m CROSS JOIN LATERAL
  (SELECT id, due_at FROM delivery
   WHERE lane_id = m.id AND status IN (0, 2) AND due_at IS NOT NULL
   ORDER BY due_at, id LIMIT m.k + 1) d),
got AS MATERIALIZED (SELECT d.id FROM delivery d WHERE d.status IN (0, 2) AND d.id = ANY
  (ARRAY(SELECT id FROM cand WHERE nth <= k AND due_at <= $1
         ORDER BY nth, due_at LIMIT $7))
  FOR NO KEY UPDATE SKIP LOCKED),
claimed AS (UPDATE delivery d SET status = 1, attempts = attempts + 1, worker = $6
  WHERE d.id = ANY (ARRAY(SELECT id FROM got)) RETURNING d.*),
tried AS (INSERT INTO attempt (delivery_id, number, worker, started_at)
  SELECT id, attempts, $6, $1 FROM claimed),
moved AS (UPDATE lane SET next_due_at = CASE
   WHEN m.room <= (SELECT count(*) FROM claimed c WHERE c.lane_id = m.id) THEN NULL
   ELSE (SELECT CASE WHEN min(c.due_at) <= $1 THEN $1 ELSE min(c.due_at) END
    FROM cand c WHERE c.lane_id = m.id
    AND NOT EXISTS (SELECT 1 FROM got WHERE got.id = c.id)) END
  FROM mine m WHERE lane.id = m.id)
SELECT {_COLUMNS} FROM claimed"""
)

# The same of certain lanes ($8).
CLAIM_OF: Final = CLAIM.replace(
    "next_due_at <= $1", "next_due_at <= $1 AND id = ANY($8::uuid[])", 1
)


async def _claim_embedded(tx: Tx, ask: Ask) -> list[Claimed]:
    """Claim on SQLite, where this turn is the only writer: the same in small steps."""
    taken: list[Claimed] = []
    moves: list[tuple[Id, int | None]] = []
    for project in await tx.fetch(DUE_PROJECTS, ask.now, ask.after, ask.most):
        lanes = await _due_lanes(tx, project[0], ask)
        for lane, room in lanes:
            left = ask.most - len(taken)
            if not left:
                break
            wanted = min(ask.per_lane, max(0, room), left)
            waiting = await tx.fetch(WAITING, lane, wanted + 1)
            due = [it for it in waiting[:wanted] if it["due_at"] <= ask.now]
            taken += [
                Claimed.of(row, row["attempts"] + 1, ask.worker, ask.now) for row in due
            ]
            moves.append((lane, _moved(waiting[len(due) :], room - len(due), ask.now)))
    condition, ids = within(tx.dialect, [it.id for it in taken], first=2)
    await tx.execute(_TAKE + condition, ask.worker, *ids)
    condition, ids = within(tx.dialect, [it.id for it in taken], first=3)
    await tx.execute(_TRY + condition, ask.worker, ask.now, *ids)
    emptied = [lane for lane, due_at in moves if due_at is None]
    condition, ids = within(tx.dialect, emptied)
    await tx.execute(_SLEEP + condition, *ids)
    await tx.executemany(_MOVE, [it for it in moves if it[1] is not None])
    return taken


async def _due_lanes(tx: Tx, project: Id, ask: Ask) -> list[Row]:
    args = (project, ask.now, ask.per_project)
    if ask.lanes is None:
        return await tx.fetch(DUE_LANES, *args)
    condition, listed = within(tx.dialect, ask.lanes, first=4)
    return await tx.fetch(_DUE.format(f" AND id {condition}"), *args, *listed)


def _moved(rest: list[Row], room: int, now: int) -> int | None:
    """Return a served lane's due time: none while it is full, because what finishes
    wakes it. With more to do it goes to the back of its project.
    """
    if room <= 0 or not rest:
        return None
    due_at: int = rest[0]["due_at"]
    return max(now, due_at)


DUE_PROJECTS: Final = (
    _PROJECTS.format(after="$2")
    + """
SELECT project_id FROM p WHERE EXISTS
 (SELECT 1 FROM lane WHERE lane.project_id = p.project_id AND next_due_at <= $1)
LIMIT $3"""
)

_DUE: Final = """
SELECT id, slots -
 (SELECT count(*) FROM delivery d WHERE d.lane_id = lane.id AND d.status = 1) AS room
FROM lane WHERE project_id = $1 AND next_due_at <= $2{} ORDER BY next_due_at LIMIT $3"""

DUE_LANES: Final = _DUE.format("")

WAITING: Final = f"""
SELECT {_COLUMNS}, due_at FROM delivery
WHERE lane_id = $1 AND status IN (0, 2) AND due_at IS NOT NULL
ORDER BY due_at, id LIMIT $2"""

_TAKE: Final = """
UPDATE delivery SET status = 1, attempts = attempts + 1, worker = $1 WHERE id """

_TRY: Final = """
INSERT INTO attempt (delivery_id, number, worker, started_at)
SELECT id, attempts, $1, $2 FROM delivery WHERE id """

_SLEEP: Final = "UPDATE lane SET next_due_at = NULL WHERE id "

_MOVE: Final = "UPDATE lane SET next_due_at = $2 WHERE id = $1"
