"""What the engine tells of its own work: how much, how it ended, how long it took.

Told after the commit, a group at a time, and never with an id, a name or an address:
what comes of it is kept for as long as the process runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from delivery.jobs import Held
from delivery.writing import Written
from domain.deliveries import DeliveryStatus, OutcomeKind

UNKNOWN = "unknown"
"""Stands for the channel of a delivery that this version has no channel for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a worker has just written down of one delivery. Times in ms.

    `channel` is the key of the declaration. `outcome` is None where nothing was tried,
    `took` where the end of the try is not known. `first_byte` leads from acceptance to
    the first byte of the first try. `final` and `age` (since acceptance) are of a
    delivery that is over; acceptance is the commit of the event, or the last time that
    somebody had it redelivered.
    """

    channel: str
    outcome: OutcomeKind | None = None
    took: int | None = None
    first_byte: int | None = None
    final: DeliveryStatus | None = None
    age: int | None = None


class Measures(Protocol):
    """Is told what happens. Its methods are quick and never raise."""

    def recorded(self, group: int, results: Sequence[Result]) -> None:
        """Take what became of the results of one commit: `group` of them, of which
        those that only gave a delivery back are not listed.
        """

    def fell_back(self) -> None:
        """Count a follower that was too slow and has to read the log again."""


class _Silence:
    """Nobody listens."""

    def recorded(self, group: int, results: Sequence[Result]) -> None:
        """Let it pass."""

    def fell_back(self) -> None:
        """Let it pass."""


SILENT: Measures = _Silence()


def results(written: Sequence[Written], now: int) -> list[Result]:
    """Return what is measured of deliveries that were written down."""
    return [_result(it, now) for it in written]


def _result(it: Written, now: int) -> Result:
    accepted = _accepted_at(it.held)
    ended_at, kind, took = now, None, None
    if it.attempt is not None:
        ended_at, kind, took = it.attempt[0], OutcomeKind(it.attempt[1]), it.attempt[4]
    over = it.status.finished
    first = it.first_byte_at if it.held.claimed.number == 1 else None
    return Result(
        channel=it.held.channel.key if it.held.channel else UNKNOWN,
        outcome=kind,
        took=took,
        first_byte=_between(accepted, first),
        final=it.status if over else None,
        age=_between(accepted, ended_at) if over else None,
    )


def _accepted_at(held: Held) -> int | None:
    """Return when a delivery began to age: its limit was counted from there."""
    if held.channel is None:
        return None
    return held.claimed.expires_at - held.channel.retry.max_age


def _between(begun: int | None, ended: int | None) -> int | None:
    # A clock that was set back must not make a time negative.
    return None if begun is None or ended is None else max(0, ended - begun)
