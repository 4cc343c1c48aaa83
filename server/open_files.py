"""How many files this process may have open: each connection is one."""

import resource
from typing import Final

WANTED: Final = 8_192
"""Room for all sends at once, and for as many subscribers again as most will have."""


def allow_many() -> None:
    """Raise the soft limit as far as is wanted and allowed.

    The usual 1,024 are for programs that use `select`, which this one does not.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
