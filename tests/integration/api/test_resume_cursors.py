"""Cursors that lead nowhere, over WebSocket at a real server: each its typed error
before any event, on a socket that stays open and usable.
"""

import base64
import random
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from delivery.cursor import Cursor, decode, encode
from delivery.restored import settle
from domain.channels import Plan
from domain.clock import system_clock
from domain.scopes import Scope
from domain.timing import DAY
from models.store import Store, Tx, open_store
from notifiers import CHANNELS
from server import accounts
from server.graphql.socket import MESSAGE_MOST
from tests.kill.follower import connected
from tests.kill.load import REPORT, furnish
from tests.live_server import LiveServer

FOLLOW = """
subscription($after: String) { deliveryEvents(after: $after) {
  cursor delivery { status incident { id } } } }"""

EVENT_CURSOR = "{ deliveries(first: 1) { eventCursor } }"
NOBODY = "http://127.0.0.1:9/hook"
SECRET = "whsec_" + "QUFB" * 10


@pytest.fixture(scope="module")
async def server(
    shared_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LiveServer]:
    """A running server on either database, for all tests here: each begins with a
    cursor of its own.
    """
    made = LiveServer(tmp_path_factory.mktemp("cursors"), shared_database_url)
    await made.start()
    yield made
    await made.stop()


@asynccontextmanager
async def stopped(server: LiveServer) -> AsyncIterator[Store]:
    """Give the database of the server while that is stopped."""
    await server.stop()
    assert server.database_url is not None
    store = await open_store(server.database_url)
    yield store
    await store.close()
    await server.start(fresh_token=False)


class Conversation:
    """One socket, on which one subscription follows the other."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last = 0

    async def first(self, after: object) -> dict[str, Any]:
        """Subscribe, and return the first message that comes of it; end it if it is
        still running.
        """
        self._last += 1
        identity = str(self._last)
        payload = {"query": FOLLOW, "variables": {"after": after}}
        subscribe = {"id": identity, "type": "subscribe", "payload": payload}
        await self._socket.send_json(subscribe)
        frame = await self._next(identity)
        if frame["type"] == "next":
            await self._socket.send_json({"id": identity, "type": "complete"})
        return frame

    async def _next(self, identity: str) -> dict[str, Any]:
        while True:
            frame: dict[str, Any] = await self._socket.receive_json(timeout=10)
            if frame.get("id") == identity:
                return frame
            assert frame["type"] in {"ping", "next"}, frame  # of one that has ended

    async def refused(self, after: object) -> dict[str, Any]:
        """Subscribe in vain, and return the extensions of the one error."""
        frame = await self.first(after)
        assert frame["type"] == "error", (after, frame)
        [error] = frame["payload"]
        extensions: dict[str, Any] = error["extensions"]
        assert len(str(after)) < 5 or str(after) not in error["message"]
        return extensions

    async def status_after(self, after: str) -> tuple[str, str]:
        """Return the first event after a good cursor: its cursor and status."""
        frame = await self.first(after)
        assert frame["type"] == "next", frame
        event = frame["payload"]["data"]["deliveryEvents"]
        return event["cursor"], event["delivery"]["status"]


@asynccontextmanager
async def talking(server: LiveServer) -> AsyncIterator[Conversation]:
    async with connected(server) as socket:
        yield Conversation(socket)
        assert not socket.closed


async def now(server: LiveServer) -> str:
    data = await server.execute(EVENT_CURSOR)
    cursor: str = data["deliveries"]["eventCursor"]
    return cursor


async def told(server: LiveServer) -> str:
    """Have something logged; return the cursor before it."""
    resource = await furnish(server, [NOBODY], SECRET)
    start = await now(server)
    given = {"serverId": resource, "incidentType": "t", "message": "m"}
    await server.execute(REPORT, {"input": given})
    return start


def garbage(good: str, chance: random.Random) -> list[str]:
    """Return texts of all kinds that are no cursors, made from a good one or not."""
    raw = base64.urlsafe_b64decode(good)
    noise = [chance.randbytes(n) for n in (1, 16, 36, 36, 64)]
    flipped = [_flipped(raw, chance.randrange(8 * len(raw))) for _ in range(30)]
    return [
        *("", " ", "null", "0", "-1", "../../etc/passwd", "' OR 1=1 --", "{}", "\x00"),
        *("\N{BELL}\N{SNOWMAN}" * 24, "A" * 48, "=" * 48, good.swapcase()),
        *(good[:n] for n in (1, 16, 44, 47)),
        *(good + more for more in ("A", "=", "AAAA", "\n", good)),
        *(more + good for more in (" ", "\ufeff", "\x00")),
        *(base64.urlsafe_b64encode(it).decode() for it in (*noise, *flipped)),
        *(it.decode("latin-1") for it in noise),
        good * (MESSAGE_MOST // len(good) - 10),
    ]


def _flipped(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


async def test_garbage_is_refused_and_the_socket_stays_usable(
    server: LiveServer,
) -> None:
    """All on one socket, on which a good cursor still works between and at the end."""
    good = await told(server)
    chance = random.Random(2)  # noqa: S311 - a test
    async with talking(server) as socket:
        for text in garbage(good, chance):
            assert await socket.refused(text) == {"code": "CURSOR_INVALID"}, text
        first = await socket.status_after(good)
        for value in (5, 1.5, True, [], [good, good], {}, {"cursor": good}):
            extensions = await socket.refused(value)
            assert extensions["code"] == "BAD_USER_INPUT", value
        assert await socket.status_after(good) == first


async def test_halves_of_characters_are_refused_too(server: LiveServer) -> None:
    """JSON can name what no text may hold."""
    good = await told(server)
    async with connected(server) as socket:
        payload = '{"query": "%s", "variables": {"after": "\\ud800"}}'
        query = FOLLOW.replace("\n", " ")
        message = f'{{"id": "1", "type": "subscribe", "payload": {payload % query}}}'
        await socket.send_str(message)
        frame = await socket.receive(timeout=10)
        if frame.type is aiohttp.WSMsgType.TEXT:
            [error] = frame.json()["payload"]
            assert error["extensions"]["code"] == "CURSOR_INVALID"
        else:
            assert socket.close_code == 4400
    async with talking(server) as conversation:
        await conversation.status_after(good)


async def test_a_forged_cursor_reaches_nothing(server: LiveServer) -> None:
    """With a right checksum: positions that no database gives, and other epochs."""
    cursor = decode(await told(server))
    forged = [
        *(Cursor(cursor.project_id, cursor.epoch, n) for n in (10**6, 2**63 - 1)),
        *(Cursor(cursor.project_id, cursor.epoch, n) for n in (2**63, 2**64 - 1)),
        Cursor(cursor.project_id, bytes(8), cursor.position),
    ]
    longer = struct.pack(">16s8sQB", *_fields(cursor), 0)
    longer = base64.urlsafe_b64encode(longer + struct.pack(">I", zlib.crc32(longer)))
    async with talking(server) as socket:
        for it in forged:
            extensions = await socket.refused(encode(it))
            assert extensions["code"] == "CURSOR_EXPIRED", it
            await socket.status_after(extensions["oldestCursor"])
        assert await socket.refused(longer.decode()) == {"code": "CURSOR_INVALID"}


def _fields(cursor: Cursor) -> tuple[bytes, bytes, int]:
    return cursor.project_id, cursor.epoch, cursor.position


async def test_a_cursor_of_another_project_is_refused(server: LiveServer) -> None:
    """One socket speaks for one project, the other for another."""
    mine = await told(server)
    other = LiveServer(server.data_dir)
    other.url, other.token = server.url, await stranger(server)
    async with talking(other) as socket:
        assert await socket.refused(mine) == {"code": "CURSOR_INVALID"}
        theirs = await told(other)
        await socket.status_after(theirs)
    async with talking(server) as socket:
        assert await socket.refused(theirs) == {"code": "CURSOR_INVALID"}


async def stranger(server: LiveServer) -> str:
    """Return a token of another project."""
    assert server.database_url is not None
    store = await open_store(server.database_url)
    project = await store.turn(accounts.ensure_project, "other", Plan.PAID, 1)
    given = (project, "stranger", [Scope.ADMIN], None, 1)
    token = await store.turn(accounts.add_token, *given)
    await store.close()
    return token


async def test_a_cursor_older_than_retention_names_the_oldest(
    server: LiveServer,
) -> None:
    """What is purged is gone for good, and what is kept can be had."""
    old = await told(server)
    async with stopped(server) as store:
        await store.turn(_age, 8 * DAY)
    kept = await told(server)
    async with talking(server) as socket:
        extensions = await socket.refused(old)
        assert extensions["code"] == "CURSOR_EXPIRED"
        oldest = extensions["oldestCursor"]
        assert decode(oldest).position > decode(old).position
        await socket.status_after(oldest)
        assert decode(oldest).position <= decode(kept).position
        await socket.status_after(kept)


async def _age(tx: Tx, ms: int) -> None:
    await tx.execute("UPDATE event_log SET at = at - $1", ms)


async def test_a_cursor_from_before_a_restore_names_the_oldest(
    server: LiveServer,
) -> None:
    """Also where the restored database has its position: there it may stand for
    another event.
    """
    old = await told(server)
    channels = {channel.type_name: channel for channel in CHANNELS}
    async with stopped(server) as store:
        await settle(store, channels, system_clock(), cancel_waiting=False)
    async with talking(server) as socket:
        extensions = await socket.refused(old)
        assert extensions["code"] == "CURSOR_EXPIRED"
        fresh, _ = await socket.status_after(extensions["oldestCursor"])
        assert decode(fresh).epoch != decode(old).epoch
