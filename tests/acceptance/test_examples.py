"""The example clients, run as their README says, against a live server."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.live_server import ROOT, LiveServer

TYPESCRIPT = ROOT / "examples" / "typescript"
NPM = (sys.executable, "-m", "server.graphiql.node")
INSTALLED = (TYPESCRIPT / "node_modules").is_dir()
EVENTS = 6

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def demo(sqlite_url: str, tmp_path: Path) -> AsyncIterator[LiveServer]:
    """A server in which things happen."""
    server = LiveServer(tmp_path / "data", sqlite_url)
    await server.start_demo()
    yield server
    await server.stop()


async def run(*command: str, at: Path = ROOT, token: str = "") -> str:
    environment = {**os.environ, "TOCSIN_TOKEN": token, "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=at, env=environment, stdout=PIPE, stderr=STDOUT
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said.decode()
    return said.decode()


def is_the_story(said: str) -> None:
    """What was printed names every integration and tells of deliveries."""
    assert "Operations dashboard" in said
    assert "Forgotten test hook" in said
    assert len(re.findall(r": (PENDING|DELIVERED|RETRYING|FAILED)", said)) == EVENTS


async def test_the_python_client_lists_and_follows(demo: LiveServer) -> None:
    client = (sys.executable, "examples/python/follow.py")
    is_the_story(await run(*client, demo.url, str(EVENTS), token=demo.token))


@pytest.mark.skipif(not INSTALLED, reason="npm ci was not run: make test does")
async def test_the_typescript_client_is_typed_without_any_and_follows(
    demo: LiveServer,
) -> None:
    await run(*NPM, "run", "generate", at=TYPESCRIPT)
    generated = [*(TYPESCRIPT / "src" / "generated").iterdir()]
    assert len(generated) == 3
    for file in generated:
        assert not re.search(r"\bany\b", file.read_text()), file.name
    await run(*NPM, "run", "check", at=TYPESCRIPT)
    client = (*NPM, "start", "--", demo.url, str(EVENTS))
    is_the_story(await run(*client, at=TYPESCRIPT, token=demo.token))
