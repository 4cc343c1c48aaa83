"""A subscriber over WebSocket whose connection is cut again and again: it resumes each
time with the cursor of the last event that it has taken.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from delivery.cursor import decode
from models.store import Row, Store
from tests.kill.sweep import Sweep
from tests.live_server import GRAPHQL_WS, LiveServer

FOLLOW = """
subscription($after: String) { deliveryEvents(after: $after) {
  cursor delivery { id status attemptCount } attempt { number outcome } } }"""

TRY_AGAIN_S = 0.05
CATCH_UP_S = 60.0

LOGGED = """
SELECT position, body FROM event_log
WHERE kind = 'delivery' AND position > $1 ORDER BY position"""

UNNUMBERED = "SELECT count(*) FROM event_log WHERE position IS NULL"


async def logged_after(store: Store, cursor: str) -> list[Row]:
    """Return the positions and bodies of the log after a cursor."""
    return await store.fetch(LOGGED, decode(cursor).position)


@dataclass
class Follower:
    """Takes every event in memory; `cuts` counts the connections that it ended itself,
    `broken` those that ended by themselves or were refused.
    """

    servers: Sequence[LiveServer]
    chance: random.Random
    start: str
    longest_s: float
    seen: list[dict[str, Any]] = field(default_factory=list)
    cuts: int = 0
    broken: int = 0

    @property
    def cursor(self) -> str:
        """Return where to resume."""
        return self.seen[-1]["cursor"] if self.seen else self.start

    async def run(self) -> None:
        """Follow, each time for a random while, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self.chance.uniform(0, self.longest_s)):
                    await self._follow(self.chance.choice(self.servers))
            except TimeoutError:
                self.cuts += 1
            except aiohttp.ClientError:
                await self._wait()

    async def _wait(self) -> None:
        self.broken += 1
        await asyncio.sleep(TRY_AGAIN_S)

    async def _follow(self, server: LiveServer) -> None:
        async with connected(server) as socket:
            payload = {"query": FOLLOW, "variables": {"after": self.cursor}}
            await socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
            async for message in socket:
                self._take(message.json())
        await self._wait()

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] != "ping":
            assert frame["type"] == "next", frame
            assert "errors" not in frame["payload"], frame
            self.seen.append(frame["payload"]["data"]["deliveryEvents"])

    async def catch_up(self, store: Store, cuts: int) -> None:
        """Wait until all that is logged was taken, and for so many cuts."""
        async with asyncio.timeout(CATCH_UP_S + cuts * self.longest_s):
            while await store.fetchval(UNNUMBERED):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            count = len(await logged_after(store, self.start))
            while len(self.seen) < count or self.cuts < cuts:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def differences(self, store: Store) -> list[str]:
        """Say how what was taken differs from the log."""
        return compare(self.seen, await logged_after(store, self.start))


@asynccontextmanager
async def following(
    sweep: Sweep, cuts: int, *, longest_s: float
) -> AsyncIterator[Follower]:
    """Follow from now on, until everything is over and so many cuts were made."""
    data = await sweep.servers[0].execute("{ deliveries(first: 1) { eventCursor } }")
    start = data["deliveries"]["eventCursor"]
    chance = random.Random(sweep.plan.seed)  # noqa: S311 - a test
    follower = Follower(sweep.servers, chance, start, longest_s)
    async with asyncio.TaskGroup() as tasks:  # ends all with an error of the follower
        run = tasks.create_task(follower.run())
        yield follower
        await follower.catch_up(sweep.store, cuts)
        run.cancel()


@asynccontextmanager
async def connected(
    server: LiveServer,
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Give a socket that is acknowledged. At the end the connection is gone at once:
    no closing handshake, whatever is on its way.
    """
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(server.url, protocols=(GRAPHQL_WS,))
        credential = {"Authorization": f"Bearer {server.token}"}
        await socket.send_json({"type": "connection_init", "payload": credential})
        acknowledged = await socket.receive()
        if acknowledged.type is not aiohttp.WSMsgType.TEXT:
            raise aiohttp.ClientConnectionError
        assert acknowledged.json()["type"] == "connection_ack", acknowledged
        yield socket


def compare(seen: Sequence[dict[str, Any]], logged: Sequence[Row]) -> list[str]:
    """Say how what was seen differs from the log: nothing, if all came once, in order,
    as it was logged.
    """
    positions = [decode(it["cursor"]).position for it in seen]
    wanted = {row["position"]: _shown(row) for row in logged}
    differences = []
    if positions != sorted(set(positions)):
        differences.append("some came twice or out of order")
    if missing := sorted(wanted.keys() - set(positions)):
        differences.append(f"{len(missing)} are missing, the first is {missing[0]}")
    told = dict(zip(positions, seen, strict=True))
    if wrong := [at for at, it in told.items() if it["delivery"] != wanted.get(at)]:
        differences.append(f"{len(wrong)} are not as logged, the first is {wrong[0]}")
    return differences


def _shown(row: Row) -> dict[str, Any]:
    delivery = orjson.loads(row["body"])["delivery"]
    return {name: delivery[name] for name in ("id", "status", "attemptCount")}
