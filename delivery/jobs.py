"""What a worker holds, and how a try of it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from delivery.changes import About
from delivery.claim import Claimed
from domain.channels import Channel
from domain.deliveries import CancelReason, DeliveryStatus, Outcome
from domain.incidents import Snapshot
from domain.redact import Scrubber
from domain.settings import ChannelSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A claimed delivery with what is needed to write down how it ended.

    `channel` is None where this version does not know it; `counted` are the tries
    before this one that used up an attempt.
    """

    claimed: Claimed
    about: About
    channel: Channel | None
    counted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """An integration as it is right before its deliveries are sent.

    `obstacle` says why it is sent nothing, `fault` why its settings cannot be used.
    What was made in an earlier `term` is not sent: it was switched off since. `stored`
    are its plain settings as the database has them.
    """

    type: str
    name: str
    channel: Channel | None
    term: int = 0
    obstacle: CancelReason | None = None
    fault: str | None = None
    settings: ChannelSettings = field(default_factory=ChannelSettings, repr=False)
    scrubber: Scrubber = field(default_factory=lambda: Scrubber(()), repr=False)
    stored: str = field(default="{}", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A held delivery with all that rendering and sending need. `cause` is the trace of
    the call behind it, as W3C Trace Context writes it. Without a `snapshot` it is a
    message outside incidents, which was stored when it was made.
    """

    held: Held
    channel: Channel
    equipment: Equipment
    snapshot: Snapshot | None
    far_end: Mapping[str, Any] = field(default_factory=dict)
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """Plain settings as they were when it was tried, and what they are to become."""

    before: str = field(repr=False)
    after: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """It was tried. `step` is the last step tried, `body` the steps to store if they
    were rendered by this try, `far_end` the new state to keep, if it changed;
    `first_byte_at` is when the first of it left, where that is known; `learned` what the
    far end told of itself, to be kept in the settings.
    """

    held: Held
    outcome: Outcome
    began_at: int
    ended_at: int
    step: int
    next_step: int
    body: str | None = None
    far_end: Mapping[str, Any] | None = None
    first_byte_at: int | None = None
    learned: Learned | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """It was not tried and never will be: its attempt is taken back."""

    held: Held
    status: DeliveryStatus
    reason: CancelReason | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """It was not tried, another worker may: its attempt is taken back."""

    claimed: Claimed


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """It was being tried, and nobody knows how that ended. `tried` where it did end, and
    only the result could not be written: that uses up an attempt.
    """

    held: Held
    tried: bool = False


Ended = Tried | Withdrawn | Released | Lost


def claimed_of(ended: Ended) -> Claimed:
    """Return what was claimed."""
    return ended.claimed if isinstance(ended, Released) else ended.held.claimed
