"""A subscriber that is cut at random moments, while servers are killed under load,
takes every event once and in order.

The long form is in benchmarks/resume_sweep.py.
"""

from pathlib import Path

import pytest

from tests.kill.follower import following
from tests.kill.sweep import Plan, sweeping

PLAN = Plan(seed=3, kills=2, incidents=20, short_leases=True)
CUTS = 15


@pytest.mark.timeout(120)
async def test_a_subscriber_cut_while_servers_die_takes_everything_once(
    database_url: str, tmp_path: Path
) -> None:
    """The log of the database is what it is held against, and the connections were cut
    in all states: before the first event, in replay, and live.
    """
    async with sweeping(PLAN, database_url, tmp_path) as sweep:
        async with following(sweep, CUTS, longest_s=0.4) as follower:
            await sweep.run()
        assert await follower.differences(sweep.store) == []
    assert sweep.broken == []
    assert follower.cuts >= CUTS
    assert follower.broken, "the deaths of servers were noticed"
    assert len(follower.seen) >= 2 * 8 * PLAN.incidents
