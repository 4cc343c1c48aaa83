"""The whole server on SQLite while its disk is full or its file is locked."""

import asyncio
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from models.sqlite_store import BUSY_MS
from models.store import Store, Tx, open_store
from sandbox.script import Respond
from sandbox.webhook_sink import WebhookSink
from tests.in_process import SOON_S, Whole, until, whole_server
from tests.invariants import violations
from tests.server_process import ROOT

PLENTY = 1_000_000
READ = "{servers{totalCount}}"
HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print(flush=True)
sys.stdin.readline()
"""
BACK_UP = """
import sqlite3, sys
source, copy = (sqlite3.connect(it) for it in sys.argv[1:])
for _ in range(20):
    source.backup(copy, pages=5, sleep=0.002)
"""


@pytest.fixture
async def sink() -> AsyncIterator[WebhookSink]:
    async with WebhookSink() as sink:
        yield sink


@pytest.fixture
def file(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite://"))


@pytest.fixture
async def whole(
    sqlite_url: str, tmp_path: Path, sink: WebhookSink
) -> AsyncIterator[Whole]:
    async with whole_server(sqlite_url, tmp_path) as whole:
        await whole.tell(sink.url("/one"), sink.url("/two"))
        yield whole


async def limit(store: Store, pages: int | None = None) -> None:
    """Let the database have so many pages, by default those that it has."""

    async def work(tx: Tx) -> None:
        most = pages or await tx.fetchval("PRAGMA page_count")
        await tx.fetch(f"PRAGMA max_page_count = {most}")

    await store.turn(work)


async def fill(whole: Whole) -> None:
    """Report until there is no room for the smallest."""
    await limit(whole.store)
    for size in (5_000, 1_000, 100, 1):
        while (await whole.report("x" * size)).status_code == 200:
            pass


def is_unavailable(answer: httpx.Response) -> bool:
    [error] = answer.json()["errors"]
    return bool(
        answer.status_code == 503
        and int(answer.headers["Retry-After"]) >= 1
        and error["extensions"]["code"] == "STORAGE_UNAVAILABLE"
    )


@asynccontextmanager
async def another_process(
    program: str, *arguments: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a small program beside the server."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        *map(str, arguments),
        stdin=PIPE,
        stdout=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def locked(file: Path) -> AsyncIterator[None]:
    """Have another process hold the lock of all writers."""
    async with another_process(HOLD, file) as process:
        assert process.stdout
        await asyncio.wait_for(process.stdout.readline(), SOON_S)
        yield


async def test_a_full_disk_refuses_mutations_and_nothing_else(
    whole: Whole, sink: WebhookSink
) -> None:
    """Nothing is half done, reads and streams go on; results wait in memory. With room
    all goes on by itself, and what was sent meanwhile is not sent again.
    """
    async with whole.following() as events:
        await fill(whole)
        before = await whole.counts()
        answers = await asyncio.gather(*(whole.report("x" * 5_000) for _ in range(20)))
        assert all(is_unavailable(answer) for answer in answers)
        assert await whole.counts() == before
        assert await violations(whole.store) == {}
        assert (await whole.ask(READ))["totalCount"] == 1
        assert (await whole.post("{viewer{project{name}}}")).status_code == 200
        async with whole.following() as others:
            await limit(whole.store, PLENTY)
            assert (await whole.report()).status_code == 200
            await whole.settled()
            assert "errors" not in await asyncio.wait_for(others.get(), SOON_S)
    ended = Counter[str]()
    while not events.empty():
        delivery = events.get_nowait()["data"]["deliveryEvents"]["delivery"]
        ended[delivery["id"]] += delivery["status"] == "DELIVERED"
    deliveries = (await whole.counts())[2]
    assert len(ended) == deliveries
    assert set(ended.values()) == {1}
    seen = Counter(it.message_id for it in sink.ledger.entries)
    assert len(seen) == deliveries
    assert set(seen.values()) == {1}


async def test_what_ends_on_a_full_disk_is_written_once_there_is_room(
    whole: Whole, sink: WebhookSink
) -> None:
    """Trying to write it is no busy loop, and failures are kept like successes."""
    sink.script("/one", Respond(status=500, after=0.3), always=Respond(status=204))
    sink.script("/two", Respond(status=204, after=0.3))
    assert (await whole.report()).status_code == 200
    await fill(whole)
    sending = "SELECT count(*) FROM delivery WHERE status = 1"

    async def both_answered() -> bool:
        return len(sink.ledger.entries) >= 2

    await until(both_answered)
    await asyncio.sleep(0.6)
    first = {it.message_id for it in sink.ledger.entries}
    assert await whole.store.fetchval(sending) >= 2
    seen = len(sink.ledger.entries)
    await limit(whole.store, PLENTY)

    async def first_two_written() -> bool:
        rows = await whole.store.fetch("SELECT status, message_id FROM delivery")
        states = {row["status"] for row in rows if row["message_id"] in first}
        return 1 not in states

    await until(first_two_written)
    outcomes = await whole.store.fetch("SELECT outcome FROM attempt")
    assert 6 not in {row[0] for row in outcomes}  # none is UNKNOWN
    assert seen >= 2
    assert await violations(whole.store) == {}


async def test_another_process_that_writes_for_a_while_is_waited_for(
    whole: Whole, file: Path
) -> None:
    async with locked(file):
        report = asyncio.ensure_future(whole.report())
        await asyncio.sleep(0.3)
        assert not report.done()
        assert (await whole.ask(READ))["totalCount"] == 1
    assert (await report).status_code == 200
    await whole.settled()


async def test_another_process_that_keeps_the_file_locked_makes_mutations_fail(
    whole: Whole, file: Path
) -> None:
    """After the time that one waits; reads never wait, and it heals by itself."""
    # Its use is to be noted again, which is a write on the way of every read.
    await whole.store.turn(_forget_use)
    async with locked(file):
        began = time.monotonic()
        reports = [asyncio.ensure_future(whole.report()) for _ in range(5)]
        for _ in range(3):
            assert (await whole.ask(READ))["totalCount"] == 1
        assert time.monotonic() - began < BUSY_MS / 2_000
        answers = await asyncio.gather(*reports)
        assert all(is_unavailable(answer) for answer in answers)
        assert time.monotonic() - began < 3 * BUSY_MS / 1_000
        assert (await whole.counts())[0] == 0
    assert (await whole.report()).status_code == 200
    await whole.settled()


async def _forget_use(tx: Tx) -> None:
    await tx.execute("UPDATE api_token SET last_used_at = NULL")


async def test_commands_write_beside_the_server(whole: Whole, file: Path) -> None:
    """Reports, while a token is made by a command: both do all their work."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "token", "create"),
        *("--project", "other", "--data-dir", str(file.parent)),
        cwd=ROOT,
        stdout=DEVNULL,
    )
    command = asyncio.ensure_future(process.wait())
    reports = 0
    while not command.done():
        assert (await whole.report()).status_code == 200
        reports += 1
    assert await command == 0
    await whole.settled()
    assert (await whole.counts())[0] == reports
    projects = await whole.store.fetch("SELECT name FROM project ORDER BY name")
    assert [row[0] for row in projects] == ["default", "other"]


async def test_a_backup_beside_the_server_disturbs_nobody(
    whole: Whole, file: Path, tmp_path: Path
) -> None:
    """SQLite's own online copy: the server goes on, and the copy is whole."""
    copy = tmp_path / "copy.db"
    async with another_process(BACK_UP, file, copy) as process:
        ended = asyncio.ensure_future(process.wait())
        while not ended.done():
            assert (await whole.report()).status_code == 200
        assert await ended == 0
    await whole.settled()
    store = await open_store(f"sqlite://{copy}")
    assert await violations(store) == {}
    assert await store.fetchval("PRAGMA integrity_check") == "ok"
    await store.close()
