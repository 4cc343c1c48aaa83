"""The whole server on PostgreSQL while that is restarted, refuses, or cuts sessions."""

import asyncio
import contextlib
import io
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from models.migrate import upgrade
from sandbox.webhook_sink import WebhookSink
from tests.captured_log import captured
from tests.databases import Cluster, create_database, postgres
from tests.in_process import SOON_S, Whole, until, whole_server

READ = "{servers{totalCount}}"
STORAGE = "STORAGE_UNAVAILABLE"
ALL_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()"""
DIE_IN_COMMIT = """
CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER die AFTER INSERT ON incident DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION die()"""


@pytest.fixture(scope="module")
def cluster(postgres_server: object) -> Iterator[Cluster]:
    """Run a server of our own, to be stopped and started."""
    with postgres(durable=True) as it:
        yield it


@pytest.fixture
async def url(cluster: Cluster) -> str:
    """Give a database whose owner is a common user, whom limits hold for."""
    name = await create_database(cluster)
    await execute(cluster.url(), f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
    await execute(cluster.url(), f"ALTER DATABASE {name} OWNER TO {name}")
    url = f"postgres://{name}:{name}@127.0.0.1:{cluster.port}/{name}"
    await upgrade(url)
    return url


@pytest.fixture(autouse=True)
def log() -> Iterator[io.StringIO]:
    """Check that nothing in a test was a fault of ours."""
    with captured() as log:
        yield log
    assert "internal error" not in log.getvalue()
    assert "result_not_written" not in log.getvalue()


@pytest.fixture
async def sink() -> AsyncIterator[WebhookSink]:
    async with WebhookSink() as sink:
        yield sink


@pytest.fixture
async def whole(url: str, tmp_path: Path, sink: WebhookSink) -> AsyncIterator[Whole]:
    async with whole_server(url, tmp_path) as whole:
        await whole.tell(sink.url("/one"), sink.url("/two"))
        yield whole


def name_of(url: str) -> str:
    """Return the name of a database and of its owner."""
    return url.rpartition("/")[2]


async def execute(url: str, statement: str) -> None:
    """Run a statement beside the server."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


class Reporters:
    """Report one after the other, each under a key of its own, until told to stop."""

    def __init__(self, whole: Whole) -> None:
        self.whole = whole
        self.accepted: list[str] = []
        self.refused = 0
        self.slowest = 0.0
        self._stopping = False

    async def run(self, name: str) -> None:
        number = 0
        while not self._stopping:
            number += 1
            await self._report(f"{name} {number}")
            await asyncio.sleep(0.005)

    async def _report(self, key: str) -> None:
        """Report until it is accepted, as a client does that has a key."""
        while True:
            began = time.monotonic()
            answer = await self.whole.report(key, dedupKey=key, idempotencyKey=key)
            self.slowest = max(self.slowest, time.monotonic() - began)
            said: dict[str, Any] = answer.json()
            if answer.status_code == 200:
                assert "errors" not in said, said
                assert said["data"]["reportIncident"]["errors"] == []
                self.accepted.append(key)
                return
            assert answer.status_code == 503, said
            assert answer.headers["Retry-After"]
            assert {it["extensions"]["code"] for it in said["errors"]} == {STORAGE}
            self.refused += 1
            await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def at_work(self, count: int = 3) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.run(f"r{n}")) for n in range(count)]
        try:
            await until(self._some(5))
            yield
            await until(self._some(10))
        finally:
            self._stopping = True
            await asyncio.gather(*tasks)

    def _some(self, more: int) -> Any:  # noqa: ANN401 - a condition
        wanted = len(self.accepted) + more

        async def reached() -> bool:
            return len(self.accepted) >= wanted

        return reached


async def all_is_well(
    whole: Whole, reporters: Reporters, events: "asyncio.Queue[dict[str, Any]]"
) -> None:
    """Check that nothing was lost, doubled or left out, in storage and in the stream."""
    await whole.settled()
    incidents, opened, deliveries = await whole.counts()
    assert incidents == opened == len(reporters.accepted)
    assert deliveries == 2 * incidents
    seen: dict[str, list[str]] = {}
    while not all(it[-1] == "DELIVERED" for it in seen.values()) or (
        len(seen) < deliveries
    ):
        said = await asyncio.wait_for(events.get(), SOON_S)
        assert "errors" not in said, said
        delivery = said["data"]["deliveryEvents"]["delivery"]
        seen.setdefault(delivery["id"], []).append(delivery["status"])
    assert len(seen) == deliveries
    assert all(it[0] == "PENDING" for it in seen.values())
    finals = Counter(status for it in seen.values() for status in it)
    assert finals["DELIVERED"] == deliveries


async def test_a_restart_of_the_database_is_survived(
    cluster: Cluster, whole: Whole
) -> None:
    """Shut down, and crashed: 503 while there is none, then all goes on by itself."""
    reporters = Reporters(whole)
    async with whole.following() as events:
        async with reporters.at_work():
            for mode in ("fast", "immediate"):
                await asyncio.to_thread(cluster.stop, mode)
                answer = await asyncio.wait_for(whole.report(), SOON_S)
                assert answer.status_code == 503
                assert (await whole.post(READ)).status_code == 503
                await asyncio.to_thread(cluster.start)
        await all_is_well(whole, reporters, events)
    assert reporters.refused
    assert reporters.slowest < SOON_S


async def test_a_commit_that_was_not_answered_is_not_said_to_have_failed(
    url: str, whole: Whole
) -> None:
    """The session ends in the COMMIT: then nobody knows, and with its key one may ask."""
    await execute(url, DIE_IN_COMMIT)
    given = {"dedupKey": "k", "idempotencyKey": "k"}
    answer = await whole.report(**given)
    assert answer.status_code == 503
    assert "may have been made or not" in answer.json()["errors"][0]["message"]
    await execute(url, "DROP TRIGGER die ON incident")
    assert (await whole.report(**given)).status_code == 200
    await whole.settled()
    assert (await whole.counts())[0] == 1


async def test_all_sessions_may_be_ended_again_and_again(
    url: str, whole: Whole
) -> None:
    """Those of turns and reads, of the bus and of the relay, in the middle of work."""
    reporters = Reporters(whole)
    async with whole.following() as events:
        async with reporters.at_work():
            for _ in range(6):
                await execute(url, ALL_SESSIONS)
                await asyncio.sleep(0.1)
        await all_is_well(whole, reporters, events)


async def test_a_database_that_takes_no_writes_is_survived(
    cluster: Cluster, url: str, whole: Whole, log: io.StringIO
) -> None:
    """As that of a standby: it can be read; when it takes writes again, so do we."""
    setting = f"ALTER DATABASE {name_of(url)} SET default_transaction_read_only"
    reporters = Reporters(whole)
    async with whole.following() as events:
        async with reporters.at_work():
            await execute(cluster.url(), f"{setting} = on")
            await execute(url, ALL_SESSIONS)
            refused = reporters.refused

            async def many_refused() -> bool:
                return reporters.refused > refused + 5

            await until(many_refused)
            assert (await whole.ask(READ))["totalCount"] == 1
            await execute(cluster.url(), f"{setting} = off")
            lost = log.getvalue().count('"relay_lost"')
            await execute(url, ALL_SESSIONS)
        await all_is_well(whole, reporters, events)
    assert lost < 10


async def test_too_many_connections_are_survived(
    cluster: Cluster, url: str, whole: Whole
) -> None:
    """There are three left for all of it: what gets none is refused, and that is all."""
    limit = f"ALTER ROLE {name_of(url)} CONNECTION LIMIT"
    reporters = Reporters(whole)
    async with whole.following() as events:
        async with reporters.at_work(8):
            await execute(cluster.url(), f"{limit} 3")
            with contextlib.suppress(asyncpg.TooManyConnectionsError):
                await execute(
                    f"{cluster.url().rpartition('/')[0]}/{name_of(url)}", ALL_SESSIONS
                )
            refused = reporters.refused

            async def some_refused() -> bool:
                return reporters.refused > refused

            await until(some_refused)
            await execute(cluster.url(), f"{limit} -1")
        await all_is_well(whole, reporters, events)


async def test_statements_that_take_too_long_are_refused(
    cluster: Cluster, url: str, whole: Whole
) -> None:
    """By the limit that the operator has set for the database."""
    setting = f"ALTER DATABASE {name_of(url)} SET statement_timeout"
    await execute(cluster.url(), f"{setting} = '100ms'")
    await execute(url, ALL_SESSIONS)
    holder = await asyncpg.connect(url)
    async with holder.transaction():
        await holder.execute("LOCK TABLE incident IN ACCESS EXCLUSIVE MODE")
        answers = await asyncio.gather(*(whole.report() for _ in range(4)))
        assert {it.status_code for it in answers} == {503}
    await holder.close()
    assert (await whole.report()).status_code == 200
    await whole.settled()
    assert (await whole.counts())[0] == 1
