"""SIGKILL at every stage of a restart: it is run once or not at all, never twice.

The server that is restarted is outside the process, and writes down every command.
"""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from domain.clock import system_clock
from domain.deliveries import DeliveryStatus, OutcomeKind
from domain.ids import Id
from models.crypto import KeyRing
from models.store import open_store
from sandbox.ssh_server import Behaviour, SshServer
from tests.invariants import violations
from tests.restarts import CHANNELS, PASSWORD, restarting
from tests.world import World

ROOT = Path(__file__).parents[2]

DELIVERED, FAILED = DeliveryStatus.DELIVERED, DeliveryStatus.FAILED
RETRY, SENT = OutcomeKind.RETRY, OutcomeKind.SENT
UNKNOWN = OutcomeKind.UNKNOWN

RUN_AGAIN = [(DELIVERED, RETRY), (DELIVERED, SENT)]
"""Nothing was marked: the next process runs it."""

NOT_AGAIN = [(FAILED, UNKNOWN)]
"""It was marked: nobody ever runs it again, and people are told."""

STAGES = {
    "claimed": (RUN_AGAIN, {1}),
    "connected": (RUN_AGAIN, {1}),
    "logged_in": (RUN_AGAIN, {1}),
    "marked": (NOT_AGAIN, {0}),
    "command_sent": (NOT_AGAIN, {0, 1}),
    "command_ended": (NOT_AGAIN, {1}),
    "before_commit": (NOT_AGAIN, {1}),
    "committed": ([(DELIVERED, SENT)], {1}),
}
"""Stage to the tries that there are in the end, and how many restarts there may be."""

TRIES = """
SELECT d.status, a.outcome FROM delivery d JOIN attempt a ON a.delivery_id = d.id
WHERE d.integration_id = $1 ORDER BY a.number"""


@dataclass
class Restarts:
    """A database, and engines that die on it."""

    world: World
    database_url: str
    engines: Process
    keys: KeyRing = field(default_factory=KeyRing.generate)

    async def kill_at(self, stage: str, server: SshServer) -> Id:
        """Kill an engine at a stage of a restart, and let the next one do what is left.

        One server and one integration a stage: no cool-down shall hide a second run.
        """
        world = self.world
        integration = await restarting(world, self.keys, server)
        world.now = system_clock()
        await world.report()
        assert await self._run(stage) == -signal.SIGKILL
        assert await violations(world.store) == {}
        # The leases of dead sessions run out at once, instead of in 10 s.
        await world.execute("UPDATE worker SET lease_until = 1")
        assert await self._run(None) == 0
        assert await violations(world.store) == {}
        await world.execute(
            "DELETE FROM attachment WHERE integration_id = $1", integration
        )
        return integration

    async def _run(self, stage: str | None) -> int:
        """Run an engine until it dies or is done; return its exit code."""
        order = {"database_url": self.database_url, "keys": self.keys.text()}
        line = json.dumps({**order, "stage": stage}) + "\n"
        assert self.engines.stdin
        assert self.engines.stdout
        self.engines.stdin.write(line.encode())
        return int(await self.engines.stdout.readline())

    async def tries(self, integration: Id) -> list[tuple[int, int]]:
        """Return the status of its delivery and the outcome, for each try."""
        rows = await self.world.store.fetch(TRIES, integration)
        return [(row["status"], row["outcome"]) for row in rows]


@asynccontextmanager
async def restarts(url: str) -> AsyncIterator[Restarts]:
    """Give a world on a migrated database."""
    store = await open_store(url)
    world = await World(store, channels=CHANNELS, now=system_clock()).make()
    program = (sys.executable, "-m", "tests.kill.restart_that_dies")
    engines = await asyncio.create_subprocess_exec(
        *program, cwd=ROOT, stdin=PIPE, stdout=PIPE
    )
    try:
        yield Restarts(world, url, engines)
    finally:
        assert engines.stdin
        engines.stdin.close()
        await engines.wait()
        await store.close()


@pytest.mark.timeout(110)
async def test_a_kill_at_any_stage_never_makes_two_restarts(database_url: str) -> None:
    """Where sudo asks for the password both of its forms are one run."""
    async with restarts(database_url) as night:
        for stage, (tries, allowed) in STAGES.items():
            asks = stage == "connected"
            behaviour = Behaviour.SUDO_ASKS if asks else Behaviour.ENDS
            async with SshServer(password=PASSWORD, behaviour=behaviour) as server:
                integration = await night.kill_at(stage, server)
                assert (stage, await night.tries(integration)) == (stage, tries)
                assert server.restarts in allowed, stage
                if stage == "marked":
                    assert server.commands == []
