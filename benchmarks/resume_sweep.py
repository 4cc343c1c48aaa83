"""A subscriber that is cut at random moments while deliveries run and servers die.

Real servers over HTTP and WebSocket, on SQLite one, on PostgreSQL two on one database,
killed by SIGKILL. The subscriber resumes at any server with its last cursor; at the end
what it took is compared with the log in the database, event by event.

    .venv/bin/python -m benchmarks.resume_sweep            100 cuts, 10 kills
    .venv/bin/python -m benchmarks.resume_sweep --long   1,000 cuts, 50 kills

Ends with exit code 1 where anything is at fault. The seed decides what is done, not
how the processes are scheduled.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kill_sweep import database
from tests.databases import postgres
from tests.kill.follower import following, logged_after
from tests.kill.sweep import MESSAGES, Plan, sweeping

HEADINGS = (
    *("database", "kills", "cuts", "broken by kills", "deliveries"),
    *("events logged", "events taken", "differences"),
)


@dataclass(frozen=True)
class Row:
    """A line of the table, and what is at fault."""

    database: str
    counts: tuple[int, ...]
    differences: Sequence[str]

    def cells(self) -> tuple[str, ...]:
        """Return the line's cells."""
        counts = (f"{it:,}" for it in self.counts)
        return (self.database, *counts, "; ".join(self.differences) or "none")


async def sweep(plan: Plan, cuts: int, url: str) -> Row:
    """Follow, from before the first incident until all is delivered."""
    with tempfile.TemporaryDirectory() as folder:
        async with sweeping(plan, url, Path(folder)) as servers:
            async with following(servers, cuts, longest_s=0.6) as follower:
                await servers.run()
            store = servers.store
            logged = len(await logged_after(store, follower.start))
            differences = await follower.differences(store)
            faults = (await servers.figures()).faults
    killed = sum(1 for life in servers.lives if life.killed_at)
    counts = (
        *(killed, follower.cuts, follower.broken, MESSAGES * plan.incidents),
        *(logged, len(follower.seen)),
    )
    return Row(store.dialect, counts, [*differences, *map(str, faults.items())])


async def sweep_all(seed: int, kinds: Sequence[str], *, long: bool) -> list[Row]:
    """Sweep on each kind of database."""
    cuts, kills, deliveries = (1_000, 50, 5_000) if long else (100, 10, 1_000)
    incidents = deliveries // MESSAGES
    plan = Plan(seed=seed, kills=kills, incidents=incidents, flaky=kills, drain_s=300.0)
    rows = []
    with postgres() as server:
        for kind in kinds:
            async with database(kind, server) as url:
                rows.append(await sweep(plan, cuts, url))
    return rows


def main() -> None:
    """Sweep, print the table, and say whether anything was at fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311
    parser.add_argument("--database", choices=["sqlite", "postgres"])
    given = parser.parse_args()
    kinds = [given.database] if given.database else ["sqlite", "postgres"]
    print(f"seed {given.seed}", flush=True)
    rows = asyncio.run(sweep_all(given.seed, kinds, long=given.long))
    print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}")
    for row in rows:
        print(f"| {' | '.join(row.cells())} |")
    sys.exit(any(row.differences for row in rows))


if __name__ == "__main__":
    main()
