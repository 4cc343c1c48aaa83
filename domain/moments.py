"""Times and durations as messages for people show them. Milliseconds."""

from datetime import UTC, datetime
from typing import Final

from domain.timing import DAY, HOUR, MINUTE, SECOND

_UNITS: Final = (("d", DAY), ("h", HOUR), ("min", MINUTE), ("s", SECOND))


def moment(at: int) -> str:
    """Return a time in UTC, to the second: `2026-01-31 23:59:58 UTC`."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(ms: int) -> str:
    """Return a duration by its two largest units: `1 d 3 h`, `2 min 5 s`, `0 s`."""
    counts = []
    for unit, size in _UNITS:
        count, ms = divmod(ms, size)
        counts.append((count, unit))
    first = next(
        (nth for nth, (count, _) in enumerate(counts) if count), len(counts) - 1
    )
    return (
        " ".join(f"{count} {unit}" for count, unit in counts[first:][:2] if count)
        or "0 s"
    )
