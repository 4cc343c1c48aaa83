"""`tocsin restore`: what it refuses, what it keeps, and how the story goes on."""

import io
import json
import shutil
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from models.crypto import KeyRing
from models.migrate import upgrade
from models.migration_files import FOLDER, files
from models.store import open_store
from server import data_dir
from tests.command_line import done, failed
from tests.databases import PostgresServer, create_database
from tests.deployment import (
    SECRET,
    Deployment,
    a_world,
    damage,
    epoch,
    reports,
    secrets_of,
    webhook,
)
from tests.invariants import violations

NOISE = b"\x00\x01noise" * 4096
STRANGE = "k1:" + "A" * 43 + "="


@pytest.fixture
def deployment(database_url: str, tmp_path: Path) -> Deployment:
    return Deployment(database_url, tmp_path / "var")


@pytest.fixture
def embedded(sqlite_url: str, tmp_path: Path) -> Deployment:
    return Deployment(sqlite_url, tmp_path / "var")


async def filled(deployment: Deployment) -> None:
    """Store a signed webhook and three incidents, which it waits to be told of."""
    store = await open_store(deployment.database_url)
    world = await a_world(store)
    await webhook(world, deployment.keys)
    for _ in range(3):
        await world.report()
    await store.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def rewritten(archive: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """Make an archive of another with one member changed."""
    changed = archive.with_name("changed.tar")
    with tarfile.open(archive) as old, tarfile.open(changed, "w") as new:
        for entry in old.getmembers():
            source = old.extractfile(entry)
            assert source is not None
            content = source.read()
            content = change(content) if entry.name == name else content
            entry.size = len(content)
            new.addfile(entry, io.BytesIO(content))
    return changed


def manifest_with(archive: Path, **fields: Any) -> Path:  # noqa: ANN401
    def change(text: bytes) -> bytes:
        return json.dumps(json.loads(text) | fields).encode()

    return rewritten(archive, "manifest.json", change)


async def test_a_machine_is_lost_and_another_takes_over(
    deployment: Deployment,
    tmp_path: Path,
    postgres_server: PostgresServer,
) -> None:
    """Into an empty directory, or an empty database; with the keys in the backup."""
    await filled(deployment)
    token = await deployment.done("token", "create", "--project", "shop")
    archive = await deployment.backup("b.tar", "--with-keys")
    kept = await reports(deployment.database_url)
    if deployment.config.sqlite:
        url = f"sqlite://{tmp_path}/other/tocsin.db"
    else:
        url = postgres_server.url(await create_database(postgres_server))
    other = Deployment(url, tmp_path / "other")
    other.key_file.unlink()
    (other.data_dir / data_dir.TOKEN_FILE).write_text("toc_of_a_database_that_is_gone")
    said = await other.done("restore", str(archive))
    assert "Waiting     3 deliveries" in said
    assert "Kept aside" not in said
    assert await reports(url) == kept
    assert mode(other.key_file) == 0o600
    store = await open_store(url)
    assert await violations(store) == {}
    assert await secrets_of(store, KeyRing.parse(other.key_file.read_text())) == [
        SECRET
    ]
    await store.close()
    assert token.strip()[-4:] in await other.done("token", "list")
    assert not (other.data_dir / data_dir.TOKEN_FILE).exists()
    assert list(other.data_dir.glob("first-token.before-restore-*")) != []


async def test_a_database_that_is_there_is_kept(
    deployment: Deployment, postgres_server: PostgresServer
) -> None:
    await filled(deployment)
    archive = await deployment.backup()
    before, kept = (
        await epoch(deployment.database_url),
        await reports(deployment.database_url),
    )
    store = await open_store(deployment.database_url)
    await (await a_world(store)).report()
    await store.close()
    later = await reports(deployment.database_url)
    assert "--force" in await deployment.failed("restore", str(archive))
    assert await reports(deployment.database_url) == later
    assert await epoch(deployment.database_url) == before
    said = await deployment.done("restore", str(archive), "--force")
    assert await reports(deployment.database_url) == kept
    assert await epoch(deployment.database_url) != before
    [line] = [it for it in said.splitlines() if it.startswith("Kept aside")]
    name = line.split(":")[0].split()[-1]
    aside = (
        f"sqlite://{name}" if deployment.config.sqlite else postgres_server.url(name)
    )
    assert await reports(aside) == later
    assert await epoch(aside) == before
    if deployment.config.sqlite:
        assert mode(Path(name)) == 0o600


async def test_a_drill_pages_nobody(deployment: Deployment) -> None:
    await filled(deployment)
    archive = await deployment.backup()
    said = await deployment.done("restore", str(archive), "--force", "--cancel-waiting")
    assert "Cancelled   3 deliveries" in said
    store = await open_store(deployment.database_url)
    rows = await store.fetch("SELECT status, cancel_reason FROM delivery")
    assert [tuple(row) for row in rows] == [(6, "OPERATOR")] * 3
    assert await violations(store) == {}
    await store.close()


async def test_it_is_refused_while_somebody_works_with_the_database(
    deployment: Deployment,
) -> None:
    """On SQLite a server holds the lock; on PostgreSQL any session counts."""
    archive = await deployment.backup()
    if deployment.config.sqlite:
        with data_dir.locked(deployment.config):
            said = await deployment.failed("restore", str(archive), "--force")
        assert "A server is running" in said
    else:
        store = await open_store(deployment.database_url)
        said = await deployment.failed("restore", str(archive), "--force")
        await store.close()
        assert "is in use (tocsin " in said
    await deployment.done("restore", str(archive), "--force")


def truncated(archive: Path) -> Path:
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    return archive


def noise(archive: Path) -> Path:
    archive.write_bytes(NOISE)
    return archive


def member_of(archive: Path) -> str:
    with tarfile.open(archive) as tar:
        return next(it for it in tar.getnames() if it.startswith("database"))


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGES: dict[str, Callable[[Path], Path]] = {
    "cut off": truncated,
    "no archive": noise,
    "manifest is no JSON": lambda it: rewritten(it, "manifest.json", lambda _: b"{"),
    "manifest is a list": lambda it: rewritten(it, "manifest.json", lambda _: b"[]"),
    "manifest lacks fields": lambda it: rewritten(
        it, "manifest.json", lambda _: b'{"format": 1}'
    ),
    "member is missing": lambda it: manifest_with(it, files={}),
    "a byte flipped": lambda it: rewritten(it, member_of(it), flipped),
}


async def test_a_damaged_archive_changes_nothing(deployment: Deployment) -> None:
    whole = await deployment.backup("whole.tar", "--with-keys")
    before = await epoch(deployment.database_url)
    for name, spoil in DAMAGES.items():
        archive = spoil(Path(shutil.copy(whole, whole.with_name("copy.tar"))))
        said = await deployment.failed("restore", str(archive), "--force")
        assert "damaged" in said, name
    assert await epoch(deployment.database_url) == before
    assert list(deployment.folder.glob(".tocsin*")) == []


async def test_a_damaged_copy_with_right_checksums_is_found(
    embedded: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the archive says: SQLite itself looks at it, too."""
    archive = await embedded.backup()
    spoilt = rewritten(archive, "database.sqlite", lambda it: it[:8192] + bytes(65536))
    with tarfile.open(spoilt) as tar:
        source = tar.extractfile("database.sqlite")
        assert source is not None
        spoilt.with_name("member").write_bytes(source.read())
    from server.backup_archive import measured  # noqa: PLC0415

    member = measured(spoilt.with_name("member")).model_dump()
    shutil.move(spoilt, archive)
    spoilt = manifest_with(archive, files={"database.sqlite": member})
    assert "damaged" in await embedded.failed("restore", str(spoilt), "--force")


async def test_a_newer_backup_is_refused_and_says_so(deployment: Deployment) -> None:
    archive = await deployment.backup()
    newer = manifest_with(archive, migrations=["99_new.py"], version="9.9.9")
    said = await deployment.failed("restore", str(newer), "--force")
    assert "made by Tocsin 9.9.9, which is newer" in said
    newer = manifest_with(archive, format=2)
    assert "newer Tocsin" in await deployment.failed("restore", str(newer), "--force")
    other = "postgres" if deployment.config.sqlite else "sqlite"
    strange = manifest_with(archive, database=other)
    assert "restore it where" in await deployment.failed("restore", str(strange))


async def test_an_older_backup_is_migrated(
    deployment: Deployment, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    first, *later = files()
    folder = tmp_path / "migrations"
    folder.mkdir()
    shutil.copy(FOLDER / first.name, folder)
    if deployment.config.sqlite:
        url = f"sqlite://{tmp_path}/old.db"
    else:
        url = postgres_server.url(await create_database(postgres_server))
    await upgrade(url, folder)
    archive = await Deployment(url, tmp_path / "old").backup()
    said = await deployment.done("restore", str(archive), "--force")
    assert all(f"Migrated    {file.name}" in said for file in later)
    assert await reports(deployment.database_url) == set()


async def test_without_the_right_keys_nothing_is_restored(
    deployment: Deployment,
) -> None:
    """Each installation calls its first key k1: the id alone would not tell."""
    await filled(deployment)
    archive = await deployment.backup()
    before = await epoch(deployment.database_url)
    deployment.key_file.unlink()
    said = await deployment.failed("restore", str(archive), "--force")
    assert "the key k1, which is not in" in said
    assert not deployment.key_file.exists()
    deployment.key_file.write_text(STRANGE)
    said = await deployment.failed("restore", str(archive), "--force")
    assert "holds the key k1, but not the one of the backup" in said
    assert await epoch(deployment.database_url) == before
    said = await deployment.done("restore", str(archive), "--force", "--without-keys")
    assert "Keys        k1 not here" in said
    assert deployment.key_file.read_text() == STRANGE
    assert await epoch(deployment.database_url) != before


async def test_keys_that_are_brought_join_those_that_are_there(
    embedded: Deployment,
) -> None:
    await filled(embedded)
    archive = await embedded.backup("b.tar", "--with-keys")
    present = STRANGE.replace("k1", "k2")
    embedded.key_file.write_text(present)
    said = await embedded.done("restore", str(archive), "--force")
    assert "Keys        written to" in said
    assert embedded.key_file.read_text().strip() == f"{present},{embedded.keys.text()}"
    embedded.key_file.write_text(STRANGE)
    assert "k1" in await embedded.failed("restore", str(archive), "--force")
    assert embedded.key_file.read_text() == STRANGE


async def test_a_database_that_is_no_more_gives_way(embedded: Deployment) -> None:
    """One that SQLite cannot even open is moved aside, and what stood beside it."""
    await filled(embedded)
    archive, kept = await embedded.backup(), await reports(embedded.database_url)
    path = Path(embedded.database_url.removeprefix("sqlite://"))
    wal = path.with_name(f"{path.name}-wal")
    noise(path)
    noise(wal)
    await embedded.done("restore", str(archive), "--force")
    assert await reports(embedded.database_url) == kept
    [aside] = path.parent.glob("tocsin.db.before-restore-*Z")
    assert aside.read_bytes() == NOISE


async def test_a_damaged_database_is_replaced(embedded: Deployment) -> None:
    await filled(embedded)
    archive, kept = await embedded.backup(), await reports(embedded.database_url)
    damage(embedded.database_url)
    await embedded.done("restore", str(archive), "--force")
    assert await reports(embedded.database_url) == kept


async def test_a_role_that_may_not_create_databases_is_told_what_to_ask_for(
    postgres_url: str, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    whole = Deployment(postgres_url, tmp_path / "var")
    archive = await whole.backup()
    connection = await asyncpg.connect(postgres_server.url())
    await connection.execute("DROP ROLE IF EXISTS plain")
    await connection.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
    await connection.close()
    host = postgres_url.partition("@")[2]
    plain = Deployment(f"postgres://plain:plain@{host}", tmp_path / "var")
    said = await plain.failed("restore", str(archive), "--force")
    assert 'ALTER ROLE "plain" CREATEDB' in said


async def test_in_a_cluster_the_keys_are_those_of_the_environment(
    postgres_url: str, tmp_path: Path
) -> None:
    """The key file is not read there: a server would not read it either."""
    deployment = Deployment(postgres_url, tmp_path / "var")
    await filled(deployment)
    archive = await deployment.backup("b.tar", "--with-keys")
    command = ("restore", str(archive), "--force")
    environ = deployment.environ | {"TOCSIN_ENV": "production"}
    said = await failed(*command, **environ)
    assert "which is not in TOCSIN_SECRET_KEYS" in said
    assert "tar -xOf PATH secret-keys" in said
    strange = environ | {"TOCSIN_SECRET_KEYS": STRANGE}
    assert "not the one of the backup" in await failed(*command, **strange)
    right = environ | {"TOCSIN_SECRET_KEYS": deployment.keys.text()}
    assert "Restored" in await done(*command, **right)
