"""Jobs that wait to be sent, lane by lane, and how briskly each lane's far end answers.

Lanes take turns, so that one with much to do holds up no other. And they wait in three
queues, by pace, so that those which are known to answer never wait for those that hang.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from enum import IntEnum, unique
from typing import Final

from delivery.jobs import Job
from domain.ids import Id

REMEMBERED: Final = 1_000
"""Lanes whose pace is known, those that were sent to last."""


@unique
class Pace(IntEnum):
    """How a lane's far end answers; who comes first is sent to first."""

    BRISK = 0
    """It answered when it was last asked, and is not being waited for."""
    OPEN = 1
    """Nobody knows, or it is taking a while just now."""
    SLOW = 2
    """It hung when it was last asked, or does so now."""


class LaneQueues:
    """Takes jobs, and gives them back by the pace of their lanes."""

    def __init__(self) -> None:
        """Begin with nothing, and knowing nobody."""
        self._jobs: dict[Id, deque[Job]] = {}
        self._turns: dict[Pace, OrderedDict[Id, None]] = {
            pace: OrderedDict() for pace in Pace
        }
        self._place: dict[Id, Pace] = {}
        self._waiting: Counter[Pace] = Counter()
        self._known: OrderedDict[Id, Pace] = OrderedDict()
        self._waited_for: Counter[Id] = Counter()

    def __len__(self) -> int:
        """Return how many jobs wait."""
        return self._waiting.total()

    def waiting(self, pace: Pace) -> int:
        """Return how many jobs wait in lanes of a pace."""
        return self._waiting[pace]

    def put(self, job: Job) -> None:
        """Let a job wait."""
        lane = job.held.claimed.lane_id
        jobs = self._jobs.setdefault(lane, deque())
        jobs.append(job)
        if len(jobs) == 1:
            self._enter(lane)
        else:
            self._waiting[self._place[lane]] += 1

    def take(self, pace: Pace) -> Job:
        """Return the next job of a pace; KeyError if none waits."""
        lane, _ = self._turns[pace].popitem(last=False)
        jobs = self._jobs[lane]
        job = jobs.popleft()
        self._waiting[pace] -= 1
        if jobs:
            self._turns[pace][lane] = None
        else:
            del self._jobs[lane], self._place[lane]
        return job

    def empty(self) -> Iterator[Job]:
        """Take all jobs out."""
        for pace in Pace:
            while self._turns[pace]:
                yield self.take(pace)

    def brisk(self) -> list[Id]:
        """Return the lanes that are known to answer."""
        return [it for it in self._known if self._pace(it) is Pace.BRISK]

    def await_(self, lane: Id) -> None:
        """Take note that a far end does not answer at once."""
        self._waited_for[lane] += 1
        self._settle(lane)

    def hangs(self, lane: Id) -> None:
        """Take note that a far end keeps us waiting."""
        self._know(lane, Pace.SLOW)

    def ended(self, lane: Id, *, waited_for: bool, hung: bool) -> None:
        """Take note that a send has ended: whether it was waited for, whether it hung."""
        if waited_for:
            self._waited_for[lane] -= 1
            if not self._waited_for[lane]:
                del self._waited_for[lane]
        self._know(lane, Pace.SLOW if hung else Pace.BRISK)

    def _pace(self, lane: Id) -> Pace:
        known = self._known.get(lane, Pace.OPEN)
        if known is Pace.BRISK and lane in self._waited_for:
            return Pace.OPEN
        return known

    def _know(self, lane: Id, pace: Pace) -> None:
        self._known.pop(lane, None)
        if len(self._known) >= REMEMBERED:
            self._known.popitem(last=False)
        self._known[lane] = pace
        self._settle(lane)

    def _settle(self, lane: Id) -> None:
        """Let a lane wait where it belongs by now."""
        place = self._place.get(lane)
        if place is None or place is self._pace(lane):
            return
        del self._turns[place][lane]
        self._waiting[place] -= len(self._jobs[lane])
        self._enter(lane)

    def _enter(self, lane: Id) -> None:
        pace = self._place[lane] = self._pace(lane)
        self._turns[pace][lane] = None
        self._waiting[pace] += len(self._jobs[lane])
