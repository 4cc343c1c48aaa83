"""`tocsin backup`: one consistent file, beside a server that works, or none at all."""

import asyncio
import os
import resource
import stat
from pathlib import Path

import pytest

from models.store import Tx, open_store
from server import backup_archive
from server.backup import Wanted, back_up
from server.backup_archive import BackupError
from tests.databases import programs
from tests.deployment import Deployment, a_world, damage, reports, webhook
from tests.invariants import violations
from tests.stored import Gate, add


@pytest.fixture
def deployment(database_url: str, tmp_path: Path) -> Deployment:
    return Deployment(database_url, tmp_path / "var")


@pytest.fixture
def embedded(sqlite_url: str, tmp_path: Path) -> Deployment:
    return Deployment(sqlite_url, tmp_path / "var")


@pytest.fixture
def cluster(postgres_url: str, tmp_path: Path) -> Deployment:
    return Deployment(postgres_url, tmp_path / "var")


async def test_a_backup_under_load_is_of_one_moment(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that was accepted before is in it, nothing is there by half."""
    monkeypatch.setenv("PATH", deployment.environ["PATH"])
    store = await open_store(deployment.database_url)
    world = await a_world(store)
    for _ in range(3):
        await webhook(world, deployment.keys)
    accepted = [await world.report() for _ in range(50)]
    going = True

    async def report() -> None:
        while going:
            accepted.append(await world.report())

    load = [asyncio.create_task(report()) for _ in range(8)]
    await asyncio.sleep(0)
    before = set(accepted)
    archive = deployment.data_dir.parent / "b.tar"
    try:
        made = await back_up(deployment.config, Wanted(output=archive))
    finally:
        going = False
        await asyncio.gather(*load)
    await store.close()
    assert made.manifest.keys == {"k1": 3}
    await deployment.done("restore", str(archive), "--force")
    restored = await reports(deployment.database_url)
    assert before <= restored <= set(accepted)
    store = await open_store(deployment.database_url)
    assert await violations(store) == {}
    await store.close()


async def test_a_backup_waits_for_no_writer(deployment: Deployment) -> None:
    """A turn that is under way holds up nothing, and is not in it."""
    store = await open_store(deployment.database_url)
    gate = Gate()

    async def slow(tx: Tx) -> None:
        await add(tx, "under way")
        await gate.wait(tx)

    turn = asyncio.create_task(store.turn(slow))
    await gate.reached.wait()
    try:
        archive = await deployment.backup()
    finally:
        gate.open()
        await turn
        await store.close()
    await deployment.done("restore", str(archive), "--force")
    assert "under way" not in await deployment.done("project", "list")


async def test_a_backup_is_its_owners_alone_and_overwrites_nothing(
    deployment: Deployment,
) -> None:
    said = await deployment.done("backup")
    [file] = (deployment.data_dir / "backups").iterdir()
    assert str(file) in said
    assert file.name.startswith("tocsin-2")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    named = await deployment.backup()
    first = named.read_bytes()
    assert "--force" in await deployment.failed("backup", "--output", str(named))
    assert named.read_bytes() == first
    await deployment.backup(named.name, "--force")
    assert named.read_bytes() != first
    assert backup_archive.check(named).version
    assert sorted(it.name for it in named.parent.glob(".*")) == []


async def test_what_killed_backups_left_long_ago_is_removed(
    embedded: Deployment,
) -> None:
    """What is younger may be of one that runs."""
    folder = embedded.data_dir / "backups"
    old, young = (folder / f".tocsin-backup-{it}" for it in ("old", "young"))
    for left in (old, young):
        left.mkdir(parents=True)
        (left / "database.sqlite").touch()
    os.utime(old, (1, 1))
    await embedded.done("backup")
    assert sorted(folder.glob(".tocsin-*")) == [young]


def test_a_name_that_was_taken_meanwhile_is_kept(tmp_path: Path) -> None:
    draft, target = tmp_path / "draft", tmp_path / "backup.tar"
    draft.write_text("new")
    target.write_text("old")
    with pytest.raises(BackupError, match="already"):
        backup_archive.publish(draft, target, replace=False)
    assert target.read_text() == "old"
    backup_archive.publish(draft, target, replace=True)
    assert target.read_text() == "new"


async def test_keys_are_in_it_only_where_asked_for(deployment: Deployment) -> None:
    store = await open_store(deployment.database_url)
    await webhook(await a_world(store), deployment.keys)
    await store.close()
    key = deployment.keys.text().partition(":")[2].encode()
    said = await deployment.done("backup", "--output", str(deployment.data_dir / "a"))
    assert "not in it" in said
    assert "k1 (1)" in said
    assert key not in (deployment.data_dir / "a").read_bytes()
    options = ("--with-keys", "--output", str(deployment.data_dir / "b"))
    said = await deployment.done("backup", *options)
    assert "whoever has this file" in said
    assert key in (deployment.data_dir / "b").read_bytes()
    assert key.decode() not in said
    deployment.key_file.write_text("k2:" + "A" * 43 + "=")
    said = await deployment.done("backup")
    assert "Missing     the keys k1" in said
    deployment.key_file.unlink()
    assert "secret-keys" in await deployment.failed("backup", "--with-keys")


async def test_a_full_disk_leaves_no_half_file(deployment: Deployment) -> None:
    """The limit is the process's own: files may not grow beyond 64 KiB."""
    store = await open_store(deployment.database_url)
    world = await a_world(store)
    for _ in range(4):
        await webhook(world, deployment.keys)
    for _ in range(40):
        await world.report(message=os.urandom(2_000).hex())
    await store.close()
    target = deployment.data_dir.parent / "full.tar"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
    try:
        said = await deployment.failed("backup", "--output", str(target))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert said.startswith("Error: ")
    assert len(said.splitlines()) == 1
    assert not target.exists()
    assert list(target.parent.glob(".tocsin*")) == []


async def test_no_backup_is_made_of_what_is_not_there(tmp_path: Path) -> None:
    none = Deployment(f"sqlite://{tmp_path}/none.db", tmp_path / "var")
    assert "no database" in await none.failed("backup")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "none.db").touch()
    assert "no database" in await none.failed("backup")
    (tmp_path / "none.db").write_bytes(b"no database at all" * 500)
    assert "not a database" in await none.failed("backup")
    assert list((none.data_dir / "backups").iterdir()) == []


async def test_a_damaged_database_makes_no_backup(embedded: Deployment) -> None:
    damage(embedded.database_url)
    said = await embedded.failed("backup")
    assert "malformed" in said or "damaged" in said
    assert list((embedded.data_dir / "backups").iterdir()) == []


async def test_without_pg_dump_it_is_said_what_to_install(
    cluster: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match=r"of version 9[^0-9].*postgresql-client-"):
        await back_up(cluster.config, Wanted())
    assert list((cluster.data_dir / "backups").iterdir()) == []


async def test_the_password_is_no_argument_of_a_program(
    cluster: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in between writes down how it was called."""
    password = cluster.database_url.split(":")[2].partition("@")[0]
    for name in ("pg_dump", "pg_restore"):
        program = tmp_path / name
        program.write_text(
            f'#!/bin/sh\necho "$0 $*" >> {tmp_path}/calls\n'
            f'exec {programs() / name} "$@"\n'
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    await back_up(cluster.config, Wanted())
    calls = (tmp_path / "calls").read_text()
    assert "pg_dump --format=custom" in calls
    assert password not in calls
