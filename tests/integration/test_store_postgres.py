"""The store on PostgreSQL: pools that lose nothing, deadlocks, outages."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from domain.faults import StorageUnavailableError
from domain.ids import Id, new_id
from models.postgres_connection import SETTINGS
from models.postgres_pool import ACQUIRE_S, BROKEN, Pool
from models.postgres_store import TURNS_AT_ONCE, PostgresStore
from models.store import Store, TurnOverError, Tx, open_store
from tests.databases import free_port
from tests.stored import Gate, add, names

CANCELS = 400


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    store = await open_store(postgres_url)
    assert isinstance(store, PostgresStore)
    yield store
    await store.close()


async def all_at_once(store: Store) -> None:
    """Have every connection for turns in use at one time."""
    everybody = asyncio.Barrier(TURNS_AT_ONCE)

    async def work(tx: Tx) -> None:
        await tx.fetchval("SELECT 1")
        await everybody.wait()

    async with asyncio.timeout(ACQUIRE_S / 2):
        await asyncio.gather(*(store.turn(work) for _ in range(TURNS_AT_ONCE)))


async def test_cancels_at_any_moment_lose_no_connection(store: PostgresStore) -> None:
    chance = random.Random(11)  # noqa: S311 - the same cancels in each run
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, said: complaints.append(said["message"]))

    async def work(tx: Tx) -> None:
        await tx.fetchval("SELECT pg_sleep(0.001)")

    async def impatient() -> None:
        task = asyncio.create_task(store.turn(work))
        for _ in range(chance.randrange(30)):
            await asyncio.sleep(0)
        await asyncio.sleep(chance.choice((0, 0, 0.0005, 0.001, 0.002)))
        task.cancel()
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)
        task.cancel()  # also while it cleans up
        await asyncio.wait([task])

    try:
        for _ in range(CANCELS // 40):
            await asyncio.gather(*(impatient() for _ in range(40)))
        await all_at_once(store)
        await all_at_once(store)
    finally:
        loop.set_exception_handler(None)
    # The driver says more where connecting was cut off, but nothing is left behind.
    assert not [it for it in complaints if "active transaction" in it]


async def test_a_connection_in_doubt_is_not_lent_again(postgres_url: str) -> None:
    pool = await Pool.open(postgres_url, 1, SETTINGS)

    async def session(error: Exception | None = None) -> int:
        with contextlib.suppress(*BROKEN):
            async with pool.borrowed() as connection:
                if error:
                    raise error
                pid: int = connection.get_server_pid()
                return pid
        return 0

    first = await session()
    assert await session() == first
    for error in (asyncpg.InternalClientError(), StorageUnavailableError()):
        await session(error)
        assert await session() != first
        first = await session()
    await pool.close()


async def test_one_waits_for_a_connection_but_not_for_ever(postgres_url: str) -> None:
    """All are in use: then it is an outage, until one comes back."""
    pool = await Pool.open(postgres_url, 2, SETTINGS, acquire_s=0.1)
    free = asyncio.Event()
    all_lent = asyncio.Barrier(3)

    async def keep() -> None:
        async with pool.borrowed():
            await all_lent.wait()
            await free.wait()

    async def ask() -> int:
        async with pool.borrowed() as connection:
            answer: int = await connection.fetchval("SELECT 1")
            return answer

    keepers = [asyncio.create_task(keep()) for _ in range(2)]
    await all_lent.wait()
    asked = await asyncio.gather(*(ask() for _ in range(30)), return_exceptions=True)
    assert {type(it) for it in asked} == {StorageUnavailableError}
    assert "in use" in str(asked[0])
    free.set()
    await asyncio.gather(*keepers)
    assert await asyncio.gather(*(ask() for _ in range(30))) == [1] * 30
    await pool.close()


async def test_reads_do_not_wait_for_turns_that_wait(store: PostgresStore) -> None:
    gates = [Gate() for _ in range(TURNS_AT_ONCE)]
    turns = [asyncio.ensure_future(store.turn(gate.wait)) for gate in gates]
    for gate in gates:
        await gate.reached.wait()
    waiting = asyncio.ensure_future(store.turn(add, "one"))
    async with asyncio.timeout(2):
        assert await names(store) == []
    assert not waiting.done()
    for gate in gates:
        gate.open()
    await asyncio.gather(waiting, *turns)
    assert await names(store) == ["one"]


async def test_the_loser_of_a_deadlock_runs_again(store: PostgresStore) -> None:
    ids = [await store.turn(add, name) for name in ("one", "two")]
    both = asyncio.Barrier(2)
    runs = 0
    told: list[frozenset[str]] = []
    store.on_commit(told.append)

    async def work(tx: Tx, first: Id, second: Id, topic: str) -> None:
        nonlocal runs
        runs += 1
        tx.note(f"{topic} in run {runs}" if runs > 2 else topic)
        update = "UPDATE project SET updated_at = updated_at + 1 WHERE id = $1"
        await tx.execute(update, first)
        if runs <= 2:
            await both.wait()
        await tx.execute(update, second)

    async with asyncio.timeout(10):
        await asyncio.gather(
            store.turn(work, *ids, "a"), store.turn(work, *reversed(ids), "b")
        )
    assert runs > 2
    rows = await store.fetch("SELECT updated_at FROM project")
    assert [row[0] for row in rows] == [3, 3]
    assert [len(topics) for topics in told] == [1, 1]
    assert any("in run" in topic for topics in told for topic in topics)


async def test_a_turn_that_loses_every_time_is_an_outage(store: PostgresStore) -> None:
    runs = 0

    async def work(tx: Tx) -> None:
        nonlocal runs
        runs += 1
        await add(tx, "one")
        await tx.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$")

    with pytest.raises(StorageUnavailableError):
        await store.turn(work)
    assert runs == 4
    assert await names(store) == []


async def test_an_error_that_was_passed_over_is_noticed_at_the_commit(
    store: PostgresStore,
) -> None:
    async def work(tx: Tx) -> None:
        await add(tx, "one")
        connection = tx._connection  # type: ignore[attr-defined]  # noqa: SLF001
        with pytest.raises(asyncpg.DivisionByZeroError):
            await connection.execute("SELECT 1 / 0")

    with pytest.raises(TurnOverError):
        await store.turn(work)
    assert await names(store) == []


async def test_lost_connections_are_an_outage_that_heals(store: PostgresStore) -> None:
    async def work(tx: Tx) -> None:
        await add(tx, "one")
        await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(StorageUnavailableError):
        await store.turn(work)
    with pytest.raises(StorageUnavailableError):
        await store.fetch("SELECT pg_terminate_backend(pg_backend_pid())")
    # Idle ones, as after a restart of the server.
    others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    connection = await store.connect()
    await connection.execute(others)
    await connection.close()
    # The first to use one of them may be the one to find out.
    for _ in range(TURNS_AT_ONCE):
        with contextlib.suppress(StorageUnavailableError):
            await store.turn(add, "two")
            break
    assert await names(store) == ["two"]
    await all_at_once(store)


async def test_a_server_that_is_not_there_is_an_outage() -> None:
    with pytest.raises(StorageUnavailableError):
        await open_store(f"postgres://nobody:canary@127.0.0.1:{free_port()}/none")


async def test_a_wrong_statement_is_not_an_outage(store: PostgresStore) -> None:
    async def work(tx: Tx) -> None:
        await tx.fetch("SELECT $1::int", 1, 2)

    with pytest.raises(asyncpg.InterfaceError):
        await store.turn(work)
    with pytest.raises(asyncpg.UndefinedTableError):
        await store.fetch("SELECT nothing FROM nowhere")


async def test_an_error_of_the_work_keeps_its_kind(store: PostgresStore) -> None:
    async def work(tx: Tx) -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        await store.turn(work)


async def test_ids_are_bytes_also_in_arrays_and_on_own_connections(
    store: PostgresStore,
) -> None:
    ids = [new_id(), new_id()]
    sql = "SELECT id FROM unnest($1::uuid[]) AS t(id)"
    assert [row["id"] for row in await store.fetch(sql, ids)] == ids
    connection = await store.connect()
    assert await connection.fetchval(
        "SELECT array_agg(x) FROM unnest($1::uuid[]) x", ids
    )
    assert await connection.fetchval("SELECT CAST($1 AS uuid)", ids[0]) == ids[0]
    await connection.close()


async def test_an_own_connection_can_listen(store: PostgresStore) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    connection = await store.connect()
    await connection.add_listener("tail", lambda *said: heard.put_nowait(said[-1]))

    async def work(tx: Tx) -> None:
        await tx.fetchval("SELECT pg_notify('tail', '7')")

    await store.turn(work)
    async with asyncio.timeout(5):
        assert await heard.get() == "7"
    await connection.close()


async def test_sessions_do_not_sleep_in_transactions(store: PostgresStore) -> None:
    async def settings(tx: Tx) -> list[str]:
        asked = ("idle_in_transaction_session_timeout", "lock_timeout")
        return [await tx.fetchval(f"SHOW {name}") for name in asked]

    assert await store.turn(settings) == ["30s", "10s"]
