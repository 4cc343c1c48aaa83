"""SIGKILL at every stage of the way: nothing that was accepted is lost.

A receiver outside the process keeps a ledger of all that it sees.
"""

import asyncio
import json
import random
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.clock import system_clock
from models.crypto import KeyRing
from models.secret_storage import seal_all
from models.store import Store, open_store
from notifiers.webhook import CHANNEL
from sandbox.webhook_sink import WebhookSink
from tests.invariants import violations
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
REPORTS = 8
INTEGRATIONS = 2
SECRET = "whsec_" + "QUFB" * 10
UNKNOWN = 6


@dataclass
class Sweep:
    """A database, a receiver, and one process after the other that dies on it."""

    world: World
    database_url: str
    sink: WebhookSink
    keys: KeyRing = field(default_factory=KeyRing.generate)
    accepted: list[str] = field(default_factory=list)

    async def make(self) -> None:
        """Store integrations that post to the receiver, signed."""
        for _ in range(INTEGRATIONS):
            settings = {"webhook_url": self.sink.url(), "headers": []}
            it = await self.world.integration(
                CHANNEL.type_name, settings=orjson.dumps(settings).decode()
            )
            secrets = {"signing_secret": SECRET}
            sealed = seal_all(self.keys, self.world.project, it, secrets, 1)
            await self.world.set(it, secrets=orjson.dumps(sealed).decode())

    async def run(self, stage: str | None, nth: int, reports: int) -> int:
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
        self.accepted += re.findall(
            "^accepted ([0-9a-f]+)$", output.decode(), re.MULTILINE
        )
        assert process.returncode is not None
        if process.returncode not in {0, -signal.SIGKILL}:
            raise AssertionError(errors.decode())
        return process.returncode

    async def forget_the_dead(self) -> None:
        """Let the leases of dead sessions run out at once, instead of in 10 s."""
        await self.world.execute("UPDATE worker SET lease_until = 1")


async def rows(store: Store, sql: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await store.fetch(sql)]


@pytest.mark.timeout(110)
async def test_a_kill_at_any_stage_loses_nothing(database_url: str) -> None:
    """No accepted delivery is lost; only what was in flight comes twice, with the same
    id and body; every request that was seen has an attempt; the invariants hold
    after each kill.
    """
    chance = random.Random(11)  # noqa: S311 - a test
    store = await open_store(database_url)
    channels = {CHANNEL.type_name: CHANNEL}
    world = World(store, channels=channels, now=system_clock())
    async with WebhookSink(secrets=[SECRET]) as sink:
        sweep = Sweep(await world.make(), database_url, sink)
        await sweep.make()
        for stage in STAGES:
            killed = await sweep.run(stage, chance.randint(1, 4), REPORTS)
            assert killed == -signal.SIGKILL, stage
            assert await violations(store) == {}, stage
            await sweep.forget_the_dead()
        assert await sweep.run(None, 0, 1) == 0
        await check(sweep)
    await store.close()


async def check(sweep: Sweep) -> None:
    store = sweep.world.store
    assert await violations(store) == {}
    deliveries = await rows(store, "SELECT * FROM delivery")
    assert {it["status"] for it in deliveries} == {4}
    told = Counter(it["incident_id"].hex() for it in deliveries)
    assert len(sweep.accepted) >= len(STAGES) + 1
    assert all(told[it] >= INTEGRATIONS for it in sweep.accepted)
    attempts = await rows(store, "SELECT delivery_id, outcome FROM attempt")
    tried = Counter(it["delivery_id"] for it in attempts)
    unknown = Counter(it["delivery_id"] for it in attempts if it["outcome"] == UNKNOWN)
    assert sweep.sink.ledger.refusals == []  # the same id always had the same body
    seen = Counter(it.message_id for it in sweep.sink.ledger.entries)
    by_message = {it["message_id"]: it["id"] for it in deliveries}
    assert set(seen) == set(by_message)
    for message, count in seen.items():
        delivery = by_message[message or ""]
        assert count <= tried[delivery]
        assert count - 1 <= unknown[delivery]
    assert unknown.total() >= 4  # the kills did hit something in flight
