"""Writes down how deliveries ended, in groups: one commit for many."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Final

import structlog

from delivery.claim import Claimed
from delivery.deliver import Observe
from delivery.finish import Group, finish
from delivery.jobs import Ended, Lost, Tried, Withdrawn, claimed_of
from delivery.measures import SILENT, Measures, results
from delivery.retry import Chance
from domain.clock import Clock
from domain.faults import StorageUnavailableError
from domain.ids import Id, encode
from models.store import Store

MOST: Final = 200
GATHER_S: Final = 0.005
"""A result waits this long for others to share its commit, while more are coming."""

PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0

_log = structlog.get_logger(__name__)


class Recorder:
    """Takes results, and writes them until they are written."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        observe: Observe,
        chance: Chance,
        measures: Measures = SILENT,
    ) -> None:
        """Begin with nothing to write."""
        self._store = store
        self._clock = clock
        self._observe = observe
        self._chance = chance
        self._measures = measures
        self._ended: deque[Ended] = deque()
        self._held: set[tuple[Id, int]] = set()
        self._some = asyncio.Event()
        self._stopping = False
        self.expecting = 0
        """How many results are about to come: while there are any, it gathers."""

    def hold(self, claimed: Iterable[Claimed]) -> None:
        """Remember what is in hand until its result is written."""
        self._held.update(_fence(it) for it in claimed)

    def holds(self, claimed: Claimed) -> bool:
        """Tell whether a delivery is in hand."""
        return _fence(claimed) in self._held

    def add(self, ended: Ended) -> None:
        """Have a result written soon."""
        self._held.add(_fence(claimed_of(ended)))
        self._ended.append(ended)
        self._some.set()

    async def run(self) -> None:
        """Write until told to stop, and then what is left."""
        while not self._stopping or self._ended:
            if not self._ended:
                self._some.clear()
                await self._some.wait()
                continue
            if self.expecting and len(self._ended) < MOST and not self._stopping:
                await asyncio.sleep(GATHER_S)
            await self._write(self._next())

    def stop(self) -> None:
        """Let `run` end once all is written."""
        self._stopping = True
        self._some.set()

    def _next(self) -> list[Ended]:
        """Take the next results that belong to one session."""
        session = claimed_of(self._ended[0]).worker
        group: list[Ended] = []
        while self._ended and len(group) < MOST:
            if claimed_of(self._ended[0]).worker != session:
                break
            group.append(self._ended.popleft())
        return group

    async def _write(self, group: list[Ended]) -> None:
        pause = PAUSE_S
        while True:
            try:
                await self._try(group)
            except StorageUnavailableError as error:
                _log.warning("results_wait_for_storage", count=len(group), why=error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
            except Exception:  # noqa: BLE001 - one bad result must not stop the others
                await self._one_by_one(group)
                return
            else:
                self._held.difference_update(_fence(claimed_of(it)) for it in group)
                return

    async def _try(self, group: list[Ended]) -> None:
        self._observe("before_commit")
        session = claimed_of(group[0]).worker
        found = Group(
            session=session, ended=group, now=self._clock(), chance=self._chance
        )
        done = await self._store.turn(finish, found)
        self._observe("committed")
        self._measures.recorded(done.counted, results(done.written, found.now))

    async def _one_by_one(self, group: list[Ended]) -> None:
        """Write all but the bad one; of that one only that its end is not known."""
        if len(group) > 1:
            for it in group:
                await self._write([it])
            return
        delivery = encode("Delivery", claimed_of(group[0]).id)
        _log.error("result_not_written", delivery=delivery, exc_info=True)
        if isinstance(group[0], Tried | Withdrawn):
            await self._write([Lost(held=group[0].held, tried=True)])
        else:
            self._held.discard(_fence(claimed_of(group[0])))


def _fence(claimed: Claimed) -> tuple[Id, int]:
    return claimed.id, claimed.number
