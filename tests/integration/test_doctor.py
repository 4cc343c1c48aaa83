"""`tocsin doctor`: each fault of a deployment, provoked for real; a sound one is clean."""

import asyncio
import json
import re
import resource
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import orjson
import pytest
from aiohttp import web

from delivery.lease import close_session, open_session
from domain.clock import system_clock
from domain.ids import Id
from domain.timing import DAY, HOUR, MINUTE
from models.migrate import upgrade
from models.migration_files import FOLDER, files
from models.store import Tx, open_store
from server import data_dir
from server.doctor.examine import Asked, examine
from server.doctor.gather_database import postgres
from tests.databases import PostgresServer, create_database, free_port
from tests.deaf_proxy import deaf_proxy
from tests.deployment import SECRET, Deployment, a_world, damage, webhook
from tests.health import out_of_order
from tests.outbox import take
from tests.world import World


@pytest.fixture
async def deployment(database_url: str, tmp_path: Path) -> Deployment:
    return settled(Deployment(database_url, tmp_path / "var"))


@pytest.fixture
async def embedded(sqlite_url: str, tmp_path: Path) -> Deployment:
    return settled(Deployment(sqlite_url, tmp_path / "var"))


@pytest.fixture
async def cluster(postgres_url: str, tmp_path: Path) -> Deployment:
    return settled(Deployment(postgres_url, tmp_path / "var"))


def settled(deployment: Deployment) -> Deployment:
    deployment.make_private()
    return deployment


@pytest.fixture
async def world(deployment: Deployment) -> AsyncIterator[World]:
    store = await open_store(deployment.database_url)
    yield await a_world(store)
    await store.close()


async def faults(deployment: Deployment, **environ: str) -> dict[str, str]:
    """Return what is not in order, by check and level: what is said and its mend."""
    given = {
        "TOCSIN_ENV": "development",
        "TOCSIN_DATABASE_URL": deployment.database_url,
        "TOCSIN_DATA_DIR": str(deployment.data_dir),
    } | environ
    asked = Asked(url=f"http://127.0.0.1:{free_port()}")
    return out_of_order(await examine(asked, given))


async def test_a_sound_deployment_is_clean(deployment: Deployment) -> None:
    """Without a server; with one it is in tests/integration/test_restore_story.py."""
    assert await faults(deployment) == {}


async def test_durability_that_was_turned_off_is_a_problem(cluster: Deployment) -> None:
    """The server of the tests has it off in three ways."""
    code, said = await cluster.said("doctor")
    assert code == 1
    assert "fsync and full_page_writes off" in said
    assert "synchronous_commit is off" in said


async def test_the_command_tells_people_and_machines(embedded: Deployment) -> None:
    code, said = await embedded.said("doctor", "--url", "http://127.0.0.1:1")
    assert code == 0
    lines = said.splitlines()
    assert all(re.match(r"(ok|warning|problem) +\w", line) for line in lines)
    assert any(line.startswith("ok       migrations") for line in lines)
    code, said = await embedded.said("doctor", "--json", "--url", "http://127.0.0.1:1")
    told = json.loads(said)
    assert (code, told["healthy"]) == (0, True)
    assert len(told["checks"]) == len(lines)
    embedded.key_file.chmod(0o644)
    code, said = await embedded.said("doctor", "--json")
    assert (code, json.loads(said)["healthy"]) == (1, False)


async def test_no_secret_is_told(deployment: Deployment) -> None:
    store = await open_store(deployment.database_url)
    world = await a_world(store)
    made = await webhook(world, deployment.keys)
    await world.set(made, active=False, error="It is gone.")
    await store.close()
    secrets = [SECRET, *deployment.keys.text().split(":")[1:]]
    if not deployment.config.sqlite:
        secrets.append(deployment.database_url.split(":")[2].partition("@")[0])
    _, said = await deployment.said("doctor", "--json")
    deployment.key_file.write_text("k1:c4n4ry")
    _, more = await deployment.said("doctor")
    bad = dict(deployment.environ, TOCSIN_DATABASE_URL="postgres://u:c4n4ry@h:1/a@b")
    findings = await examine(Asked(), bad)
    for secret in (*secrets, "c4n4ry"):
        assert secret not in said + more + str(findings)
    assert "cannot be used" in more


async def test_a_configuration_that_cannot_be_read_is_told_whole(
    embedded: Deployment,
) -> None:
    said = await faults(embedded, TOCSIN_LOG_LEVEL="loud", TOCSIN_DEFAULT_PLAN="x")
    assert list(said) == ["configuration problem"]
    assert "TOCSIN_LOG_LEVEL" in said["configuration problem"]
    assert "TOCSIN_DEFAULT_PLAN" in said["configuration problem"]
    said = await faults(embedded, TOCSIN_LOGLEVEL="INFO")
    assert "Did you mean TOCSIN_LOG_LEVEL?" in said["configuration warning"]


async def test_a_file_of_authorities_without_any_is_a_problem(
    embedded: Deployment, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    said = await faults(embedded, TOCSIN_CA_FILE=str(file))
    assert list(said) == ["authorities problem"]


async def test_files_that_others_may_use_are_told(embedded: Deployment) -> None:
    embedded.key_file.chmod(0o640)
    embedded.data_dir.chmod(0o755)
    said = await faults(embedded)
    assert f"chmod 600 {embedded.key_file}" in said["files problem"]
    assert f"chmod 700 {embedded.data_dir}" in said["files warning"]


async def test_a_database_that_cannot_be_used_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(b"no database " * 999)
    file.chmod(0o600)
    for url in (f"sqlite://{file}", "postgres://u:c4n4ry@127.0.0.1:1/db"):
        said = await faults(Deployment(url, tmp_path / "var"))
        assert list(said) == ["database problem"]
        assert "c4n4ry" not in str(said)


async def test_a_damaged_database_is_a_problem(embedded: Deployment) -> None:
    damage(embedded.database_url)
    said = await faults(embedded)
    assert "restore the last good backup" in said["integrity problem"]


async def test_a_database_of_another_time_is_a_problem(
    deployment: Deployment, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    first = files()[0]
    (tmp_path / "migrations").mkdir()
    shutil.copy(FOLDER / first.name, tmp_path / "migrations")
    if deployment.config.sqlite:
        old = f"sqlite://{tmp_path}/old.db"
    else:
        old = postgres_server.url(await create_database(postgres_server))
    await upgrade(old, tmp_path / "migrations")
    said = await faults(Deployment(old, tmp_path / "var2"))
    assert list(said) == ["migrations problem"]
    assert "tocsin migrate" in said["migrations problem"]
    store = await open_store(deployment.database_url)
    world = World(store)
    await world.execute(
        "INSERT INTO aerich (version, app, content)"
        " SELECT '99_new.py', app, content FROM aerich LIMIT 1"
    )
    await store.close()
    said = await faults(deployment)
    assert "newer Tocsin (it has 99_new.py)" in said["migrations problem"]


async def test_keys_that_stored_secrets_need_are_missed(
    world: World, deployment: Deployment
) -> None:
    await webhook(world, deployment.keys)
    assert await faults(deployment) == {}
    right = deployment.key_file.read_text()
    strange = "A" * 43 + "="
    deployment.key_file.write_text(f"k2:{strange}")
    assert "need the key k1" in (await faults(deployment))["keys problem"]
    deployment.key_file.write_text(f"k1:{strange}")
    assert "do not open" in (await faults(deployment))["keys problem"]
    deployment.key_file.write_text(f"k2:{strange},{right}")
    assert await faults(deployment) == {}
    deployment.key_file.unlink()
    assert "Bring back the keys" in (await faults(deployment))["keys problem"]


async def test_work_that_nobody_does_is_told(
    world: World, deployment: Deployment
) -> None:
    world.now -= 10 * MINUTE
    await webhook(world, deployment.keys)
    await world.report()
    said = await faults(deployment)
    # On PostgreSQL its relay is missed as well.
    assert "nobody sends what is due" in said.pop("deliveries problem")
    assert list(said) == ([] if deployment.config.sqlite else ["event log problem"])


async def test_lanes_integrations_and_deliveries_that_failed_are_told(
    world: World, deployment: Deployment
) -> None:
    now = world.now
    held, gone = [
        await webhook(world, deployment.keys, name=it) for it in ("ops", "old")
    ]
    await world.report()
    await world.execute(
        "UPDATE lane SET failures = 4, failing_since = $2, closed_until = $3,"
        " next_due_at = $3 WHERE integration_id = $1",
        *(held, now - HOUR, now + HOUR),
    )
    failed = (
        "UPDATE delivery SET status = 2, error = 'refused' WHERE integration_id = $1"
    )
    await world.execute(failed, held)
    await world.execute(
        "UPDATE delivery SET status = 5, due_at = NULL WHERE integration_id = $1", gone
    )
    await world.set(gone, active=False, error="410")
    said = await faults(deployment)
    assert "ops is held back: 4 failures in a row" in said["lanes warning"]
    assert "(refused)" in said["lanes warning"]
    assert "disabled themselves: old" in said["integrations warning"]
    assert "1 deliveries failed" in said["integrations warning"]


async def test_what_a_dead_worker_left_is_told(
    world: World, deployment: Deployment
) -> None:
    await webhook(world, deployment.keys)
    await world.report()
    session = await world.store.turn(open_session)
    assert len(await take(world, session)) == 1
    assert "workers warning" not in await faults(deployment)
    await world.store.turn(close_session, session)
    assert "1 deliveries" in (await faults(deployment))["workers warning"]


async def test_a_log_that_is_not_kept_up_is_told(
    world: World, deployment: Deployment
) -> None:
    async def log(tx: Tx, at: int) -> None:
        columns = "project_id, kind, body, at"
        marks = f"$1, 'delivery', $2, {at}"
        if tx.dialect == "postgres":
            columns, marks = f"{columns}, position", f"{marks}, {1 + (at > now)}"
        await tx.execute(
            f"INSERT INTO event_log ({columns}) VALUES ({marks})",  # noqa: S608
            *(world.project, orjson.dumps({}).decode()),
        )

    now = system_clock()
    await world.store.turn(log, now - 9 * DAY)
    assert list(await faults(deployment)) == ["event log warning"]
    await world.store.turn(log, now + DAY)
    assert "set back" in (await faults(deployment))["clock warning"]


async def test_events_without_a_position_are_a_problem(cluster: Deployment) -> None:
    store = await open_store(cluster.database_url)
    world = await a_world(store)
    await webhook(world, cluster.keys)
    world.now -= 20_000
    await world.report()
    await store.close()
    assert list(await faults(cluster)) == ["event log warning"]


async def test_old_transactions_and_settings_are_told(cluster: Deployment) -> None:
    connection = await asyncpg.connect(cluster.database_url)
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    await connection.execute("SELECT set_config('application_name', 'report', false)")
    facts, _ = await postgres(cluster.database_url, system_clock, old=0)
    await connection.close()
    assert ("report", "idle in transaction") in [
        (it.name, it.state) for it in facts.old
    ]
    assert facts.heard
    assert abs(facts.ahead) < MINUTE
    name = cluster.database_url.rpartition("/")[2]
    connection = await asyncpg.connect(cluster.database_url)
    await connection.execute(
        f"ALTER DATABASE {name} SET default_transaction_read_only = on"
    )
    await connection.close()
    assert list(await faults(cluster)) == ["role problem"]


async def test_a_pooler_that_loses_notifications_is_found(cluster: Deployment) -> None:
    head, _, tail = cluster.database_url.rpartition(":")
    port, _, name = tail.partition("/")
    async with deaf_proxy(int(port)) as deaf:
        url = f"{head}:{deaf}/{name}?sslmode=disable"
        said = await faults(Deployment(url, cluster.data_dir, cluster.keys))
    assert "NOTIFY does not come through" in said["direct connection problem"]


async def test_a_server_of_another_version_is_told(embedded: Deployment) -> None:
    with data_dir.locked(embedded.config):
        said = await faults(embedded)
        assert "does not answer" in said["server warning"]
        (embedded.data_dir / data_dir.LOCK_FILE).write_text("1 0.0.1\n")
        said = await faults(embedded)
        assert "version 0.0.1 runs" in said["version warning"]
    assert await faults(embedded) == {}


async def test_servers_of_another_version_in_a_cluster_are_told(
    cluster: Deployment,
) -> None:
    connection = await asyncpg.connect(
        cluster.database_url, server_settings={"application_name": "tocsin 0.0.1"}
    )
    said = await faults(cluster)
    await connection.close()
    assert "version 0.0.1 runs" in said["version warning"]


async def test_what_answers_instead_of_the_server_is_told(embedded: Deployment) -> None:
    async def unready(_request: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Server": served["as"]})

    served = {"as": "nginx"}
    app = web.Application()
    app.router.add_get("/readyz", unready)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    asked = Asked(url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        given = embedded.environ | {"TOCSIN_ENV": "development"}
        assert (
            "Something else"
            in out_of_order(await examine(asked, given))["server warning"]
        )
        served["as"] = "tocsin"
        said = out_of_order(await examine(asked, given))
        assert "503" in said["server problem"]
    finally:
        await runner.cleanup()


async def test_what_speaks_no_http_is_something_else(embedded: Deployment) -> None:
    async def hang_up(_reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asked = Asked(url=f"http://127.0.0.1:{port}")
    try:
        said = out_of_order(await examine(asked, embedded.environ))
    finally:
        server.close()
    assert "Something else" in said["server warning"]


async def test_few_open_files_are_told(embedded: Deployment) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_000, hard))
    try:
        findings = await examine(Asked(), embedded.environ)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    [said] = [it for it in findings if it.check == "open files"]
    assert said.level == "problem"


async def test_far_ends_are_looked_up_where_asked(
    world: World, deployment: Deployment
) -> None:
    async def of(integration: Id, url: str) -> None:
        settings = orjson.dumps({"webhook_url": url, "headers": []}).decode()
        await world.set(integration, settings=settings)

    await of(await webhook(world, deployment.keys), "http://user:pw@localhost:9/x")
    given = deployment.environ | {"TOCSIN_ENV": "development"}
    findings = await examine(Asked(network=True), given)
    [said] = [it for it in findings if it.check == "names"]
    assert said.said == "1 far ends have addresses"
