"""The long form of the state machine over incidents, on both databases.

    .venv/bin/python -m benchmarks.state_machines --examples 500 --seed 1

Each example is up to so many steps of several clients; after every step the model has
to explain what is. PostgreSQL runs with two processes' parts on one database. The first
failure is shrunk and shown, and ends the run with status 1.
"""

import argparse
import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import structlog
from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from models.migrate import upgrade
from tests.databases import create_database, postgres
from tests.integration.state_machines.machine import (
    PROFILE,
    IncidentMachine,
    on_database,
)


@contextlib.contextmanager
def sqlite_database() -> Iterator[str]:
    """Give an empty database in a file."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite://{Path(folder) / 'tocsin.db'}"
        asyncio.run(upgrade(url))
        yield url


@contextlib.contextmanager
def postgres_database() -> Iterator[str]:
    """Give an empty database on a server of its own."""
    with postgres() as server:
        url = server.url(asyncio.run(create_database(server)))
        asyncio.run(upgrade(url))
        yield url


DATABASES = {"sqlite": (sqlite_database, 1), "postgres": (postgres_database, 2)}


def run(name: str, asked: argparse.Namespace) -> None:
    """Run the machine on one database, and print how much that was."""
    database, nodes = DATABASES[name]
    phases = [Phase.generate, *([] if asked.no_shrink else [Phase.shrink])]
    chosen = settings(
        PROFILE,
        max_examples=asked.examples,
        stateful_step_count=asked.steps,
        phases=phases,
    )
    IncidentMachine.counted.update(dict.fromkeys(IncidentMachine.counted, 0))
    began = time.monotonic()
    with database() as url:
        try:
            machine = seed(asked.seed)(on_database(url, nodes))
            run_state_machine_as_test(machine, settings=chosen)
        finally:
            counted = ", ".join(f"{n} {k}" for k, n in IncidentMachine.counted.items())
            print(f"{name}: {counted}, {time.monotonic() - began:.0f} s", flush=True)


def main() -> None:
    """Run as asked on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", choices=sorted(DATABASES), action="append")
    parser.add_argument("--no-shrink", action="store_true")
    asked = parser.parse_args()
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=quiet)
    for name in asked.database or sorted(DATABASES):
        run(name, asked)


if __name__ == "__main__":
    main()
