"""What a check says."""

from dataclasses import dataclass
from enum import StrEnum, unique


@unique
class Level(StrEnum):
    """How bad it is. A PROBLEM loses alerts or will; a WARNING may come to that."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: what is so, and how to mend it. Holds no secret."""

    check: str
    level: Level
    said: str
    mend: str = ""


def ok(check: str, said: str) -> Finding:
    """Return that a check has found nothing."""
    return Finding(check, Level.OK, said)


def warning(check: str, said: str, mend: str) -> Finding:
    """Return what may become a problem."""
    return Finding(check, Level.WARNING, said, mend)


def problem(check: str, said: str, mend: str) -> Finding:
    """Return what is a problem."""
    return Finding(check, Level.PROBLEM, said, mend)


def duration(millis: int) -> str:
    """Return a span of time for people, in its largest unit."""
    for name, size in (("days", 86_400_000), ("h", 3_600_000), ("min", 60_000)):
        if millis >= 2 * size:
            return f"{millis // size} {name}"
    return f"{millis / 1000:.0f} s"


def bytes_of(size: int) -> str:
    """Return a number of bytes for people."""
    for name, unit in (("GB", 10**9), ("MB", 10**6)):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size / 1000:.0f} kB"
