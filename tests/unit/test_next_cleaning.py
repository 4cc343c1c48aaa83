"""When to clean next."""

import pytest

from delivery.housekeeping import INTERVAL, next_cleaning

NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (NOW, NOW + INTERVAL),
        (NOW - 5, NOW - 5 + INTERVAL),
        (NOW - 3 * INTERVAL, NOW),  # took long, or the clock was put forward
        (NOW + 3 * INTERVAL, NOW + INTERVAL),  # the clock was put back
    ],
)
def test_it_is_an_interval_after_the_last(last: int, expected: int) -> None:
    assert next_cleaning(last, NOW) == expected
