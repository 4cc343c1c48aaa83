"""An engine that is killed by SIGKILL exactly at a stage of the way, one process after
the other on one database.
"""

import asyncio
import json
import random
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from domain.clock import system_clock
from domain.ids import Id
from models.crypto import KeyRing
from models.secret_storage import seal_all
from models.store import open_store
from notifiers.webhook import CHANNEL
from sandbox.webhook_sink import WebhookSink
from tests.invariants import violations
from tests.kill.reckoning import Figures, Reckoning
from tests.world import World

ROOT = Path(__file__).parent.parent.parent
STAGES = [
    "accepted",
    "claimed",
    "rendered",
    "connected",
    "request_sent",
    "answer_read",
    "before_commit",
    "committed",
]
INTEGRATIONS = 2
MESSAGES = 2 * INTEGRATIONS
"""Of one incident: its beginning and its end, to each integration."""

SECRET = "whsec_" + "QUFB" * 10
ACCEPTED = re.compile("^accepted ([0-9a-f]+)$", re.MULTILINE)
UNKNOWN = "SELECT count(*) FROM attempt WHERE outcome = 6"


@dataclass
class Stages:
    """A database, a receiver, and one process after the other that dies on it."""

    world: World
    database_url: str
    sink: WebhookSink
    chance: random.Random
    keys: KeyRing = field(default_factory=KeyRing.generate)
    accepted: set[Id] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)

    async def set_up(self) -> None:
        """Store integrations that post to the receiver, signed."""
        for _ in range(INTEGRATIONS):
            settings = {"webhook_url": self.sink.url(), "headers": []}
            it = await self.world.integration(
                CHANNEL.type_name, settings=orjson.dumps(settings).decode()
            )
            secrets = {"signing_secret": SECRET}
            sealed = seal_all(self.keys, self.world.project, it, secrets, 1)
            await self.world.set(it, secrets=orjson.dumps(sealed).decode())

    async def run(self, stages: list[str], reports: int) -> None:
        """Kill at each stage, some time while so many incidents are reported; then
        deliver what is left.
        """
        for stage in stages:
            await self.kill(stage, reports)
            found = await violations(self.world.store)
            self.broken += [f"{stage}: {rule} {n}" for rule, n in found.items()]
            # The leases of dead sessions run out at once, instead of in 10 s.
            await self.world.execute("UPDATE worker SET lease_until = 1")
        assert await self.process(None, 0, 1) == 0
        found = await violations(self.world.store)
        self.broken += [f"end: {rule} {n}" for rule, n in found.items()]

    async def kill(self, stage: str, reports: int) -> None:
        """Kill at one of the times that a stage is reached. Groups are claimed and
        written down at once, so that it may be reached less often than was guessed.
        """
        nth = self.chance.randint(1, max(4, reports // 2))
        while (code := await self.process(stage, nth, reports)) != -signal.SIGKILL:
            assert code == 0, stage
            assert nth > 1, f"{stage} was not reached"
            nth //= 2

    async def process(self, stage: str | None, nth: int, reports: int) -> int:
        """Run a process until it dies or is done; return its exit code."""
        order = {
            "database_url": self.database_url,
            "project": self.world.project.hex(),
            "server": self.world.server.hex(),
            "keys": self.keys.text(),
            "stage": stage,
            "nth": nth,
            "reports": reports,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.kill.engine_that_dies"),
            cwd=ROOT,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )
        output, errors = await process.communicate(json.dumps(order).encode())
        found = ACCEPTED.findall(output.decode())
        self.accepted |= {Id(bytes.fromhex(it)) for it in found}
        assert process.returncode is not None
        if process.returncode not in {0, -signal.SIGKILL}:
            raise AssertionError(errors.decode())
        return process.returncode

    async def figures(self) -> Figures:
        """Compare what was accepted, sent and seen."""
        ledger = self.sink.ledger.entries
        reckoning = await Reckoning.of(self.world.store, ledger)
        promises = {it: {"OPENED"} for it in self.accepted}
        return reckoning.figures(promises, INTEGRATIONS)

    async def unknown(self) -> int:
        """Return how many tries were cut short."""
        return int(await self.world.store.fetchval(UNKNOWN))


@asynccontextmanager
async def stages(seed: int, url: str) -> AsyncIterator[Stages]:
    """Give stages over a migrated database, set up and not yet run."""
    store = await open_store(url)
    channels = {CHANNEL.type_name: CHANNEL}
    world = await World(store, channels=channels, now=system_clock()).make()
    chance = random.Random(seed)  # noqa: S311 - a test
    async with WebhookSink(secrets=[SECRET]) as sink:
        made = Stages(world, url, sink, chance)
        await made.set_up()
        yield made
    await store.close()
