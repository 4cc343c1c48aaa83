"""A server process, started with any options and environment, and what it says.

For one that is to run through many operations see `tests/live_server.py`.
"""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent
ADDRESS = re.compile(r"http://\S+(?=/graphql)")
TOKEN = re.compile(r"toc_[0-9A-Za-z]{36}")
WITHIN_S = 30


class Server:
    """A process, and what it has printed and logged."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.printed = ""
        self.logged = ""
        self.url = ""

    async def address(self) -> str:
        """Wait until it listens."""
        assert self.process.stdout is not None
        async with asyncio.timeout(WITHIN_S):
            while line := await self.process.stdout.readline():
                self.printed += line.decode()
                if self.printed.count("\n") and "Token" in self.printed:
                    break
        found = ADDRESS.search(self.printed)
        assert found is not None, self.printed
        return found[0]

    async def ended(self) -> int:
        """Wait for the end of the process; return its exit code."""
        async with asyncio.timeout(WITHIN_S):
            printed, logged = await self.process.communicate()
        self.printed += printed.decode()
        self.logged += logged.decode()
        assert self.process.returncode is not None
        return self.process.returncode

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()


@asynccontextmanager
async def serving(
    data_dir: Path, *options: str, **environ: str
) -> AsyncIterator[Server]:
    """Start a server; it is gone afterwards."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "serve", "--data-dir", str(data_dir)),
        *options,
        cwd=ROOT,
        env={**clean, **environ},
        stdout=PIPE,
        stderr=PIPE,
    )
    server = Server(process)
    try:
        yield server
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@asynccontextmanager
async def listening(
    data_dir: Path, *options: str, **environ: str
) -> AsyncIterator[Server]:
    async with serving(data_dir, "--port", "0", *options, **environ) as server:
        server.url = await server.address()
        yield server


async def post(server: Server, query: str, token: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        return await client.post(
            f"{server.url}/graphql", json={"query": query}, headers=headers
        )
