"""What an outcome means for its delivery and its lane: tables, no clock, no database."""

import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from delivery import retry
from delivery.retry import Health, Try, Verdict, backoff, decide, delay
from domain.channels import Channel, RetryLimits
from domain.deliveries import DeliveryStatus, Outcome, OutcomeKind
from domain.timing import (
    BACKOFF_FIRST,
    BACKOFF_MOST,
    DAY,
    GONE_SPAN,
    HOUR,
    MINUTE,
    SECOND,
)

NOW = 1_700_000_000_000
LIMITS = RetryLimits(attempts=5, max_age=DAY)
CHANNEL = cast(
    "Channel",
    SimpleNamespace(retry=LIMITS, slots=8, repeatable=True),
)
ONCE = cast("Channel", SimpleNamespace(retry=LIMITS, slots=8, repeatable=False))
HEALTHY = Health(slots=8)
FIRST = Try(
    number=1,
    counted=0,
    started_at=NOW - SECOND,
    ended_at=NOW,
    expires_at=NOW + DAY,
)


def surely() -> float:
    """Chance at its most, nearly: full jitter gives the whole back-off."""
    return 1.0


def verdict(
    kind: OutcomeKind,
    tried: Try = FIRST,
    health: Health = HEALTHY,
    channel: Channel = CHANNEL,
    **of_outcome: Any,  # noqa: ANN401 - fields of Outcome
) -> Verdict:
    outcome = Outcome(kind=kind, **of_outcome)
    return decide(outcome, tried, channel, health, surely)


@pytest.mark.parametrize(
    ("kind", "channel", "status"),
    [
        (OutcomeKind.SENT, CHANNEL, DeliveryStatus.DELIVERED),
        (OutcomeKind.SENT_UNCONFIRMED, CHANNEL, DeliveryStatus.DELIVERED),
        (OutcomeKind.RETRY, CHANNEL, DeliveryStatus.RETRYING),
        (OutcomeKind.RATE_LIMITED, CHANNEL, DeliveryStatus.RETRYING),
        (OutcomeKind.REJECTED, CHANNEL, DeliveryStatus.FAILED),
        (OutcomeKind.GONE, CHANNEL, DeliveryStatus.RETRYING),
        (OutcomeKind.UNKNOWN, CHANNEL, DeliveryStatus.RETRYING),
        (OutcomeKind.UNKNOWN, ONCE, DeliveryStatus.FAILED),
        (OutcomeKind.RETRY, ONCE, DeliveryStatus.RETRYING),
    ],
)
def test_each_outcome_has_its_status(
    kind: OutcomeKind, channel: Channel, status: DeliveryStatus
) -> None:
    """The table of the design, for a first try on a healthy lane."""
    found = verdict(kind, channel=channel)
    assert found.status is status
    assert (found.due_at is not None) == (status is DeliveryStatus.RETRYING)
    assert not found.disable


@pytest.mark.parametrize(
    ("nth", "most"),
    [
        (1, BACKOFF_FIRST),
        (2, 2 * BACKOFF_FIRST),
        (5, 16 * BACKOFF_FIRST),
        (11, BACKOFF_MOST),
        (10_000, BACKOFF_MOST),
    ],
)
def test_back_off_doubles_up_to_its_cap(nth: int, most: int) -> None:
    """The nth wait is drawn from nought to twice the range of the one before."""
    assert backoff(nth, surely) == most
    assert backoff(nth, lambda: 0.0) == 0


def test_back_off_is_spread_over_its_whole_range() -> None:
    """Full jitter: draws are uniform (largest gap to the line, n = 2,000)."""
    chance = random.Random(7).random  # noqa: S311 - a test
    draws = sorted(backoff(4, chance) / (8 * BACKOFF_FIRST) for _ in range(2_000))
    gap = max(abs(draw - at / 2_000) for at, draw in enumerate(draws))
    assert gap < 1.63 / 2_000**0.5  # Kolmogorov-Smirnov, one in a hundred


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        (0, SECOND, 1.1 * SECOND),
        (-5, SECOND, 1.1 * SECOND),
        (30 * SECOND, 30 * SECOND, 33 * SECOND),
        (HOUR, HOUR, HOUR),
        (40 * DAY, HOUR, HOUR),
    ],
)
def test_retry_after_is_honoured_within_bounds(
    asked: int, least: int, most: float
) -> None:
    """Never earlier than asked, a little later, and from a second to an hour."""
    outcome = Outcome(kind=OutcomeKind.RATE_LIMITED, retry_after_ms=asked)
    assert delay(outcome, 1, lambda: 0.0) == least
    assert delay(outcome, 1, surely) == most


@pytest.mark.parametrize(
    ("kind", "counted", "status"),
    [
        (OutcomeKind.RETRY, 3, DeliveryStatus.RETRYING),
        (OutcomeKind.RETRY, 4, DeliveryStatus.FAILED),
        (OutcomeKind.UNKNOWN, 4, DeliveryStatus.FAILED),
        (OutcomeKind.GONE, 4, DeliveryStatus.FAILED),
        (OutcomeKind.RATE_LIMITED, 4, DeliveryStatus.RETRYING),
    ],
)
def test_attempts_are_limited_and_rate_limits_are_none(
    kind: OutcomeKind, counted: int, status: DeliveryStatus
) -> None:
    """With a limit of five, the fifth failure is the last; waiting uses no attempt."""
    found = verdict(kind, replace(FIRST, counted=counted, number=counted + 1))
    assert found.status is status
    assert (found.gave_up is not None) == (status is DeliveryStatus.FAILED)


@pytest.mark.parametrize("kind", [OutcomeKind.RETRY, OutcomeKind.RATE_LIMITED])
def test_age_is_limited_for_all(kind: OutcomeKind) -> None:
    """A next try after the age limit is not waited for."""
    late = replace(FIRST, expires_at=NOW + BACKOFF_FIRST - 1)
    assert verdict(kind, late).status is DeliveryStatus.FAILED
    in_time = replace(FIRST, expires_at=NOW + BACKOFF_FIRST)
    assert verdict(kind, in_time).status is DeliveryStatus.RETRYING


def test_a_410_disables_at_once() -> None:
    """GONE that needs no second witness ends the delivery and the integration."""
    found = verdict(OutcomeKind.GONE, at_once=True)
    assert (found.status, found.disable) == (DeliveryStatus.FAILED, True)


@pytest.mark.parametrize(
    ("before", "span", "disable"),
    [
        (1, GONE_SPAN, False),
        (2, GONE_SPAN - 1, False),
        (2, GONE_SPAN, True),
        (9, 0, False),
    ],
)
def test_other_signs_of_gone_must_come_often_and_long(
    before: int, span: int, disable: bool
) -> None:
    """Three in a row, spanning ten minutes."""
    health = Health(slots=1, gone=before, gone_since=NOW - span)
    found = verdict(OutcomeKind.GONE, health=health)
    assert found.disable is disable
    expected = DeliveryStatus.FAILED if disable else DeliveryStatus.RETRYING
    assert found.status is expected


@pytest.mark.parametrize(
    "kind", [kind for kind in OutcomeKind if kind is not OutcomeKind.GONE]
)
def test_anything_else_breaks_the_row_of_gone(kind: OutcomeKind) -> None:
    """Signs of GONE count only when they come in a row."""
    health = Health(slots=8, gone=7, gone_since=NOW - DAY)
    found = verdict(kind, health=health).health
    assert (found.gone, found.gone_since) == (0, None)


def test_a_lane_closes_after_three_failures_and_is_then_probed() -> None:
    """One or two failures slow nobody; the third closes the lane to one slot."""
    health, at = HEALTHY, NOW
    widths = []
    for _ in range(4):
        tried = replace(FIRST, started_at=at, ended_at=at)
        health = verdict(OutcomeKind.RETRY, tried, health).health
        widths.append((health.slots, health.closed_until - at))
        at = max(at, health.closed_until)
    assert widths[2:] == [(1, BACKOFF_FIRST), (1, 2 * BACKOFF_FIRST)]
    assert [slots for slots, _ in widths[:2]] == [8, 8]
    assert health.failing_since == NOW


def test_failures_at_once_are_one_round_of_back_off() -> None:
    """Eight that were in flight when the lane closed do not deepen its back-off."""
    health = HEALTHY
    for _ in range(8):
        health = verdict(OutcomeKind.UNKNOWN, health=health).health
    assert health.failures == retry.LANE_FAILS_AFTER
    assert health.closed_until == NOW + BACKOFF_FIRST


def test_a_lane_grows_again_with_each_success() -> None:
    """The width doubles up to the channel's limit, failures are forgotten."""
    began = FIRST.started_at
    health = Health(slots=1, failures=9, failing_since=NOW - HOUR, closed_until=began)
    widths = []
    for _ in range(5):
        health = verdict(OutcomeKind.SENT, health=health).health
        widths.append(health.slots)
    assert widths == [2, 4, 8, 8, 8]
    assert (health.failures, health.failing_since) == (0, None)


@pytest.mark.parametrize("kind", [OutcomeKind.SENT, OutcomeKind.REJECTED])
def test_an_answer_from_before_the_lane_closed_does_not_widen_it(
    kind: OutcomeKind,
) -> None:
    """Seven that succeed while the eighth is told to come back later: one probe then."""
    health = Health(slots=1, failures=3, failing_since=NOW, closed_until=NOW + MINUTE)
    assert verdict(kind, health=health).health == health


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_a_lane_on_its_way_back_closes_at_the_first_failure(slots: int) -> None:
    """It has not shown yet that the far end is well."""
    found = verdict(OutcomeKind.RETRY, health=Health(slots=slots)).health
    assert (found.slots, found.closed_until) == (1, NOW + BACKOFF_FIRST)
    again = verdict(OutcomeKind.RETRY, replace(FIRST, started_at=NOW + HOUR), found)
    assert again.health.closed_until == NOW + 2 * BACKOFF_FIRST


def test_a_message_that_is_refused_says_nothing_against_the_lane() -> None:
    """REJECTED is an answer: the far end lives."""
    health = Health(slots=4, failures=2, failing_since=NOW - MINUTE)
    assert verdict(OutcomeKind.REJECTED, health=health).health == HEALTHY


def test_a_rate_limit_closes_the_whole_lane() -> None:
    """All that wait for this far end wait as long as it asked, without a failure."""
    found = verdict(OutcomeKind.RATE_LIMITED, retry_after_ms=MINUTE)
    assert found.health.closed_until == found.due_at == NOW + 66 * SECOND
    assert (found.health.slots, found.health.failures) == (1, 0)


def test_retry_after_on_a_failure_closes_the_lane_too() -> None:
    """503 with Retry-After asks the client to stay away, not one message."""
    found = verdict(OutcomeKind.RETRY, retry_after_ms=MINUTE)
    assert found.health.closed_until == found.due_at == NOW + 66 * SECOND


def test_a_closure_is_never_shortened() -> None:
    """The later of back-off and rate limit holds."""
    health = Health(slots=1, closed_until=NOW + HOUR)
    for kind in OutcomeKind:
        assert verdict(kind, health=health).health.closed_until >= NOW + HOUR
