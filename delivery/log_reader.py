"""Reading the event log by position.

Every statement also tells how far the log goes and how far it has been purged, as of
the same snapshot: a reader knows what its rows stand for, and that none was missing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Self

import orjson

from delivery.cursor import Cursor, encode, epoch_mark
from delivery.event_filter import EventFilter
from delivery.log import LoggedEvent
from domain.ids import Id
from models.store import Row, Store

_HEAD: Final = {
    "sqlite": "SELECT seq FROM sqlite_sequence WHERE name = 'event_log'",
    "postgres": "SELECT value FROM counter WHERE name = 'position'",
}
_BOUNDS: Final = """
SELECT COALESCE(({head}), 0) AS head,
 COALESCE((SELECT value FROM counter WHERE name = 'purged'), 0) AS purged"""

_ROWS: Final = """
SELECT b.head, b.purged, e.* FROM ({bounds}) AS b LEFT JOIN (
 SELECT position, project_id, kind, delivery_id, integration_id, incident_id, body, at
 FROM event_log WHERE {where}) AS e ON true ORDER BY e.position"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Positions up to `head` were given, those up to `purged` are not all kept."""

    head: int
    purged: int


@dataclass(frozen=True, slots=True)
class Page:
    """`events` are all that were asked for up to the position `end`."""

    bounds: Bounds
    end: int
    events: list[LoggedEvent]


class LogReader:
    """Reads without waiting for writers."""

    def __init__(self, store: Store, epoch: bytes) -> None:
        """Take the mark of the database's epoch; see `open`."""
        self._store = store
        self.epoch = epoch
        self._bounds = _BOUNDS.format(head=_HEAD[store.dialect])

    @classmethod
    async def open(cls, store: Store) -> Self:
        """Return a reader of the database's log in its present epoch."""
        epoch = await store.fetchval("SELECT epoch FROM log_epoch")
        return cls(store, epoch_mark(epoch))

    def cursor(self, project_id: Id, position: int) -> str:
        """Return the cursor after a position."""
        return encode(Cursor(project_id, self.epoch, position))

    async def bounds(self) -> Bounds:
        """Return how far the log goes now."""
        row = await self._store.fetchrow(self._bounds)
        assert row is not None  # noqa: S101 - a SELECT without FROM
        return Bounds(row["head"], row["purged"])

    async def page(
        self, project_id: Id, after: int, wanted: EventFilter, limit: int
    ) -> Page:
        """Return the next events of one project after a position."""
        more, arguments = wanted.where(self._store.dialect, 4)
        where = f"project_id = $1 AND position > $2{more} ORDER BY position LIMIT $3"
        page = await self._read(
            where, project_id, after, limit, *arguments, only=[project_id]
        )
        if len(page.events) < limit:
            return page
        return Page(page.bounds, page.events[-1].position, page.events)

    async def span(self, projects: Collection[Id], after: int, most: int) -> Page:
        """Return the events of some projects among the next so many positions."""
        last = after + most
        where = "position > $1 AND position <= $2"
        if self._store.dialect == "sqlite":
            page = await self._read(where, after, last, only=projects)
        else:  # there the key is not the position: go by project
            where += " AND project_id = ANY($3)"
            page = await self._read(where, after, last, list(projects), only=projects)
        return Page(page.bounds, min(last, page.end), page.events)

    async def _read(
        self,
        where: str,
        *arguments: Any,  # noqa: ANN401
        only: Collection[Id],
    ) -> Page:
        statement = _ROWS.format(bounds=self._bounds, where=where)
        rows = await self._store.fetch(statement, *arguments)
        bounds = Bounds(rows[0]["head"], rows[0]["purged"])
        events = [self._event(row) for row in rows if row["project_id"] in only]
        return Page(bounds, bounds.head, events)

    def _event(self, row: Row) -> LoggedEvent:
        return LoggedEvent(
            position=row["position"],
            cursor=self.cursor(row["project_id"], row["position"]),
            project_id=row["project_id"],
            kind=row["kind"],
            delivery_id=row["delivery_id"],
            integration_id=row["integration_id"],
            incident_id=row["incident_id"],
            body=orjson.loads(row["body"]),
            at=row["at"],
        )
