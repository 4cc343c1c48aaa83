"""Runs the real server as a process of its own, the way a user does."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import httpx

ROOT = Path(__file__).parent.parent
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/graphql")
TOKEN = re.compile(r"toc_[0-9A-Za-z]{30,}")
DEMO_TOKEN = re.compile(r"Demo token +toc_[0-9A-Za-z]{30,}")
START_SECONDS = 30
STOP_SECONDS = 20
GRAPHQL_WS = "graphql-transport-ws"


class LiveServer:
    """One data directory, and the server process that runs on it, if any."""

    def __init__(
        self,
        data_dir: Path,
        database_url: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare; nothing is started yet. Without a URL it is embedded SQLite.

        `settings` are more variables of the environment.
        """
        self.start_seconds: float = START_SECONDS
        self.data_dir = data_dir
        self.database_url = database_url
        self.settings = settings or {}
        self.process: Process | None = None
        self.output: list[str] = []
        self.url = ""
        self.token = ""

    async def start(self, *options: str, fresh_token: bool = True) -> None:
        """Start the server and wait for its address, and for a token if it makes one."""
        self.process = await self._spawn("serve", "--dev", "--port", "0", *options)
        self.url = await self._printed(ADDRESS)
        if fresh_token:
            self.token = await self._token()

    async def start_demo(self) -> None:
        """Start the server with the demo, and use the token of its project."""
        await self.start("--demo", fresh_token=False)
        self.token = (
            (await self._printed(DEMO_TOKEN)).removeprefix("Demo token").strip()
        )

    async def stop(self, sig: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal, and return the exit code when the process is gone."""
        assert self.process is not None
        process, self.process = self.process, None
        if process.returncode is None:
            # Not `send_signal`: it would reap a child that has just ended by itself,
            # and asyncio would never learn its exit code.
            with suppress(ProcessLookupError):
                os.kill(process.pid, sig)
        rest, _ = await asyncio.wait_for(process.communicate(), STOP_SECONDS)
        self.output += rest.decode().splitlines()
        assert process.returncode is not None
        return process.returncode

    async def execute(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        operation: str | None = None,
    ) -> dict[str, Any]:
        """Run one operation over HTTP and return `data`; fail on errors."""
        body = {"query": document, "variables": variables, "operationName": operation}
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(self.url, json=body, headers=headers, timeout=20)
        result: dict[str, Any] = answer.json()
        assert answer.status_code == 200, result
        assert "errors" not in result, result
        data: dict[str, Any] = result["data"]
        return data

    @asynccontextmanager
    async def subscribe(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Open a socket of its own; gives the payloads of its `next` messages."""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(self.url, protocols=(GRAPHQL_WS,)) as socket,
        ):
            credential = {"Authorization": f"Bearer {self.token}"}
            await socket.send_json({"type": "connection_init", "payload": credential})
            assert (await socket.receive_json())["type"] == "connection_ack"
            payload = {"query": document, "variables": variables}
            await socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
            yield _payloads(socket)

    async def _spawn(self, *arguments: str) -> Process:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **self.settings}
        if self.database_url is not None:
            environment["TOCSIN_DATABASE_URL"] = self.database_url
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "server",
            *arguments,
            "--data-dir",
            str(self.data_dir),
            cwd=ROOT,
            env=environment,
            stdout=PIPE,
            stderr=STDOUT,
        )

    async def _printed(self, pattern: re.Pattern[str]) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        async with asyncio.timeout(self.start_seconds):
            while line := await self.process.stdout.readline():
                self.output.append(line.decode().rstrip())
                if found := pattern.search(self.output[-1]):
                    return found[0]
        raise AssertionError("\n".join(self.output))

    async def _token(self) -> str:
        """Make a token with the command that the documentation names."""
        process = await self._spawn(
            "token", "create", "--project", "default", "--scopes", "ADMIN"
        )
        printed, _ = await asyncio.wait_for(process.communicate(), self.start_seconds)
        found = TOKEN.search(printed.decode())
        assert found is not None, printed.decode()
        return found[0]


async def _payloads(
    socket: aiohttp.ClientWebSocketResponse,
) -> AsyncIterator[dict[str, Any]]:
    async for message in socket:
        frame = message.json()
        match frame["type"]:
            case "next":
                yield frame["payload"]
            case "ping":
                await socket.send_json({"type": "pong"})
            case "pong":
                continue
            case _:
                raise AssertionError(frame)
