"""Who is to hear of an event, and what stands in the way: no database."""

from dataclasses import replace

import pytest

from delivery.destinations import Target, hears, obstacle
from domain.deliveries import CancelReason
from domain.ids import new_id
from domain.incidents import DOWN_ALERTS, EventKind
from tests.world import PROBE

TARGET = Target(integration_id=new_id(), lane_id=new_id(), type="PROBE", name="p")
CARD = replace(PROBE, updates_in_place=True)


@pytest.mark.parametrize("kind", EventKind)
def test_a_channel_hears_what_it_wants(kind: EventKind) -> None:
    """And of updates only if it can show them in place."""
    wanted = replace(CARD, wants=frozenset({kind}))
    assert hears(wanted, TARGET, kind)
    assert not hears(replace(CARD, wants=frozenset(EventKind) - {kind}), TARGET, kind)
    in_place = replace(wanted, updates_in_place=False)
    assert hears(in_place, TARGET, kind) == (kind is not EventKind.UPDATED)
    assert not hears(None, TARGET, kind)


@pytest.mark.parametrize("kind", EventKind)
def test_down_alerts_only_wins(kind: EventKind) -> None:
    """Over everything that the channel wants, but a test that somebody asked for."""
    target = replace(TARGET, down_alerts_only=True)
    everything = replace(CARD, wants=frozenset(EventKind))
    assert hears(everything, target, kind) == (
        kind in DOWN_ALERTS or kind is EventKind.TEST
    )


def test_what_stands_in_the_way() -> None:
    """Being disabled comes before being unverified."""
    assert obstacle(TARGET) is None
    disabled = replace(TARGET, active=False, verified=False)
    assert obstacle(disabled) is CancelReason.INTEGRATION_DISABLED
    unverified = replace(TARGET, verified=False)
    assert obstacle(unverified) is CancelReason.INTEGRATION_UNVERIFIED
