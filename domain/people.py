"""What can be said of how people want to be told. Source: design, section 1."""

from enum import StrEnum, unique
from typing import Final

from domain.timing import DAY, SECOND


@unique
class Urgency(StrEnum):
    """How much a person is to be disturbed, least first."""

    SILENT = "SILENT"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


LONGEST_WAIT: Final = DAY // SECOND
"""Seconds after which a notification rule tells its user at the latest."""

_PLACES: Final = LONGEST_WAIT + 1


def place(urgency: Urgency, after_seconds: int) -> int:
    """Return what sorts the rules of a user: the most urgent first, then by time."""
    above = len(Urgency) - 1 - list(Urgency).index(urgency)
    return above * _PLACES + after_seconds
