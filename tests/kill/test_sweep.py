"""Servers killed at random moments: nothing that was answered with OK is lost, and a
subscriber that is cut meanwhile takes every event once and in order.

The long forms are in benchmarks/kill_sweep.py and benchmarks/resume_sweep.py.
"""

from pathlib import Path

import pytest

from tests.kill.follower import Follower, following
from tests.kill.sweep import MESSAGES, Plan, Sweep, sweeping
from tests.kill.takeovers import takeovers

PLAN = Plan(seed=5, kills=5, incidents=20, flaky=1, short_leases=True)
CUTS = 15


@pytest.mark.timeout(150)
async def test_servers_killed_at_random_moments_lose_nothing(
    database_url: str, tmp_path: Path
) -> None:
    """One sweep for both promises: starting servers is what takes the time."""
    async with sweeping(PLAN, database_url, tmp_path) as sweep:
        async with following(sweep, CUTS, longest_s=0.4) as follower:
            await sweep.run()
        await check_deliveries(sweep)
        await check_events(sweep, follower)


async def check_deliveries(sweep: Sweep) -> None:
    """Every duplicate is explained, every request has an attempt that was on disk
    before, what a server had in hand is taken over within its lease, and all
    invariants hold after each kill.
    """
    figures, cut_short = (
        await sweep.figures(),
        await takeovers(sweep.store, sweep.lives),
    )
    assert sweep.broken == []
    assert figures.faults == {}
    assert figures.accepted == figures.delivered == MESSAGES * PLAN.incidents
    assert cut_short, "some kill did hit something in flight"
    dialect = sweep.store.dialect
    assert [it for it in cut_short if not it.in_time(dialect)] == []


async def check_events(sweep: Sweep, follower: Follower) -> None:
    """What was taken is what the log of the database holds. The connections were cut
    in all states: before the first event, in replay, and live.
    """
    assert await follower.differences(sweep.store) == []
    assert follower.cuts >= CUTS
    assert follower.broken, "the deaths of servers were noticed"
    assert len(follower.seen) >= 2 * MESSAGES * PLAN.incidents
