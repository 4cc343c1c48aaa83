"""Sends in flight: how many at once, and what becomes of them at the end."""

import asyncio
import resource
from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import Final

from delivery.deliver import Tools, deliver
from delivery.jobs import Ended, Job, Lost, Released
from delivery.lane_queues import LaneQueues, Pace
from delivery.recorder import Recorder
from domain.clock import AgeClock
from domain.ids import Id

PLACES: Final = {Pace.BRISK: 64, Pace.OPEN: 16, Pace.SLOW: 16}
"""Sends at once, by pace. Beyond that they only slow each other down."""

WAITED_FOR_S: Final = 0.1
"""A send that takes longer than this is no work, only waiting: it gives up its place."""

HUNG_S: Final = 2.0
"""A far end that takes longer than this to answer hangs."""

GENTLY_S: Final = 0.005
"""Between two sends that are added for lanes that are not brisk: many at a time would
keep the process from all others for as long as it takes to begin them."""

MOST: Final = 1_024
"""Sends at once with those that are waited for, if this process may have twice as many
files open. Lanes that are not known to answer begin none when three quarters are in
flight, those that hang when half are."""

HUNGRY: Final = 160
"""With fewer jobs than this waiting for room it is time to claim more."""

IN_HAND: Final = 256
"""Claimed deliveries that wait for room to be sent, at the most."""

OTHERS_IN_HAND: Final = 64
"""With so many waiting in lanes that are not brisk, only brisk ones are claimed."""


@dataclass(frozen=True, slots=True)
class Room:
    """What may be claimed: so many deliveries, of these lanes only (None: of any)."""

    most: int
    lanes: list[Id] | None


def most_at_once(files: int) -> dict[Pace, int]:
    """Return with how many in flight lanes of each pace may begin another, if so many
    files may be open.
    """
    most = MOST if files == resource.RLIM_INFINITY else min(MOST, files // 2)
    return {Pace.BRISK: most, Pace.OPEN: most * 3 // 4, Pace.SLOW: most // 2}


@dataclass(slots=True, eq=False)
class _Flight:
    """A send in flight."""

    job: Job
    pace: Pace
    began: float
    waited_for: bool = False
    over: bool = False

    @property
    def lane(self) -> Id:
        return self.job.held.claimed.lane_id


class Senders:
    """Sends jobs and hands their results to the recorder."""

    def __init__(self, tools: Tools, recorder: Recorder, ages: AgeClock) -> None:
        """Begin with nothing in hand."""
        self._tools = tools
        self._ages = ages
        self._recorder = recorder
        self._queues = LaneQueues()
        self._flights: dict[asyncio.Task[None], _Flight] = {}
        self._young: deque[_Flight] = deque()
        self._old: deque[_Flight] = deque()
        self._taken: Counter[Pace] = Counter()
        self._most = most_at_once(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        self._hungry = asyncio.Event()
        self._hungry.set()
        self._stopping = False
        self._timer: asyncio.TimerHandle | None = None
        self._gently = 0.0
        self._loop = asyncio.get_running_loop()

    @property
    def waiting(self) -> int:
        """How many jobs wait for room."""
        return len(self._queues)

    @property
    def in_flight(self) -> int:
        """How many jobs are being sent."""
        return len(self._flights)

    def put(self, jobs: list[Job]) -> None:
        """Send these as soon as there is room."""
        for job in jobs:
            self._queues.put(job)
        if self._stopping:
            self._release()
        self._fill()

    def room(self) -> Room:
        """Return what may be claimed now: far ends that hang must not fill the hand."""
        self._age()
        others = self._queues.waiting(Pace.OPEN) + self._queues.waiting(Pace.SLOW)
        if not others:
            return Room(IN_HAND - self.waiting, None)
        if others < OTHERS_IN_HAND:
            return Room(OTHERS_IN_HAND, None)
        return Room(IN_HAND - self._queues.waiting(Pace.BRISK), self._queues.brisk())

    async def hungry(self) -> None:
        """Wait until more jobs are wanted."""
        await self._hungry.wait()

    def stop(self) -> None:
        """Begin no more: what waits, and what still comes, is given back."""
        self._stopping = True
        self._release()
        self._fill()

    def _release(self) -> None:
        """Give back the jobs that wait: nothing of them was dialled."""
        for job in self._queues.empty():
            self._recorder.add(Released(claimed=job.held.claimed))

    def drop(self) -> None:
        """Let go of all that is in hand: it belongs to others by now."""
        self._release()
        for task in self._flights:
            task.cancel()

    async def finish(self, within_s: float) -> None:
        """Wait for the sends in flight; those that take longer are cut off."""
        if self._flights:
            await asyncio.wait(list(self._flights), timeout=within_s)
        cut = list(self._flights)
        for task in cut:
            task.cancel()
        if cut:
            await asyncio.wait(cut)

    def _fill(self) -> None:
        self._age()
        while flight := self._next(added=True):
            task = self._loop.create_task(self._send(flight))
            self._flights[task] = flight
            task.add_done_callback(self._end)
        self._tell()

    def _next(self, *, added: bool) -> _Flight | None:
        """Return a flight for the next job that there is room for, if there is any.

        `added` to those in flight, or in the place of one that is over.
        """
        now, count = self._loop.time(), len(self._flights) - (not added)
        for pace in PLACES:
            if not self._queues.waiting(pace) or count >= self._most[pace]:
                continue
            gently = added and pace is not Pace.BRISK
            if self._taken[pace] < PLACES[pace] and (not gently or now >= self._gently):
                self._taken[pace] += 1
                self._gently = now + GENTLY_S if gently else self._gently
                flight = _Flight(self._queues.take(pace), pace, now)
                self._young.append(flight)
                return flight
        return None

    async def _send(self, flight: _Flight) -> None:
        """Send one job after the other, as long as there are any."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - it is this one
        while True:
            self._recorder.add(await self._result(flight.job))
            self._land(flight)
            self._age()
            following = self._next(added=False)
            if following is None:
                return
            flight = self._flights[task] = following
            self._tell()

    async def _result(self, job: Job) -> Ended:
        try:
            ended = await deliver(self._aged(job), self._tools)
        except asyncio.CancelledError:
            return Lost(held=self._aged(job).held)
        # Once more: the clock may have been set while it was sent.
        held = self._aged(job).held
        return ended if ended.held is held else replace(ended, held=held)

    def _aged(self, job: Job) -> Job:
        """Return a job with as long to live as it had before the clock was set ahead."""
        ahead = self._ages.ahead
        if not ahead:
            return job
        claimed = job.held.claimed
        claimed = replace(claimed, expires_at=claimed.expires_at + ahead)
        return replace(job, held=replace(job.held, claimed=claimed))

    def _land(self, flight: _Flight) -> None:
        flight.over = True
        self._taken[flight.pace] -= not flight.waited_for
        hung = self._loop.time() - flight.began > HUNG_S
        self._queues.ended(flight.lane, waited_for=flight.waited_for, hung=hung)

    def _end(self, task: asyncio.Task[None]) -> None:
        flight = self._flights.pop(task)
        if not flight.over:  # cut off before it had begun
            self._land(flight)
            self._recorder.add(Released(claimed=flight.job.held.claimed))
        self._fill()

    def _tell(self) -> None:
        """Say whether more jobs are wanted, and whether results are to be expected."""
        if self._queues.waiting(Pace.BRISK) < HUNGRY:
            self._hungry.set()
        else:
            self._hungry.clear()
        self._recorder.expecting = len(self._flights)
        if self._queues and (again := self._again()):
            self._wake_at(again)

    def _wake_at(self, when: float) -> None:
        if self._timer and self._timer.when() > when:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(when, self._look_again)

    def _again(self) -> float | None:
        """Return when a job that waits may begin, if time alone makes room for it."""
        for pace in (Pace.OPEN, Pace.SLOW):
            room = len(self._flights) < self._most[pace]
            if room and self._queues.waiting(pace) and self._taken[pace] < PLACES[pace]:
                return max(self._gently, self._loop.time())
        return self._young[0].began + WAITED_FOR_S if self._young else None

    def _age(self) -> None:
        """Take their places from sends that are only waited for; note who hangs."""
        now = self._loop.time()
        while self._young and _is_over(self._young[0], now - WAITED_FOR_S):
            flight = self._young.popleft()
            if not flight.over:
                flight.waited_for = True
                self._taken[flight.pace] -= 1
                self._queues.await_(flight.lane)
                self._old.append(flight)
        while self._old and _is_over(self._old[0], now - HUNG_S):
            flight = self._old.popleft()
            if not flight.over:
                self._queues.hangs(flight.lane)

    def _look_again(self) -> None:
        self._timer = None
        self._fill()


def _is_over(flight: _Flight, before: float) -> bool:
    return flight.over or flight.began <= before
