"""The server as a process: what it makes at its first start, keeps, and refuses."""

import asyncio
import signal
import socket
import stat
from pathlib import Path

import aiohttp
import httpx
import orjson
import pytest

from tests.server_process import TOKEN, listening, post, serving


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_the_first_start_makes_keys_project_and_token_and_keeps_them(
    tmp_path: Path,
) -> None:
    data = tmp_path / "var"
    async with listening(data) as server:
        token = (data / "first-token").read_text().strip()
        for name in ("secret-keys", "first-token", "tocsin.db"):
            assert mode(data / name) == 0o600
        assert mode(data) == 0o700
        assert f"{data}/secret-keys" in server.printed
        assert f"{data}/first-token" in server.printed
        assert not TOKEN.search(server.printed)
        answer = await post(server, "{viewer{project{name} scopes}}", token)
        assert answer.json()["data"]["viewer"]["project"] == {"name": "default"}
        assert "ADMIN" in answer.json()["data"]["viewer"]["scopes"]
        assert await server.stop() == 0
    keys = (data / "secret-keys").read_text()
    async with listening(data) as server:
        assert "tocsin token create" in server.printed
        assert "secret-keys" not in server.printed
        assert (data / "secret-keys").read_text() == keys
        assert (await post(server, "{viewer{project{name}}}", token)).status_code == 200
        assert await server.stop() == 0
    assert token not in server.printed + server.logged
    assert keys.strip() not in server.printed + server.logged


async def test_the_token_is_printed_where_that_is_asked_for(tmp_path: Path) -> None:
    async with listening(tmp_path, "--dev", "--print-token") as server:
        found = TOKEN.search(server.printed)
        assert found is not None
        assert not (tmp_path / "first-token").exists()
        answer = await post(server, "{viewer{project{name}}}", found[0])
        assert answer.status_code == 200


async def test_production_shows_nothing_without_a_credential(tmp_path: Path) -> None:
    introspection = "{__schema{queryType{name}}}"
    async with listening(tmp_path) as server:
        answer = await post(server, introspection)
        assert answer.status_code == 401
        assert "data" not in answer.json()
    async with listening(tmp_path, "--dev") as server:
        answer = await post(server, introspection)
        assert answer.json() == {"data": {"__schema": {"queryType": {"name": "Query"}}}}
        answer = await post(server, "{viewer{project{name}}}")
        assert answer.status_code == 401


async def test_the_log_is_lines_of_json_without_secrets(tmp_path: Path) -> None:
    async with listening(tmp_path, TOCSIN_LOG_LEVEL="DEBUG") as server:
        token = (tmp_path / "first-token").read_text().strip()
        await post(server, '{node(id: "c4n4ry"){id}}', token)
        assert await server.stop() == 0
    events = [orjson.loads(line) for line in server.logged.splitlines()]
    assert {"started", "request", "stopping"} <= {event["event"] for event in events}
    [started] = [event for event in events if event["event"] == "started"]
    assert started["env"] == "production"
    keys = (tmp_path / "secret-keys").read_text()
    for secret in (token, "c4n4ry", *keys.strip().split(":")[1:]):
        assert secret not in server.logged


async def test_production_on_postgresql_needs_keys(
    postgres_url: str, tmp_path: Path
) -> None:
    environ = {"TOCSIN_DATABASE_URL": postgres_url}
    async with serving(tmp_path, **environ) as server:
        assert await server.ended() == 1
    assert "TOCSIN_SECRET_KEYS" in server.logged
    assert not (tmp_path / "secret-keys").exists()


async def test_keys_that_are_none_are_refused_without_being_repeated(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, TOCSIN_SECRET_KEYS="k1:c4n4ry") as server:
        assert await server.ended() == 1
    assert "k1" in server.logged
    assert "c4n4ry" not in server.printed + server.logged


async def test_a_database_that_is_not_there_is_an_error_without_its_password(
    tmp_path: Path,
) -> None:
    url = "postgres://user:c4n4ry@127.0.0.1:1/db"
    async with serving(tmp_path, "--dev", TOCSIN_DATABASE_URL=url) as server:
        assert await server.ended() == 1
    assert server.logged.startswith("Error: ")
    assert "c4n4ry" not in server.printed + server.logged


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with serving(tmp_path, "--port", str(port)) as server:
            assert await server.ended() == 1
    assert f":{port}" in server.logged
    assert "--port" in server.logged
    assert "Traceback" not in server.logged


async def test_without_a_worker_the_api_is_served(tmp_path: Path) -> None:
    async with listening(tmp_path, "--no-worker") as server:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{server.url}/readyz")
        assert answer.json() == {"status": "ok"}
        assert await server.stop() == 0


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_time_and_closes_its_sockets(
    sig: signal.Signals, tmp_path: Path
) -> None:
    async with listening(tmp_path, "--dev", "--print-token") as server:
        found = TOKEN.search(server.printed)
        assert found is not None
        bearer = {"Authorization": f"Bearer {found[0]}"}
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(
                f"{server.url}/graphql", protocols=("graphql-transport-ws",)
            ) as ws,
        ):
            await ws.send_json({"type": "connection_init", "payload": bearer})
            await ws.receive_json()
            query = {"query": "subscription{deliveryEvents{cursor}}"}
            await ws.send_json({"id": "1", "type": "subscribe", "payload": query})
            begun = asyncio.get_running_loop().time()
            server.process.send_signal(sig)
            message = await ws.receive(timeout=5)
            assert message.type is aiohttp.WSMsgType.CLOSE
            assert message.data == 1001
            assert await server.ended() == 0
            assert asyncio.get_running_loop().time() - begun < 8
    assert "Traceback" not in server.logged
