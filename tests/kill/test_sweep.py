"""Servers killed at random moments: nothing that was answered with OK is lost.

The long forms are in benchmarks/kill_sweep.py.
"""

from pathlib import Path

import pytest

from tests.kill.sweep import TAKEN_OVER_WITHIN, Plan, sweeping

PLAN = Plan(seed=5, kills=5, incidents=20, flaky=1, short_leases=True)


@pytest.mark.timeout(120)
async def test_servers_killed_at_random_moments_lose_nothing(
    database_url: str, tmp_path: Path
) -> None:
    """Every duplicate is explained, every request has an attempt that was on disk
    before, what a server had in hand is taken over within its lease, and all
    invariants hold after each kill.
    """
    async with sweeping(PLAN, database_url, tmp_path) as sweep:
        await sweep.run()
        figures, takeovers = await sweep.figures(), await sweep.takeovers()
    assert sweep.broken == []
    assert figures.faults == {}
    assert figures.accepted == figures.delivered == 8 * PLAN.incidents
    assert takeovers, "some kill did hit something in flight"
    dialect = sweep.store.dialect
    assert [it for it in takeovers if not it.in_time(dialect)] == []
    assert max(it.again_ms for it in takeovers) <= 3 * TAKEN_OVER_WITHIN
