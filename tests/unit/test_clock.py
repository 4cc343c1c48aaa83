"""Telling a clock that was set from time that passed."""

import pytest

from domain.clock import (
    BELIEVED_AFTER,
    SMALLEST_LEAP,
    AgeClock,
    Leaps,
    steady_clock,
    system_clock,
)
from domain.timing import DAY, HOUR

START = 1_750_000_000_000
YEAR = 365 * DAY


class Times:
    """A clock that may be set, and one that may not."""

    def __init__(self) -> None:
        self.wall = START
        self.steady = 77

    def pass_(self, millis: int) -> None:
        self.wall += millis
        self.steady += millis

    def leaps(self) -> Leaps:
        return Leaps(lambda: self.wall, lambda: self.steady)

    def ages(self) -> AgeClock:
        return AgeClock(lambda: self.wall, lambda: self.steady)


def test_time_that_passes_is_no_leap() -> None:
    times = Times()
    leaps = times.leaps()
    for millis in (1, HOUR, YEAR):
        times.pass_(millis)
        assert leaps.look() == 0
    assert leaps.ahead == 0


@pytest.mark.parametrize("leap", [HOUR, YEAR, -HOUR, -YEAR, SMALLEST_LEAP])
def test_a_leap_is_told_once_and_by_how_much(leap: int) -> None:
    times = Times()
    leaps = times.leaps()
    times.pass_(HOUR)
    times.wall += leap
    assert leaps.look() == leap
    assert leaps.look() == 0
    assert leaps.ahead == max(0, leap)


def test_a_clock_that_is_adjusted_does_not_leap() -> None:
    times = Times()
    leaps = times.leaps()
    for _ in range(10):
        times.wall += SMALLEST_LEAP - 1
        assert leaps.look() == 0


def test_without_a_steady_clock_only_the_way_back_is_noticed() -> None:
    times = Times()
    leaps = Leaps(lambda: times.wall)
    times.wall += YEAR
    assert leaps.look() == 0
    times.wall -= HOUR
    assert leaps.look() == -HOUR
    assert leaps.ahead == 0


def test_ages_do_not_leap_with_the_clock() -> None:
    times = Times()
    ages = times.ages()
    times.wall += YEAR
    assert ages() == START
    times.pass_(HOUR)
    assert ages() == START + HOUR
    times.wall -= YEAR
    assert ages() == times.wall == START + HOUR


def test_ages_believe_a_clock_that_stays_ahead() -> None:
    """From a day after the last leap on."""
    times = Times()
    ages = times.ages()
    times.wall += YEAR
    assert ages() == START
    times.pass_(BELIEVED_AFTER - 1)
    assert ages() == START + BELIEVED_AFTER - 1
    times.pass_(1)
    assert ages() == times.wall


def test_ages_go_back_with_the_clock() -> None:
    times = Times()
    ages = times.ages()
    times.wall -= YEAR
    assert ages() == times.wall


def test_the_clocks_of_the_machine_go_on() -> None:
    assert steady_clock() <= steady_clock()
    assert system_clock() > START
