"""Time as the program counts it: whole milliseconds since the epoch, UTC."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns now; injected wherever a decision needs it."""


def system_clock() -> int:
    """Return the time of the machine."""
    return time.time_ns() // 1_000_000
