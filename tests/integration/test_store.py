"""What a turn and a read promise, on both databases."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.faults import StorageUnavailableError
from domain.ids import new_id
from models.database_url import SqliteFile, parse_url
from models.store import (
    NestedTurnError,
    NotMigratedError,
    Store,
    TurnOverError,
    Tx,
    UniqueViolationError,
    WriteOutsideTurnError,
    marks,
    open_store,
)
from tests.databases import PostgresServer, create_database, drop_database
from tests.stored import PROJECT, Gate, add, names, opened

CANCELS = 600


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as it:
        yield it


async def test_a_turn_answers_once_it_is_committed(store: Store) -> None:
    project_id = await store.turn(add, "one")
    row = await store.fetchrow("SELECT * FROM project WHERE id = $1", project_id)
    assert row is not None
    assert (row["id"], row[1], row["sms_credits"]) == (project_id, "one", None)
    assert list(row.keys())[:2] == ["id", "name"]
    assert await store.fetchrow("SELECT * FROM project WHERE id = $1", new_id()) is None
    assert await store.fetchval("SELECT name FROM project WHERE plan = $1", "X") is None


async def test_an_error_undoes_the_turn_and_reaches_the_caller(store: Store) -> None:
    async def work(tx: Tx) -> None:
        await add(tx, "one")
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await store.turn(work)
    assert await names(store) == []


async def test_statements_tell_how_many_rows_they_wrote(store: Store) -> None:
    async def work(tx: Tx) -> list[int]:
        rows = [(new_id(), f"p{number}") for number in range(3)]
        await tx.executemany(PROJECT, rows)
        return [
            await tx.execute("UPDATE project SET plan = $1", "FREE"),
            await tx.execute("DELETE FROM project WHERE name IN ($1, $2)", "p1", "p2"),
            await tx.execute("DELETE FROM project WHERE name = $1", "none"),
            len(await tx.fetch("UPDATE project SET plan = $1 RETURNING id", "PAID")),
        ]

    assert await store.turn(work) == [3, 2, 0, 1]


async def test_a_second_row_with_a_unique_value_is_told_apart(store: Store) -> None:
    await store.turn(add, "canary-name")
    with pytest.raises(UniqueViolationError) as caught:
        await store.turn(add, "canary-name")
    assert "canary" not in str(caught.value)
    assert await names(store) == ["canary-name"]


async def test_after_a_failed_statement_a_turn_can_only_end(store: Store) -> None:
    await store.turn(add, "one")

    async def goes_on(tx: Tx) -> None:
        with pytest.raises(UniqueViolationError):
            await add(tx, "one")
        await add(tx, "two")

    async def passes_over(tx: Tx) -> None:
        await add(tx, "two")
        with pytest.raises(UniqueViolationError):
            await add(tx, "one")

    for work in (goes_on, passes_over):
        with pytest.raises(TurnOverError):
            await store.turn(work)
    assert await names(store) == ["one"]


async def test_a_turn_that_uses_the_store_is_refused(store: Store) -> None:
    async def reads(tx: Tx) -> None:
        await store.fetch("SELECT 1")

    async def writes(tx: Tx) -> None:
        await store.turn(add, "inner")

    for work in (reads, writes):
        with pytest.raises(NestedTurnError):
            await store.turn(work)
    assert await names(store) == []
    await store.turn(add, "after")


async def test_reads_cannot_write(store: Store) -> None:
    await store.turn(add, "one")
    statements = (
        "DELETE FROM project",
        "WITH x AS (SELECT 1) UPDATE project SET plan = 'FREE' RETURNING id",
    )
    for statement in statements:
        with pytest.raises(WriteOutsideTurnError):
            await store.fetch(statement)
    assert await store.fetchval("SELECT plan FROM project") == "PAID"


async def test_a_read_waits_for_no_turn_and_sees_only_what_is_committed(
    store: Store,
) -> None:
    gate = Gate()

    async def work(tx: Tx) -> None:
        await add(tx, "one")
        await gate.wait(tx)

    turn = asyncio.ensure_future(store.turn(work))
    await gate.reached.wait()
    assert await names(store) == []
    gate.open()
    await turn
    assert await names(store) == ["one"]


async def test_listeners_hear_of_commits_and_of_nothing_else(store: Store) -> None:
    told: list[frozenset[str]] = []

    def fails(topics: frozenset[str]) -> None:
        raise ValueError

    complaints: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, said: complaints.append(said["exception"]))
    store.on_commit(fails)
    store.on_commit(told.append)

    async def work(tx: Tx, *topics: str, error: Exception | None = None) -> None:
        for topic in topics:
            tx.note(topic)
        await add(tx, topics[0])

    try:
        await store.turn(work, "lanes", "tail", "lanes")
        with pytest.raises(UniqueViolationError):
            await store.turn(work, "lanes")
        await store.turn(add, "nothing noted")
        await store.turn(work, "log")
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(None)
    assert told == [frozenset({"lanes", "tail"}), frozenset({"log"})]
    assert [type(it) for it in complaints] == [ValueError, ValueError]


async def test_cancelled_turns_are_stored_whole_or_not_at_all(store: Store) -> None:
    chance = random.Random(7)  # noqa: S311 - the same cancels in each run

    async def work(tx: Tx, number: int) -> None:
        project_id = await add(tx, f"p{number}")
        await tx.execute(
            "INSERT INTO server (id, project_id, name, host, created_at, updated_at) "
            "VALUES ($1, $2, 'x', 'x', 1, 1)",
            *(new_id(), project_id),
        )

    async def impatient(number: int) -> bool:
        task = asyncio.create_task(store.turn(work, number))
        for _ in range(chance.randrange(40)):
            await asyncio.sleep(0)
        await asyncio.sleep(chance.choice((0, 0, 0.001, 0.003)))
        task.cancel()
        await asyncio.wait([task])
        return not task.cancelled() and task.exception() is None

    answered = 0
    for start in range(0, CANCELS, 20):
        done = await asyncio.gather(*(impatient(start + n) for n in range(20)))
        answered += sum(done)
    assert await asyncio.gather(*(store.turn(work, CANCELS + n) for n in range(30)))
    stored = await store.fetchval("SELECT count(*) FROM project")
    assert await store.fetchval("SELECT count(*) FROM server") == stored
    assert answered + 30 <= stored <= CANCELS + 30
    assert answered < CANCELS  # on a busy machine none may be answered in time


async def test_every_part_of_a_row_comes_back_as_it_went_in(store: Store) -> None:
    project_id, source_id = new_id(), new_id()
    columns = (
        "id, project_id, source_id, resource_type, resource_name, resource_url, "
        "dedup_hash, incident_type, message, severity, status, test, next_number, "
        "alert_count, started_at, created_at, updated_at"
    )
    given = (
        *(new_id(), project_id, source_id, "Server", "n", "u", b"\x00\xff", "DOWN"),
        *("grüße \u0001 🔔", "HIGH", "TRIGGERED", True, 1, 1, 1 << 52, 1, 1),
    )
    insert = f"INSERT INTO incident ({columns}) VALUES ({marks(len(given))})"  # noqa: S608

    async def work(tx: Tx) -> None:
        await tx.execute(insert, *given)

    await store.turn(work)
    row = await store.fetchrow(f"SELECT {columns} FROM incident")  # noqa: S608
    assert row is not None
    assert tuple(row) == given
    assert await store.fetch("SELECT id FROM incident WHERE NOT test") == []


def test_marks_count_from_where_they_are_told() -> None:
    assert marks(3) == "$1, $2, $3"
    assert marks(2, first=5) == "$5, $6"


async def test_a_closed_store_says_so(database_url: str) -> None:
    store = await open_store(database_url)
    await store.close()
    await store.close()
    with pytest.raises(StorageUnavailableError):
        await store.turn(add, "one")
    with pytest.raises(StorageUnavailableError):
        await store.fetch("SELECT 1")


async def test_what_was_asked_for_before_close_is_stored_or_refused(
    database_url: str,
) -> None:
    async with opened(database_url) as store:
        turns = [asyncio.ensure_future(store.turn(add, f"p{n}")) for n in range(30)]
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*turns, return_exceptions=True)
    refused = [it for it in answers if isinstance(it, BaseException)]
    assert {type(it) for it in refused} <= {StorageUnavailableError}, refused
    assert len(refused) < len(answers)
    async with opened(database_url) as store:
        assert len(await names(store)) == len(answers) - len(refused)


async def test_an_empty_sqlite_database_has_to_be_migrated(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    with pytest.raises(NotMigratedError, match="tocsin migrate"):
        await open_store(f"sqlite://{file}")
    assert not file.exists()
    file.touch()
    with pytest.raises(NotMigratedError):
        await open_store(f"sqlite://{file}")


async def test_an_empty_postgres_database_has_to_be_migrated(
    postgres_server: PostgresServer,
) -> None:
    name = await create_database(postgres_server)
    with pytest.raises(NotMigratedError, match="tocsin migrate"):
        await open_store(postgres_server.url(name))
    await drop_database(postgres_server, name)


async def test_a_database_that_lacks_a_migration_is_refused(database_url: str) -> None:
    async def forget(tx: Tx) -> None:
        await tx.execute("DELETE FROM aerich")

    async with opened(database_url) as store:
        await store.turn(forget)
    with pytest.raises(NotMigratedError):
        await open_store(database_url)


def test_the_address_of_a_sqlite_file_is_its_path(sqlite_url: str) -> None:
    database = parse_url(sqlite_url)
    assert isinstance(database, SqliteFile)
    assert database.path.is_absolute()
