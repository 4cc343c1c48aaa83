"""Time as the program counts it: whole milliseconds since the epoch, UTC."""

import time
from collections.abc import Callable
from typing import Final

from domain.timing import DAY, SECOND

Clock = Callable[[], int]
"""Returns now; injected wherever a decision needs it."""

SMALLEST_LEAP: Final = 5 * SECOND
"""Differences below this are a clock that is being adjusted, or a busy machine."""

BELIEVED_AFTER: Final = DAY
"""A leap ahead counts for ages after this: by then all that waited when the clock was
set is older than any delivery may become."""


def system_clock() -> int:
    """Return the time of the machine."""
    return time.time_ns() // 1_000_000


def steady_clock() -> int:
    """Return ms since some moment, whoever sets the clock; sleep of the machine counts."""
    suspended = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(suspended) // 1_000_000


class Leaps:
    """Tells time that passed from a clock that was set.

    Without a steady clock beside it only being set back is noticed.
    """

    def __init__(self, clock: Clock, steady: Clock | None = None) -> None:
        """Take both clocks as right for now."""
        self._clock = clock
        self._steady = steady
        self._last = clock()
        self._last_steady = steady() if steady else 0
        self._ahead = 0
        self._ahead_since = 0

    @property
    def ahead(self) -> int:
        """By how much the clock was set ahead, and it is not believed yet."""
        return self._ahead

    def look(self) -> int:
        """Return by how much the clock was set since the last look: ahead, or back
        (negative), or not (0).
        """
        now, steady = self._clock(), self._steady() if self._steady else None
        if steady is None:
            leap = min(0, now - self._last)
        else:
            leap = (now - self._last) - (steady - self._last_steady)
            self._last_steady = steady
        self._last = now
        if abs(leap) < SMALLEST_LEAP:
            leap = 0
        self._ahead = max(0, self._ahead + leap)
        if leap > 0:
            self._ahead_since = self._last_steady
        elif self._last_steady - self._ahead_since >= BELIEVED_AFTER:
            self._ahead = 0
        return leap


class AgeClock:
    """The time by which things become too old: a leap ahead counts a day later only, so
    that a clock that is set wrong for a while neither gives up nor removes anything.
    """

    def __init__(self, clock: Clock, steady: Clock | None = None) -> None:
        """Take both clocks as right for now."""
        self._clock = clock
        self._leaps = Leaps(clock, steady)

    @property
    def ahead(self) -> int:
        """By how much the clock is ahead of what counts, in ms."""
        self._leaps.look()
        return self._leaps.ahead

    def __call__(self) -> int:
        """Return now, as far as it is believed."""
        return self._clock() - self.ahead
