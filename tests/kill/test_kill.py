"""SIGKILL at every stage of the way: nothing that was accepted is lost.

A receiver outside the process keeps a ledger of all that it sees.
"""

import pytest

from tests.kill.stages import INTEGRATIONS, STAGES, stages

REPORTS = 8


@pytest.mark.timeout(110)
async def test_a_kill_at_any_stage_loses_nothing(database_url: str) -> None:
    """No accepted delivery is lost; only what was in flight comes twice, with the same
    id and body; every request that was seen has an attempt; the invariants hold
    after each kill.
    """
    async with stages(11, database_url) as sweep:
        await sweep.run(STAGES, REPORTS)
        figures, unknown = await sweep.figures(), await sweep.unknown()
    assert sweep.broken == []
    assert figures.faults == {}
    assert figures.accepted >= INTEGRATIONS * (len(STAGES) + 1)
    assert unknown >= 4, "the kills did hit something in flight"
