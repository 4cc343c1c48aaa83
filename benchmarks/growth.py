"""24 simulated hours of a hundred projects in minutes: does anything grow?

The engine's worker, housekeeping and store, with a clock and far ends of ours. History
is kept for four hours and events for two, so both are reached in the first quarter;
from then on the database, the memory and the cost of a delivery have to stay. Figures
are in benchmarks/README.md.

    .venv/bin/python -m benchmarks.growth --database sqlite
"""

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from domain.timing import HOUR
from models.migrate import upgrade
from models.store import Store, open_store
from tests.databases import create_database, postgres
from tests.growth import STEP, Point, Simulation, Size, quarters

MIB = 1024 * 1024


@contextlib.asynccontextmanager
async def database(kind: str) -> AsyncIterator[str]:
    """Give a database of a kind."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite://{Path(folder)}/growth.db"
        return
    with postgres() as server:
        yield server.url(await create_database(server))


async def vacuum(store: Store) -> None:
    """Do what autovacuum does every minute, which here is every few hours."""
    connection = await store.connect()  # type: ignore[attr-defined]
    try:
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def run(kind: str, hours: int, projects: int) -> list[Point]:
    """Let the hours pass, and return how things stood after each step."""
    points = []
    async with database(kind) as url:
        await upgrade(url)
        store = await open_store(url)
        simulation = Simulation(
            store, Size(projects=projects), history_kept=4 * HOUR, events_kept=2 * HOUR
        )
        await simulation.start()
        for nth in range(hours * HOUR // STEP):
            points.append(await simulation.step())
            if kind == "postgres" and nth % 4 == 0:
                await vacuum(store)
            if nth % 24 == 0:
                print(shown(points[-1]), flush=True)
        await simulation.stop()
        await store.close()
    return points


def shown(point: Point) -> str:
    """Return a line about a moment."""
    rows = ", ".join(f"{name} {count}" for name, count in point.rows.items())
    return (
        f"hour {point.hour:4.1f}: {point.database / MIB:6.1f} MiB, "
        f"RSS {point.memory / MIB:5.1f} MiB, {point.cost * 1e6:5.0f} µs; {rows}"
    )


def report(points: list[Point]) -> None:
    """Print the last quarter against the second."""
    _, second, _, last = quarters(points)
    for name, value in (
        ("database", lambda it: it.database),
        ("memory", lambda it: it.memory),
        ("rows", lambda it: sum(it.rows.values())),
        ("cost of a delivery", lambda it: it.cost),
        ("cleaning for a delivery", lambda it: it.cleaning),
    ):
        then, now = (statistics.median(map(value, part)) for part in (second, last))
        print(f"{name:24} last quarter ÷ second: {now / then:.2f}")
    print(f"deliveries tried: {sum(it.deliveries for it in points):,}")


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--projects", type=int, default=100)
    given = parser.parse_args()
    begun = time.perf_counter()
    report(asyncio.run(run(given.database, given.hours, given.projects)))
    print(f"took {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
