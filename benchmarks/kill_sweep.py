"""SIGKILL of servers under load: what is lost, what comes twice, how long work lies.

Random moments: real servers over HTTP, on SQLite one, on PostgreSQL two on one
database. Every stage: the engine alone, which is killed exactly there. A receiver
outside keeps a ledger; at the end it is compared with the database, row by row.

    .venv/bin/python -m benchmarks.kill_sweep            50 kills, 1,000 deliveries
    .venv/bin/python -m benchmarks.kill_sweep --long    200 kills, 10,000 deliveries

Ends with exit code 1 where anything is at fault. The seed decides what is done, not
how the processes are scheduled.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from models.migrate import upgrade
from tests.databases import PostgresServer, create_database, postgres
from tests.kill import stages
from tests.kill.reckoning import Figures
from tests.kill.sweep import MESSAGES, Plan, sweeping
from tests.kill.takeovers import Takeover, takeovers

HEADINGS = (
    *("database", "kills", "accepted", "delivered", "lost", "requests"),
    *("duplicates", "unexplained", "cut short", "taken over s", "lane went on s"),
)


@dataclass(frozen=True)
class Size:
    """How much."""

    kills: int
    deliveries: int


SHORT, LONG = Size(50, 1_000), Size(200, 10_000)


@dataclass(frozen=True)
class Row:
    """A line of the table, and what is at fault."""

    database: str
    kills: int
    figures: Figures
    cut_short: int
    takeovers: Sequence[Takeover]
    faults: Sequence[str]

    def cells(self) -> tuple[str, ...]:
        """Return the line's cells."""
        figures = self.figures
        unexplained = len(figures.unexplained) + len(figures.unrecorded)
        return (
            *(self.database, f"{self.kills:,}", f"{figures.accepted:,}"),
            *(f"{figures.delivered:,}", f"{len(figures.lost):,}"),
            *(f"{figures.requests:,}", f"{figures.duplicates:,}"),
            *(f"{unexplained:,}", f"{self.cut_short:,}"),
            _spread([it.taken_ms for it in self.takeovers]),
            _spread([it.waited_ms for it in self.takeovers]),
        )


def _spread(ms: Sequence[int]) -> str:
    if not ms:
        return "-"
    return f"{statistics.median(ms) / 1000:.1f} / {max(ms) / 1000:.1f}"


async def random_moments(plan: Plan, url: str) -> Row:
    """Kill servers at random moments."""
    with tempfile.TemporaryDirectory() as folder:
        async with sweeping(plan, url, Path(folder)) as sweep:
            await sweep.run()
            figures = await sweep.figures()
            cut_short = await takeovers(sweep.store, sweep.lives)
    late = [it for it in cut_short if not it.in_time(sweep.store.dialect)]
    faults = [*sweep.broken, *map(str, figures.faults.items()), *map(str, late[:9])]
    killed = sum(1 for life in sweep.lives if life.killed_at)
    name = sweep.store.dialect
    return Row(name, killed, figures, len(cut_short), cut_short, faults)


async def every_stage(seed: int, size: Size, url: str) -> Row:
    """Kill an engine at every stage, as often at each."""
    order = stages.STAGES * max(1, size.kills // len(stages.STAGES))
    random.Random(seed).shuffle(order)  # noqa: S311 - a benchmark
    reports = size.deliveries // (stages.MESSAGES * len(order)) + 1
    async with stages.stages(seed, url) as sweep:
        await sweep.run(order, 3 * reports)  # about a third, until it dies
        figures, cut_short = await sweep.figures(), await sweep.unknown()
        name = sweep.world.store.dialect
    faults = [*sweep.broken, *map(str, figures.faults.items())]
    return Row(name, len(order), figures, cut_short, [], faults)


@asynccontextmanager
async def database(kind: str, server: PostgresServer) -> AsyncIterator[str]:
    """Give a fresh, migrated database."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite://{folder}/tocsin.db"
        if kind == "postgres":
            url = server.url(await create_database(server))
        await upgrade(url)
        yield url


async def sweep_moments(seed: int, kinds: Sequence[str], size: Size) -> list[Row]:
    """Kill servers at random moments, on each kind of database."""
    incidents = size.deliveries // MESSAGES
    flaky = incidents // 10
    plan = Plan(
        seed=seed, kills=size.kills, incidents=incidents, flaky=flaky, drain_s=600
    )
    rows = []
    with postgres() as server:
        for kind in kinds:
            async with database(kind, server) as url:
                rows.append(await random_moments(plan, url))
    show("Real servers, random moments", rows)
    return rows


async def sweep_stages(seed: int, kinds: Sequence[str], size: Size) -> list[Row]:
    """Kill an engine at every stage, on each kind of database."""
    rows = []
    with postgres() as server:
        for kind in kinds:
            async with database(kind, server) as url:
                rows.append(await every_stage(seed, size, url))
    show("Engine, every stage", rows)
    return rows


def show(title: str, rows: Sequence[Row]) -> None:
    """Print a table."""
    print(f"\n{title}\n\n| {' | '.join(HEADINGS)} |")
    print("|" + "---|" * len(HEADINGS))
    for row in rows:
        print(f"| {' | '.join(row.cells())} |")
    for row in rows:
        for fault in row.faults:
            print(f"FAULT ({row.database}): {fault}")
    sys.stdout.flush()


SWEEPS = {"moments": sweep_moments, "stages": sweep_stages}


def main() -> None:
    """Sweep, and say what was at fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311
    parser.add_argument("--database", choices=["sqlite", "postgres"])
    parser.add_argument("--only", choices=SWEEPS)
    given = parser.parse_args()
    kinds = [given.database] if given.database else ["sqlite", "postgres"]
    print(f"seed {given.seed}", flush=True)
    rows = []
    for name, sweep in SWEEPS.items():
        if given.only in {None, name}:
            size = LONG if given.long else SHORT
            rows += asyncio.run(sweep(given.seed, kinds, size))
    sys.exit(any(row.faults for row in rows))


if __name__ == "__main__":
    main()
