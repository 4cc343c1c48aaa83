"""Sends in flight: how many at once, and what becomes of them at the end."""

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from delivery.deliver import Tools, deliver
from delivery.jobs import Ended, Job, Lost, Released
from delivery.recorder import Recorder
from domain.clock import AgeClock

BRISK: Final = 64
"""Sends at once. Beyond that they only slow each other down."""

SLOW_S: Final = 1.0
"""A send that takes longer than this is no work, only waiting: it makes room, so that
far ends that hang hold up nobody else."""

MOST: Final = 512
"""Sends at once with the slow ones."""

HUNGRY: Final = 160
"""With fewer jobs than this waiting for room it is time to claim more."""


@dataclass(slots=True, eq=False)
class _Flight:
    """A send in flight."""

    job: Job
    began: float
    slow: bool = False
    over: bool = False


class Senders:
    """Sends jobs and hands their results to the recorder."""

    def __init__(self, tools: Tools, recorder: Recorder, ages: AgeClock) -> None:
        """Begin with nothing in hand."""
        self._tools = tools
        self._ages = ages
        self._recorder = recorder
        self._waiting: deque[Job] = deque()
        self._flights: dict[asyncio.Task[None], _Flight] = {}
        self._brisk: deque[_Flight] = deque()
        self._brisk_count = 0
        self._hungry = asyncio.Event()
        self._hungry.set()
        self._stopping = False
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def waiting(self) -> int:
        """How many jobs wait for room."""
        return len(self._waiting)

    @property
    def in_flight(self) -> int:
        """How many jobs are being sent."""
        return len(self._flights)

    def put(self, jobs: list[Job]) -> None:
        """Send these as soon as there is room."""
        self._waiting.extend(jobs)
        if self._stopping:
            self._release()
        self._fill()

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
        while self._waiting:
            job = self._waiting.popleft()
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
        while self._waiting and self._has_room():
            flight = self._take_off()
            task = self._loop.create_task(self._send(flight))
            self._flights[task] = flight
            task.add_done_callback(self._end)
        self._tell()

    def _take_off(self) -> _Flight:
        flight = _Flight(self._waiting.popleft(), self._loop.time())
        self._brisk.append(flight)
        self._brisk_count += 1
        return flight

    async def _send(self, flight: _Flight) -> None:
        """Send one job after the other, as long as there are any."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - it is this one
        while True:
            self._recorder.add(await self._result(flight.job))
            self._land(flight)
            if not (self._waiting and self._has_room()):
                return
            flight = self._flights[task] = self._take_off()
            self._tell()

    async def _result(self, job: Job) -> Ended:
        try:
            ended = await deliver(self._aged(job), self._tools)
        except asyncio.CancelledError:
            return Lost(held=self._aged(job).held)
        # Once more: the clock may have been set while it was sent.
        return replace(ended, held=self._aged(job).held)

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
        self._brisk_count -= not flight.slow

    def _end(self, task: asyncio.Task[None]) -> None:
        flight = self._flights.pop(task)
        if not flight.over:  # cut off before it had begun
            self._land(flight)
            self._recorder.add(Released(claimed=flight.job.held.claimed))
        self._fill()

    def _tell(self) -> None:
        """Say whether more jobs are wanted, and whether results are to be expected."""
        if len(self._waiting) < HUNGRY:
            self._hungry.set()
        else:
            self._hungry.clear()
        self._recorder.expecting = len(self._flights)

    def _has_room(self) -> bool:
        """Tell whether another may start; if not, look again when one becomes slow."""
        if self._brisk_count >= BRISK:
            self._set_slow_aside()
        if self._brisk_count < BRISK and len(self._flights) < MOST:
            return True
        if self._timer is None and self._brisk:
            again = self._brisk[0].began + SLOW_S
            self._timer = self._loop.call_at(again, self._look_again)
        return False

    def _set_slow_aside(self) -> None:
        before = self._loop.time() - SLOW_S
        while self._brisk and (self._brisk[0].over or self._brisk[0].began <= before):
            flight = self._brisk.popleft()
            if not flight.over:
                flight.slow = True
                self._brisk_count -= 1

    def _look_again(self) -> None:
        self._timer = None
        self._fill()
