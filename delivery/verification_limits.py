"""How often codes may be sent and guessed. Pure; times in ms."""

from collections.abc import Sequence
from typing import Final

from domain.timing import HOUR, MINUTE

GUESSES: Final = 5
"""Wrong codes that are heard before a code is worth nothing."""

PAUSE: Final = MINUTE
"""Between two sends to one address."""

WINDOW: Final = HOUR
PER_ADDRESS: Final = 5
"""Sends to one address in a window: with five guesses each, a code of six digits is
guessed once in 4,500 years on average."""

PER_PROJECT: Final = 100
"""Sends of one project in a window."""


def next_send(sent: Sequence[tuple[str, int]], address: str, now: int) -> int:
    """Return when a code may next be sent to an address: `now`, or later.

    `sent` are address and time of the project's sends in the last window, oldest first.
    """
    all_at = [at for _, at in sent]
    own_at = [at for to, at in sent if to == address]
    waits = [now]
    if own_at:
        waits.append(own_at[-1] + PAUSE)
    for times, most in ((own_at, PER_ADDRESS), (all_at, PER_PROJECT)):
        if len(times) >= most:
            waits.append(times[-most] + WINDOW)
    return max(waits)
