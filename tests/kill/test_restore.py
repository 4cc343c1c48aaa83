"""SIGKILL in the middle of `tocsin restore`: the old database or the new one, whole."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from models.store import open_store
from tests.deployment import Deployment, a_world, epoch, reports, webhook
from tests.invariants import violations
from tests.server_process import ROOT

STAGES = {
    "sqlite": ["extracted", "staged", "settled", "keys", "kept_aside", "copying"],
    "postgres": ["created", "settled", "renaming"],
}
"""Before the one commit that puts the new database in its place."""


@asynccontextmanager
async def restoring(deployment: Deployment, archive: Path) -> AsyncIterator[Process]:
    """Run the program that restores in children that die."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.kill.restore_that_dies"),
        cwd=ROOT,
        env=os.environ | deployment.environ,
        stdin=PIPE,
        stdout=PIPE,
    )
    assert process.stdin is not None
    order = {
        "data_dir": str(deployment.data_dir),
        "database_url": deployment.database_url,
        "archive": str(archive),
    }
    process.stdin.write(json.dumps(order).encode() + b"\n")
    yield process
    process.stdin.close()
    await process.wait()


async def ends(process: Process, stage: str) -> int:
    """Have a child restore and die at a stage; return how it ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{stage}\n".encode())
    return int(await process.stdout.readline())


async def test_a_restore_that_is_killed_leaves_the_old_or_the_new(
    database_url: str, tmp_path: Path
) -> None:
    deployment = Deployment(database_url, tmp_path / "var")
    store = await open_store(database_url)
    world = await a_world(store)
    await webhook(world, deployment.keys)
    for _ in range(30):
        await world.report(message=os.urandom(500).hex())
    kept = await reports(database_url)
    archive = await deployment.backup()
    later = await world.report()
    await store.close()
    before = await epoch(database_url)
    async with restoring(deployment, archive) as process:
        for stage in STAGES[database_url.partition(":")[0]]:
            assert await ends(process, stage) == -signal.SIGKILL, stage
            assert await epoch(database_url) == before, stage
            assert await reports(database_url) == kept | {later}, stage
        assert await ends(process, "placed") == -signal.SIGKILL
        assert await epoch(database_url) != before
        assert await reports(database_url) == kept
        assert await ends(process, "") == 0
    assert list(deployment.folder.glob(".tocsin*")) == []
    store = await open_store(database_url)
    assert await violations(store) == {}
    await store.close()
