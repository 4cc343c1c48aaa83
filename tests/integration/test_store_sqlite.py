"""The writer of the embedded database: groups, foreign awaits, outages."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.faults import StorageUnavailableError
from models.sqlite_faults import SqliteTooOldError, check_version
from models.sqlite_store import LOG_KEPT, SqliteStore
from models.sqlite_transaction import SqliteTx
from models.sqlite_writer import ForeignAwaitError
from models.store import Store, Tx, UniqueViolationError
from tests.stored import Gate, add, names, opened

PATIENCE_MS = 200


@pytest.fixture
def file(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite://"))


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[Store]:
    async with opened(sqlite_url) as it:
        yield it


async def test_turns_that_wait_are_committed_together_and_answered_apart(
    store: Store,
) -> None:
    told: list[frozenset[str]] = []
    store.on_commit(told.append)
    gate = Gate()

    async def work(tx: Tx, number: int) -> int:
        tx.note(f"topic {number}")
        await add(tx, "taken" if number % 3 == 1 else f"p{number}")
        if number % 3 == 2:
            raise ValueError(number)
        return number

    await store.turn(add, "taken")
    first = asyncio.ensure_future(store.turn(gate.wait))
    await gate.reached.wait()
    turns = [asyncio.ensure_future(store.turn(work, n)) for n in range(30)]
    await asyncio.sleep(0)
    gate.open()
    answers = await asyncio.gather(first, *turns, return_exceptions=True)

    kept = range(0, 30, 3)
    assert [it for it in answers[1:] if isinstance(it, int)] == list(kept)
    kinds = [type(it) for it in answers[1:]]
    assert kinds == [int, UniqueViolationError, ValueError] * 10
    assert sorted(await names(store)) == sorted(["taken", *(f"p{n}" for n in kept)])
    assert told == [frozenset(f"topic {n}" for n in kept)]


async def test_a_group_is_not_held_up_by_members_that_nobody_waits_for(
    store: Store,
) -> None:
    gate = Gate()
    first = asyncio.ensure_future(store.turn(gate.wait))
    await gate.reached.wait()
    turns = [asyncio.ensure_future(store.turn(add, f"p{n}")) for n in range(4)]
    await asyncio.sleep(0)
    turns[1].cancel()
    await asyncio.wait([turns[1]])
    gate.open()
    await asyncio.gather(first, turns[0], turns[2], turns[3])
    assert sorted(await names(store)) == ["p0", "p2", "p3"]


async def test_a_turn_that_awaits_something_else_is_refused(store: Store) -> None:
    there: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def foreign(tx: Tx) -> None:
        await add(tx, "one")
        await there

    async def sleeps(tx: Tx) -> None:
        await add(tx, "one")
        await asyncio.sleep(0.01)

    async def starts(tx: Tx) -> None:
        await add(tx, "one")
        never = asyncio.sleep(0)
        try:
            await asyncio.create_task(never)
        finally:
            never.close()

    with pytest.raises(ForeignAwaitError):
        await store.turn(foreign)
    for work in (sleeps, starts):
        with pytest.raises(RuntimeError, match="no running event loop"):
            await store.turn(work)
    assert await names(store) == []
    await store.turn(add, "after")


async def test_giving_way_inside_a_turn_changes_nothing(store: Store) -> None:
    async def work(tx: Tx) -> None:
        await asyncio.sleep(0)
        await add(tx, "one")
        await asyncio.gather(*(add(tx, f"p{n}") for n in range(3)))

    await store.turn(work)
    assert sorted(await names(store)) == ["one", "p0", "p1", "p2"]


async def test_a_full_disk_refuses_the_whole_group_and_heals(store: Store) -> None:
    told: list[frozenset[str]] = []
    store.on_commit(told.append)

    async def limit(tx: Tx, more: int) -> None:
        pages = await tx.fetchval("PRAGMA page_count")
        await tx.execute(f"PRAGMA max_page_count = {pages + more}")

    async def work(tx: Tx, number: int) -> None:
        tx.note("lanes")
        await add(tx, f"{number} {'x' * 3_000}")

    await store.turn(limit, 4)
    gate = Gate()
    first = asyncio.ensure_future(store.turn(gate.wait))
    await gate.reached.wait()
    small = asyncio.ensure_future(store.turn(add, "would have fitted"))
    turns = [asyncio.ensure_future(store.turn(work, n)) for n in range(39)]
    await asyncio.sleep(0)
    gate.open()
    answers = await asyncio.gather(small, *turns, return_exceptions=True)
    await first
    assert {type(it) for it in answers} == {StorageUnavailableError}
    assert "full" in str(answers[0])
    assert await names(store) == []
    assert told == []

    await store.turn(limit, 1_000)
    await store.turn(work, 1)
    assert len(await names(store)) == 1


async def test_another_process_that_writes_is_waited_for_but_not_for_ever(
    file: Path,
) -> None:
    store = await SqliteStore.open(file, busy_ms=PATIENCE_MS)
    other = sqlite3.connect(file, isolation_level=None)
    with contextlib.closing(other):
        other.execute("BEGIN IMMEDIATE")
        turn = asyncio.ensure_future(store.turn(add, "one"))
        await asyncio.sleep(PATIENCE_MS / 4_000)
        other.execute("COMMIT")
        await turn

        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailableError, match="locked"):
            await store.turn(add, "two")
        assert await names(store) == ["one"]
        other.execute("COMMIT")
    await store.turn(add, "two")
    assert await names(store) == ["one", "two"]
    await store.close()


async def test_a_lost_connection_of_the_writer_is_opened_again(store: Store) -> None:
    async def breaks(tx: SqliteTx) -> None:
        await add(tx, "one")
        tx._connection.close()  # noqa: SLF001 - nothing else closes it

    with pytest.raises(StorageUnavailableError):
        await store.turn(breaks)
    await store.turn(add, "two")
    assert await names(store) == ["two"]


async def test_the_writer_is_durable_and_checks_references(store: Store) -> None:
    async def settings(tx: Tx) -> list[object]:
        asked = ("journal_mode", "synchronous", "foreign_keys")
        return [await tx.fetchval(f"PRAGMA {name}") for name in asked]

    assert await store.turn(settings) == ["wal", 2, 1]

    async def orphan(tx: Tx) -> None:
        await tx.execute(
            "INSERT INTO server (id, project_id, name, host, created_at, updated_at) "
            "VALUES ($1, $1, 'x', 'x', 1, 1)",
            b"nobody",
        )

    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        await store.turn(orphan)


async def test_the_room_of_a_large_transaction_is_given_back(
    store: Store, file: Path
) -> None:
    async def work(tx: Tx) -> None:
        for number in range(12):
            await add(tx, f"{number}{'x' * (LOG_KEPT // 8)}")

    log = file.with_name(f"{file.name}-wal")
    await store.turn(work)
    assert size(log) > LOG_KEPT
    for number in range(2):
        await store.turn(add, f"small {number}")
    assert size(log) <= LOG_KEPT


def size(file: Path) -> int:
    return file.stat().st_size


async def test_a_wrong_statement_is_not_an_outage(store: Store) -> None:
    async def work(tx: Tx) -> None:
        await tx.fetch("SELECT 1 FROM nowhere")

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await store.turn(work)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await store.fetch("SELECT 1 FROM nowhere")


def test_a_sqlite_without_returning_is_refused() -> None:
    check_version((3, 35, 0))
    with pytest.raises(SqliteTooOldError, match=r"3\.34\.1 is too old"):
        check_version((3, 34, 1))
