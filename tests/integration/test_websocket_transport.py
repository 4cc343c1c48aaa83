"""GraphQL over WebSocket, with the subprotocol graphql-transport-ws."""

import asyncio
import io
import random
import string
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET, create_connection
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from domain.clock import system_clock
from models.tokens import new_token
from server.graphql import protocol
from server.graphql.connections import Patience
from server.graphql.socket import MESSAGE_MOST, OPERATIONS_MOST
from tests.captured_log import captured
from tests.databases import copy_sqlite
from tests.example_schema import CANARY
from tests.transport import APP, PATIENCE, Api, running

HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    f"Sec-WebSocket-Protocol: {protocol.SUBPROTOCOL}\r\n\r\n"
).encode()
CREATE = "mutation($input: CreateInput!){create(input: $input){name}}"
QUICK = Patience(init=0.2, send=0.3, close=0.3)


@pytest.fixture(scope="module")
async def api(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Api]:
    """Give a server that all tests here share: they leave nothing behind."""
    file = tmp_path_factory.mktemp("ws") / "tocsin.db"
    copy_sqlite(migrated_sqlite, file)
    async with running(f"sqlite://{file}") as made:
        yield made


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Give all that is logged meanwhile."""
    with captured() as stream:
        yield stream


async def closed(socket: ClientWebSocketResponse) -> int:
    """Wait for the end of a socket and return its code."""
    async with asyncio.timeout(10):
        while not socket.closed:
            await socket.receive()
    assert socket.close_code is not None
    return socket.close_code


async def subscribe(
    socket: ClientWebSocketResponse, query: str, identity: str = "1", **payload: object
) -> None:
    message = {"id": identity, "type": "subscribe", "payload": {"query": query}}
    message["payload"] = {"query": query, **payload}
    await socket.send_json(message)


async def receive(socket: ClientWebSocketResponse) -> dict[str, Any]:
    async with asyncio.timeout(10):
        message: dict[str, Any] = await socket.receive_json()
    return message


async def until_ended(
    socket: ClientWebSocketResponse, identity: str = "1"
) -> list[dict[str, Any]]:
    """Return the messages of an operation, its end included."""
    messages: list[dict[str, Any]] = []
    while not messages or messages[-1]["type"] not in {"complete", "error"}:
        message = await receive(socket)
        assert message["id"] == identity
        messages.append(message)
    return messages


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nothing there could set an event
            await asyncio.sleep(0.01)


def codes(message: dict[str, Any]) -> list[str]:
    assert message["type"] == "error"
    return [error["extensions"]["code"] for error in message["payload"]]


async def test_a_subscription_sends_each_event_and_completes(api: Api) -> None:
    async with api.ready() as socket:
        await subscribe(socket, "subscription{count(to:2)}")
        assert await until_ended(socket) == [
            {"id": "1", "type": "next", "payload": {"data": {"count": 0}}},
            {"id": "1", "type": "next", "payload": {"data": {"count": 1}}},
            {"id": "1", "type": "complete"},
        ]


async def test_queries_and_mutations_run_too(api: Api) -> None:
    async with api.ready() as socket:
        await subscribe(
            socket,
            "query A{hello} query B($n: String!){hello(name: $n)}",
            operationName="B",
            variables={"n": "B"},
        )
        data = {"data": {"hello": "Hello B"}}
        assert await until_ended(socket) == [
            {"id": "1", "type": "next", "payload": data},
            {"id": "1", "type": "complete"},
        ]
        given = {"name": "x", "channel": {"pager": {"token": "t"}}}
        await subscribe(socket, CREATE, variables={"input": given})
        [result, _] = await until_ended(socket)
        assert result["payload"] == {"data": {"create": {"name": "x"}}}


async def test_errors_of_a_field_come_with_the_data(api: Api) -> None:
    async with api.ready() as socket:
        await subscribe(socket, "{hello fails}")
        [result, _] = await until_ended(socket)
        assert result["payload"]["data"] == {"hello": "Hello you", "fails": None}
        assert result["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription{", "GRAPHQL_PARSE_FAILED"),
        ("subscription{nonsense}", "GRAPHQL_VALIDATION_FAILED"),
        ('subscription{count(to:"x")}', "BAD_USER_INPUT"),
        ("query A{hello} query B{hello}", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription{expired}", "CURSOR_EXPIRED"),
        ("subscription{count(failAt:0)}", "INTERNAL"),
        (" " * 70_000 + "{hello}", "LIMIT_EXCEEDED"),
    ],
)
async def test_what_cannot_run_is_an_error_of_that_operation_alone(
    api: Api, query: str, code: str
) -> None:
    async with api.ready() as socket:
        await subscribe(socket, "subscription{forever}", "other")
        assert (await receive(socket))["id"] == "other"
        await subscribe(socket, query)
        [error] = await until_ended(socket)
        assert codes(error) == [code]
        await subscribe(socket, "{hello}")
        assert len(await until_ended(socket)) == 2
        assert not socket.closed


async def test_the_error_of_a_stream_has_its_extensions(api: Api) -> None:
    async with api.ready() as socket:
        await subscribe(socket, "subscription{expired}")
        [error] = await until_ended(socket)
        [shown] = error["payload"]
        assert shown["message"] == "Too old."
        assert shown["extensions"]["oldestCursor"] == "c1"


async def test_a_stream_that_breaks_ends_with_a_masked_error(api: Api) -> None:
    async with api.ready() as socket:
        await subscribe(socket, "subscription{count(failAt:1)}")
        [first, error] = await until_ended(socket)
        assert first["type"] == "next"
        assert codes(error) == ["INTERNAL"]
        assert CANARY not in str(error)


async def test_an_id_is_free_again_once_its_operation_has_ended(api: Api) -> None:
    async with api.ready() as socket:
        for _ in range(50):
            await subscribe(socket, "{hello}")
            await until_ended(socket)
            await subscribe(socket, "{nonsense}")
            await until_ended(socket)


async def test_a_client_may_complete_and_use_the_id_at_once(api: Api) -> None:
    async with api.ready() as socket:
        for _ in range(20):
            await subscribe(socket, "subscription{forever}")
            assert (await receive(socket))["type"] == "next"
            await socket.send_json({"id": "1", "type": "complete"})
        await eventually(lambda: api.watch.open == 0)
        # To complete what is over is no error.
        await socket.send_json({"id": "1", "type": "complete"})
        await subscribe(socket, "{hello}")
        assert len(await until_ended(socket)) == 2


async def test_pings_are_answered_before_and_after_the_acknowledgement(
    api: Api,
) -> None:
    async with api.connect() as socket:
        await socket.send_json({"type": "ping", "payload": None})
        assert await receive(socket) == {"type": "pong"}
        await socket.send_json({"type": "connection_init", "payload": api.bearer})
        assert await receive(socket) == {"type": "connection_ack"}
        await socket.send_json({"type": "ping", "payload": {"a": 1}})
        assert await receive(socket) == {"type": "pong", "payload": {"a": 1}}
        await socket.send_json({"type": "pong"})
        await socket.send_json({"type": "ping"})
        assert await receive(socket) == {"type": "pong"}


async def test_the_server_pings(sqlite_url: str) -> None:
    async with running(sqlite_url, ping_every_s=0.05) as api, api.ready() as socket:
        for _ in range(3):
            assert await receive(socket) == {"type": "ping"}


async def test_the_credential_may_come_with_the_handshake(api: Api) -> None:
    async with api.connect(**api.bearer) as socket:
        await socket.send_json({"type": "connection_init", "payload": None})
        assert await receive(socket) == {"type": "connection_ack"}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (None, "No credential"),
        ({}, "No credential"),
        ({"Authorization": "Basic x"}, "not a Bearer token"),
        ({"authorization": "Bearer x"}, "malformed"),
        ({"Authorization": f"Bearer {new_token()}"}, "not known here"),
    ],
)
async def test_a_wrong_credential_closes_4403_and_says_why(
    api: Api, payload: dict[str, str] | None, reason: str
) -> None:
    async with api.connect() as socket:
        await socket.send_json({"type": "connection_init", "payload": payload})
        message = await socket.receive()
        assert message.type is WSMsgType.CLOSE
        assert message.data == 4403
        assert reason in (message.extra or "")


async def test_a_subscription_before_the_acknowledgement_closes_4401(api: Api) -> None:
    async with api.connect() as socket:
        await subscribe(socket, "{hello}")
        assert await closed(socket) == 4401


@pytest.mark.parametrize("offered", ["graphql-ws", "graphql-sse", "nonsense"])
async def test_another_subprotocol_closes_4406(
    api: Api, offered: str, log: io.StringIO
) -> None:
    async with api.connect(offered) as socket:
        assert await closed(socket) == 4406
    assert "subprotocol" not in log.getvalue().lower()


async def test_silence_instead_of_an_init_closes_4408(sqlite_url: str) -> None:
    async with running(sqlite_url, patience=QUICK) as api, api.connect() as socket:
        assert await closed(socket) == 4408


async def test_pings_do_not_put_off_the_init(sqlite_url: str) -> None:
    async with running(sqlite_url, patience=QUICK) as api, api.connect() as socket:
        async with asyncio.timeout(5):
            while not socket.closed:
                await socket.send_json({"type": "ping"})
                await socket.receive()
        assert socket.close_code == 4408


async def test_an_id_in_use_closes_4409(api: Api) -> None:
    async with api.ready() as socket:
        await subscribe(socket, "subscription{forever}")
        await subscribe(socket, "{hello}")
        assert await closed(socket) == 4409


async def test_a_second_init_closes_4429(api: Api) -> None:
    async with api.ready() as socket:
        await socket.send_json({"type": "connection_init", "payload": api.bearer})
        assert await closed(socket) == 4429


BAD_FRAMES: list[Any] = [
    [],
    None,
    1,
    "text",
    {},
    {"type": None},
    {"type": []},
    {"type": "start", "id": "1"},
    {"type": "next", "id": "1"},
    {"type": "connection_ack"},
    {"type": "ping", "payload": "x"},
    {"type": "pong", "payload": 1},
    {"type": "connection_init", "payload": []},
    {"type": "connection_init", "payload": {"Authorization": 1}},
    {"type": "complete"},
    {"type": "complete", "id": 1},
    {"type": "subscribe", "id": "1"},
    {"type": "subscribe", "id": "", "payload": {"query": "{hello}"}},
    {"type": "subscribe", "id": 1, "payload": {"query": "{hello}"}},
    {"type": "subscribe", "id": "x" * 300, "payload": {"query": "{hello}"}},
    {"type": "subscribe", "payload": {"query": "{hello}"}},
    {"type": "subscribe", "id": "1", "payload": {"query": 1}},
    {"type": "subscribe", "id": "1", "payload": {"query": "{hello}", "variables": []}},
    {"type": "subscribe", "id": "1", "payload": []},
    {"type": "subscribe", "id": "1", "payload": {"query": "{a}", "operationName": 1}},
    {"type": "subscribe", "id": "1", "payload": {"query": "{a}", "extensions": "x"}},
]


@pytest.mark.parametrize("frame", BAD_FRAMES, ids=str)
async def test_what_is_no_message_closes_4400(api: Api, frame: object) -> None:
    async with api.ready() as socket:
        await socket.send_json(frame)
        assert await closed(socket) == 4400


async def test_text_that_is_not_json_and_bytes_close_4400(api: Api) -> None:
    async with api.ready() as socket:
        await socket.send_str("{")
        assert await closed(socket) == 4400
    async with api.ready() as socket:
        await socket.send_bytes(b"{}")
        assert await closed(socket) == 4400


async def test_a_message_over_its_cap_closes_1009(api: Api) -> None:
    async with api.ready() as socket:
        await socket.send_str("x" * (MESSAGE_MOST + 1))
        assert await closed(socket) == 1009


def malformed(chance: random.Random) -> bytes:
    """Return a frame that is wrong in some way."""
    good = {"type": "subscribe", "id": "1", "payload": {"query": "{hello}"}}
    wrong: list[Any] = [
        None,
        0,
        -1.5,
        True,
        [],
        {},
        "",
        "x" * 300,
        [[]],
        {"a": {}},
        CANARY,
    ]
    match chance.randrange(5):
        case 0:  # a part of a message
            text = orjson.dumps(good)
            return text[: chance.randrange(len(text))]
        case 1:  # noise
            letters = string.printable + "éß🔔\x00"
            return "".join(chance.choices(letters, k=chance.randrange(60))).encode()
        case 2:  # one member of another kind
            return orjson.dumps(
                {**good, chance.choice(list(good)): chance.choice(wrong)}
            )
        case 3:  # the payload of another kind
            names = ["query", "variables", "operationName", "extensions"]
            payload = {"query": "{hello}", chance.choice(names): chance.choice(wrong)}
            return orjson.dumps({**good, "payload": payload})
        case _:  # any JSON
            return orjson.dumps(chance.choice(wrong))


async def refusal_of(socket: ClientWebSocketResponse, frame: bytes) -> int | None:
    """Send a frame; return the code if that closes the socket."""
    await socket.send_str(frame.decode(errors="replace"))
    await socket.send_json({"type": "ping"})
    while (message := await socket.receive()).type is WSMsgType.TEXT:
        if orjson.loads(message.data)["type"] == "pong":
            return None
    return socket.close_code


async def test_no_malformed_frame_breaks_a_socket(api: Api, log: io.StringIO) -> None:
    """300 frames: each is an error of its operation, or closes 4400; never 1006."""
    chance = random.Random(20261124)  # noqa: S311 - a seed, no secret
    frames = [malformed(chance) for _ in range(300)]
    codes: list[int | None] = []
    while frames:
        async with api.ready() as socket:
            while frames and not socket.closed:
                codes.append(await refusal_of(socket, frames.pop()))
    assert codes.count(4400) > 200
    assert set(codes) <= {None, 4400}
    assert CANARY not in log.getvalue()
    assert '"level":"error"' not in log.getvalue()


async def test_too_many_operations_are_refused_and_the_others_go_on(api: Api) -> None:
    async with api.ready() as socket:
        for number in range(OPERATIONS_MOST):
            await subscribe(socket, "subscription{forever}", f"s{number}")
            assert (await receive(socket))["type"] == "next"
        await subscribe(socket, "{hello}", "more")
        [error] = await until_ended(socket, "more")
        assert codes(error) == ["LIMIT_EXCEEDED"]
        assert api.watch.open == OPERATIONS_MOST
        await socket.send_json({"id": "s0", "type": "complete"})
        await subscribe(socket, "{hello}", "more")
        await until_ended(socket, "more")
    await eventually(lambda: api.watch.open == 0)


def transport_of(socket: ClientWebSocketResponse) -> asyncio.Transport:
    """Return the client's end of the connection."""
    connection = socket._response.connection  # noqa: SLF001 - no public way
    assert connection is not None
    assert isinstance(connection.transport, asyncio.Transport)
    return connection.transport


async def test_a_cut_connection_frees_its_operations_at_once(
    api: Api, log: io.StringIO
) -> None:
    for _ in range(5):
        async with api.ready() as socket:
            await subscribe(socket, "subscription{forever}")
            await receive(socket)
            assert api.watch.open == 1
            transport_of(socket).abort()
            async with asyncio.timeout(1):
                await eventually(lambda: api.watch.open == 0)
    assert '"level":"error"' not in log.getvalue()


async def test_a_client_that_takes_nothing_is_closed_and_costs_little(
    sqlite_url: str, log: io.StringIO
) -> None:
    async with running(sqlite_url, patience=QUICK) as api, api.ready() as socket:
        transport_of(socket).pause_reading()
        for number in range(5):
            await subscribe(socket, "subscription{flood(size:100000)}", f"s{number}")
        await eventually(lambda: f'"code":{protocol.TOO_SLOW}' in log.getvalue())
        assert api.watch.open == 0
        # What the kernel buffers on loopback, and one message of each.
        assert api.watch.sent < 200
        assert api.runner is not None
        server = api.runner.server
        await eventually(lambda: server is not None and not server.connections)
        transport_of(socket).abort()


async def test_an_expired_token_closes_4403_within_seconds(sqlite_url: str) -> None:
    async with running(sqlite_url) as api:
        api.token = await api.new_token(system_clock() + 400)
        async with api.ready() as socket:
            await subscribe(socket, "subscription{forever}")
            assert (await receive(socket))["type"] == "next"
            assert await closed(socket) == 4403


async def test_a_revoked_token_closes_its_sockets_and_no_others(
    database_url: str,
) -> None:
    async with running(database_url) as api, api.ready() as other:
        api.token = await api.new_token()
        async with api.ready() as socket, api.ready() as second:
            await api.revoke(api.token)
            assert await closed(socket) == 4403
            assert await closed(second) == 4403
        await subscribe(other, "{hello}")
        assert len(await until_ended(other)) == 2


async def test_stopping_closes_every_socket_1001_within_a_second(
    sqlite_url: str,
) -> None:
    async with running(sqlite_url) as api, api.ready() as one, api.connect() as other:
        await subscribe(one, "subscription{forever}")
        await receive(one)
        assert api.runner is not None
        begun = asyncio.get_running_loop().time()
        ends = asyncio.gather(closed(one), closed(other))
        await api.runner.cleanup()
        assert list(await ends) == [1001, 1001]
        assert asyncio.get_running_loop().time() - begun < 1
        assert api.watch.open == 0


async def test_stopping_does_not_wait_for_a_client_that_does_not_answer(
    sqlite_url: str,
) -> None:
    async with running(sqlite_url) as api, api.ready() as socket:
        transport_of(socket).pause_reading()
        assert api.runner is not None
        begun = asyncio.get_running_loop().time()
        await api.runner.cleanup()
        assert asyncio.get_running_loop().time() - begun < PATIENCE.close * 2 + 1
        transport_of(socket).abort()


async def test_pages_of_other_origins_may_open_no_socket(api: Api) -> None:
    for origin in ("https://evil.example.com", "null", "http://127.0.0.1:1"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with api.connect(Origin=origin):
                pass
        assert refused.value.status == 403
    for origin in (APP, api.url):
        async with api.connect(Origin=origin) as socket:
            assert not socket.closed


async def test_a_broken_handshake_is_answered_in_json(api: Api) -> None:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", **api.bearer}
    answer = await api.request("GET", headers=headers)
    assert answer.status_code == 400
    assert "errors" in answer.json()


async def test_no_message_is_packed(api: Api) -> None:
    """Compression costs 90 KiB for each idle client and saves little."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"{api.url}/graphql", protocols=(protocol.SUBPROTOCOL,), compress=15
        ) as socket,
    ):
        assert not socket.compress


async def test_in_development_anybody_may_introspect(sqlite_url: str) -> None:
    async with running(sqlite_url, open_to_all=True) as api, api.connect() as socket:
        await socket.send_json({"type": "connection_init"})
        assert await receive(socket) == {"type": "connection_ack"}
        await subscribe(socket, "{__schema{queryType{name}}}")
        assert len(await until_ended(socket)) == 2


async def test_a_client_that_leaves_in_the_handshake_is_no_fault_of_ours(
    api: Api, log: io.StringIO
) -> None:
    """Its connection is gone before the answer can be written."""
    port = urlsplit(api.url).port
    for _ in range(50):
        with create_connection(("127.0.0.1", port)) as end:
            end.sendall(HANDSHAKE)
            # It ends with a reset.
            end.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        await asyncio.sleep(0)
    async with api.ready():
        assert "internal error" not in log.getvalue()
