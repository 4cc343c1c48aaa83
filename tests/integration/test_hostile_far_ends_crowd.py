"""A thousand deliveries that hang, over real connections: the others go on."""

import asyncio
from dataclasses import dataclass

import pytest

from delivery import incidents
from delivery.senders import MOST
from domain.clock import system_clock
from domain.deliveries import DeliveryStatus
from domain.timing import SLOTS
from models.store import Tx
from sandbox.hostile import OK, far_end, read_request
from tests.sending import Sending, sending

LONG_MS = 300_000
"""Longer than a test may take: whoever has to wait for what hangs waits too long."""


@dataclass
class Hanging:
    """A far end that reads requests and never answers; `count` hang on it."""

    count: int = 0

    async def __call__(
        self, reader: asyncio.StreamReader, _: asyncio.StreamWriter
    ) -> None:
        await read_request(reader)
        self.count += 1
        await asyncio.Event().wait()


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request of a connection."""
    while True:
        await read_request(reader)
        writer.write(OK + b"Content-Length: 0\r\n\r\n")


async def report_at_once(scene: Sending, count: int) -> None:
    """Report so many incidents in one transaction."""

    async def work(tx: Tx) -> None:
        world = scene.world
        for _ in range(count):
            it = world.a_report()
            await incidents.report(tx, world.channels, it, system_clock())

    await scene.world.store.turn(work)


STANDING = """
SELECT count(*) FROM delivery WHERE status = $1 AND integration_id = $2"""
ENDED = """
SELECT count(*) FROM attempt a JOIN delivery d ON d.id = a.delivery_id
WHERE a.ended_at IS NOT NULL AND d.integration_id <> $1"""
WAITING = "SELECT count(*) FROM delivery WHERE status = 0"


@pytest.mark.parametrize(("lanes", "each"), [(1, 1_000), (100, 10)])
async def test_a_thousand_that_hang_hold_up_nobody(
    database_url: str, lanes: int, each: int
) -> None:
    """Also a far end that nobody has sent to before; and what hangs is bounded."""
    dead = Hanging()
    async with (
        far_end(dead) as port,
        far_end(answers) as alive,
        sending(database_url, deadline_ms=LONG_MS) as scene,
    ):
        crowd = await scene.elsewhere()
        for _ in range(lanes):
            await crowd.integration(f"http://127.0.0.1:{port}/")
        await report_at_once(crowd, each)
        healthy = await scene.integration(f"http://127.0.0.1:{alive}/")
        for count in range(1, 21):
            await scene.world.report()
            await scene.tried(healthy, count)
        delivered = DeliveryStatus.DELIVERED.value
        assert await scene.count(STANDING, delivered, healthy) == 20
        assert await scene.count(ENDED, healthy) == 0
        most = min(lanes * SLOTS, MOST // 4 * 3)
        assert 0 < dead.count <= most
        assert scene.guard.open <= most + 1
        assert await scene.count(WAITING) >= lanes * (each - SLOTS)
