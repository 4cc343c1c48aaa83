"""A server that runs for long holds what its retention says, and no more. The long form
is `benchmarks/growth.py`.
"""

from statistics import mean

from domain.timing import MINUTE
from models.store import open_store
from tests.growth import TABLES, Simulation, Size, quarters
from tests.invariants import violations

HOURS = 3
STEPS = HOURS * 12


async def test_rows_and_pages_stay_at_their_retention_size(database_url: str) -> None:
    """Three simulated hours, with history kept for half of one: the last quarter holds what the
    second did, although six times as much came; open incidents stay all the while.
    """
    store = await open_store(database_url)
    size = Size(projects=2, integrations=2, reporting=1.0)
    simulation = Simulation(
        store, size, history_kept=30 * MINUTE, events_kept=20 * MINUTE
    )
    await simulation.start()
    points = [await simulation.step() for _ in range(STEPS)]
    await simulation.stop()
    assert await violations_but_of_the_log(store) == {}
    _, second, _, last = quarters(points)
    for table in TABLES:
        then, now = (mean(it.rows[table] for it in part) for part in (second, last))
        assert now < 1.3 * then, table
    assert sum(it.deliveries for it in points) > 2 * max(
        it.rows["attempt"] for it in last
    )
    open_still = "SELECT count(*) FROM incident WHERE message = 'for ever'"
    assert await store.fetchval(open_still) == size.projects
    if store.dialect == "sqlite":  # freed pages are used again
        assert last[-1].database < 1.2 * second[-1].database
    await store.close()


async def violations_but_of_the_log(store: object) -> dict[str, int]:
    """Events are kept for less than deliveries, so not all are in the log."""
    found = dict(await violations(store))  # type: ignore[arg-type]
    found.pop("MISLOGGED", None)
    return found
