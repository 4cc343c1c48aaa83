"""The worker: claims what is due, sends it, and writes down how it ended.

It never stops for a storage error or a broken message; it holds nothing that the
database does not know of.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from functools import partial
from typing import Final

import structlog

from delivery import runs
from delivery.bus import Bus, Listener
from delivery.claim import Ask, Claimed, claim, claimed_by, next_due
from delivery.deliver import Observe, Run, Send, Tools, runs_nothing
from delivery.equipment import Equipper
from delivery.jobs import Job, Released
from delivery.lanes import LANES
from delivery.lease import close_session, open_session, renew
from delivery.load import load
from delivery.measures import SILENT as UNMEASURED
from delivery.measures import Measures
from delivery.recorder import Recorder
from delivery.recover import recover
from delivery.redating import redate, redate_implausible
from delivery.retry import Chance
from delivery.senders import Senders
from delivery.spans import SILENT as UNTRACED
from delivery.spans import Spans
from domain.channels import Channel
from domain.clock import AgeClock, Clock, Leaps
from domain.faults import StorageUnavailableError
from domain.ids import ZERO, Id, encode
from domain.timing import GRACEFUL_STOP, LEASE, LEASE_RENEWAL, SECOND
from models.crypto import KeyRing
from models.store import Store

LONGEST_SLEEP_S: Final = {"sqlite": 60.0, "postgres": 1.0}
"""On SQLite all that makes a lane due kicks the bus; on PostgreSQL a process may die
between its commit and its kick. The minute covers a clock that was set."""

SHORTEST_SLEEP_S: Final = 0.02
"""A lane that is due and was not served is held by another claimer for a moment."""

CROWDED_SLEEP_S: Final = 0.05
"""The same while only brisk lanes are claimed, and others are due."""

PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 5.0
WIND_UP_S: Final = 2.0
"""What each part gets to end, apart from the sends in flight."""

_log = structlog.get_logger(__name__)


class Worker:
    """One session at a time: a process has one of these."""

    def __init__(  # noqa: PLR0913 - all that it needs of the world
        self,
        store: Store,
        bus: Bus,
        send: Send,
        *,
        channels: Mapping[str, Channel],
        keys: KeyRing,
        clock: Clock,
        observe: Observe,
        chance: Chance = random.random,
        measures: Measures = UNMEASURED,
        spans: Spans = UNTRACED,
        ages: AgeClock | None = None,
        run: Run = runs_nothing,
    ) -> None:
        """Take what it works with; make it in the event loop."""
        self._store = store
        self._bus = bus
        self._channels = channels
        self._equipper = Equipper(channels, keys)
        self._clock = clock
        self._leaps = Leaps(clock)
        self._set_back = 0
        self._observe = observe
        self._measures = measures
        self._recorder = Recorder(store, clock, observe, chance, measures)
        mark = partial(runs.begin, store, clock)
        tools = Tools(send, clock, observe, spans, run, mark)
        ages = ages or AgeClock(clock)
        self._senders = Senders(tools, self._recorder, ages)
        self._session = 0
        self._keeping = asyncio.Lock()
        self._kept_at = 0.0
        self._in_doubt = False
        self._served = ZERO
        self._crowded = False
        self._stopping = False
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def in_flight(self) -> int:
        """How many deliveries are being sent."""
        return self._senders.in_flight

    @property
    def in_hand(self) -> int:
        """How many deliveries are claimed and wait for room to be sent."""
        return self._senders.waiting

    async def start(self) -> None:
        """Take a session, take over what the dead left, and work from now on."""
        self._session = await self._store.turn(open_session)
        self._kept_at = time.monotonic()
        await redate_implausible(self._store, self._clock())
        await self._recover()
        self._listener = self._bus.listen(LANES)
        self._tasks = {
            "claim": asyncio.create_task(self._claim_on(self._listener)),
            "record": asyncio.create_task(self._recorder.run()),
        }
        if self._store.dialect == "postgres":
            self._tasks["tend"] = asyncio.create_task(self._tend())

    async def stop(self, grace_ms: int = GRACEFUL_STOP) -> None:
        """Claim nothing more, let what is in flight end for a while, write down how it
        ended, and hand back the rest.
        """
        if not self._tasks:
            return
        self._stopping = True
        self._senders.stop()
        self._bus.kick(LANES)
        await self._end("claim")
        await self._senders.finish(grace_ms / SECOND)
        self._recorder.stop()
        written = await self._end("record")
        await self._cancel("tend")
        self._listener.close()
        self._tasks = {}
        if written:
            await self._close_session()

    async def _claim_on(self, listener: Listener) -> None:
        pause = PAUSE_S
        while not self._stopping:
            try:
                if not await self._claim():
                    await self._sleep(listener)
                pause = PAUSE_S
            except Exception as error:  # noqa: BLE001 - it must go on when storage is back
                self._in_doubt = True  # it may have been committed
                _put_off("claiming_put_off", error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
            await self._senders.hungry()

    async def _claim(self) -> bool:
        """Claim what there is room for; tell whether there may be more to claim."""
        if (leap := self._leaps.look()) < 0 or self._set_back:
            await self._redate(-leap)
        if self._in_doubt or time.monotonic() - self._kept_at > LEASE / SECOND:
            await self._reassure()
        room = self._senders.room()
        ask = Ask(
            worker=self._session,
            now=self._clock(),
            most=room.most,
            after=self._served if room.lanes is None else ZERO,
            lanes=room.lanes,
        )
        claimed = await self._store.turn(claim, ask)
        if claimed:
            self._recorder.hold(claimed)
            self._observe("claimed")
            self._senders.put(await self._load(claimed))
        self._crowded = room.lanes is not None
        if self._crowded:
            return bool(claimed)
        reached_the_end = len(claimed) < ask.most
        self._served = ZERO if reached_the_end else _last_project(claimed)
        return bool(claimed) or ask.after != ZERO

    async def _redate(self, back: int) -> None:
        self._set_back = max(self._set_back, back)  # until it has been done
        count = await redate(self._store, self._clock(), self._set_back)
        self._set_back = 0
        _log.warning("clock_set_back", by_ms=back, lanes=count)

    async def _reassure(self) -> None:
        """Go on only with a session that lives, and give back what it has claimed
        without hearing of it: as long as it lives nobody else will.
        """
        if self._store.dialect == "postgres":
            await self._keep_session()
        for it in await claimed_by(self._store, self._session):
            if not self._recorder.holds(it):
                _log.warning("claim_given_back", delivery=encode("Delivery", it.id))
                self._recorder.add(Released(claimed=it))
        self._in_doubt = False
        self._kept_at = time.monotonic()

    async def _load(self, claimed: list[Claimed]) -> list[Job]:
        """Return what is to be sent of the claimed; the rest is on its way back."""
        try:
            loaded = await load(self._store, self._equipper, claimed)
        except BaseException:
            for it in claimed:
                self._recorder.add(Released(claimed=it))
            raise
        jobs = []
        for result in loaded:
            if isinstance(result, Job):
                jobs.append(result)
            else:
                self._recorder.add(result)
        return jobs

    async def _sleep(self, listener: Listener) -> None:
        due_at = await next_due(self._store)
        longest = LONGEST_SLEEP_S[self._store.dialect]
        if due_at is not None:
            left = (due_at - self._clock()) / SECOND
            shortest = CROWDED_SLEEP_S if self._crowded else SHORTEST_SLEEP_S
            longest = min(longest, max(left, shortest))
        await listener.wait(longest)

    async def _tend(self) -> None:
        """Keep the lease, and take over from those who lost theirs."""
        while True:
            await asyncio.sleep(LEASE_RENEWAL / SECOND)
            try:
                await self._keep_session()
                await self._recover()
            except Exception as error:  # noqa: BLE001 - it must go on when storage is back
                _put_off("lease_not_renewed", error)

    async def _keep_session(self) -> None:
        """Renew the lease; where that has ended, begin anew and drop all in hand: it
        went to others.
        """
        async with self._keeping:
            if not await self._store.turn(renew, self._session):
                _log.warning("lease_lost", session=self._session)
                self._session = await self._store.turn(open_session)
                self._senders.drop()
            self._kept_at = time.monotonic()

    async def _recover(self) -> None:
        recovered = await recover(
            self._store, self._channels, self._clock(), self._measures
        )
        if recovered:
            _log.info("deliveries_recovered", count=recovered)

    async def _end(self, name: str) -> bool:
        """Wait until a task has ended by itself; tell whether it did."""
        task = self._tasks[name]
        await asyncio.wait([task], timeout=WIND_UP_S)
        if task.done() and not task.cancelled():
            return task.exception() is None
        await self._cancel(name)
        return False

    async def _cancel(self, name: str) -> None:
        if task := self._tasks.get(name):
            task.cancel()
            await asyncio.wait([task])

    async def _close_session(self) -> None:
        try:
            await self._store.turn(close_session, self._session)
        except Exception:  # noqa: BLE001 - then its lease runs out
            _log.warning("session_not_closed", exc_info=True)


def _put_off(event: str, error: Exception) -> None:
    """Log that storage is away, or a fault of ours with its trace."""
    if isinstance(error, StorageUnavailableError):
        _log.warning(event, why=str(error))
    else:
        _log.warning(event, exc_info=error)


def _last_project(claimed: list[Claimed]) -> Id:
    return max(it.project_id for it in claimed)
