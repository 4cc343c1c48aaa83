"""Migrations, on both databases: once, whole or not at all, and equal to the models."""

import asyncio
import fcntl
import re
import shutil
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from models.database_url import SqliteFile, parse_url
from models.migrate import statements, upgrade
from models.migration_files import FOLDER, files, read
from tests.databases import PostgresServer, create_database, drop_database
from tests.stored import add, opened

PROCESSES = 4
UPGRADE = """
import asyncio, sys
from models.migrate import upgrade
print(*asyncio.run(upgrade(sys.argv[1])))
"""


@pytest.fixture(params=["sqlite", "postgres"])
async def empty_url(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[str]:
    """Give an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite://{tmp_path}/empty.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = await create_database(server)
    yield server.url(name)
    await drop_database(server, name)


async def ask(url: str, sqlite: str, postgres: str) -> list[tuple[object, ...]]:
    """Run a statement that is written for each dialect."""
    database = parse_url(url)
    if isinstance(database, SqliteFile):
        connection = sqlite3.connect(database.path)
        rows = connection.execute(sqlite).fetchall()
        connection.commit()
        connection.close()
        return rows
    there = await asyncpg.connect(database.url)
    found = [tuple(row) for row in await there.fetch(postgres)]
    await there.close()
    return found


async def tables(url: str) -> set[str]:
    """Name the tables that are ours."""
    rows = await ask(
        url,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    )
    return {str(row[0]) for row in rows}


def history(target: Path, *more: tuple[str, str]) -> Path:
    """Copy the history and add files: (name, what it does on both)."""
    shutil.copytree(FOLDER, target)
    state = re.search(r"MODELS_STATE = \(.*\)", files()[-1].read_text(), re.DOTALL)
    assert state
    for name, script in more:
        both = {"sqlite": script, "postgres": script}
        text = f"UPGRADE = {both!r}\nDOWNGRADE = {both!r}\n{state[0]}\n"
        (target / name).write_text(text)
    return target


async def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    started = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", UPGRADE, empty_url),
            cwd=FOLDER.parents[1],
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(PROCESSES)
    ]
    said = [(await process.communicate())[0].decode().split() for process in started]
    assert {process.returncode for process in started} == {0}
    every = [file.name for file in files()]
    assert sorted(said) == sorted([every] + [[]] * (PROCESSES - 1))


async def test_a_second_upgrade_has_nothing_to_do(database_url: str) -> None:
    assert await upgrade(database_url) == []


async def test_a_bad_migration_leaves_nothing_behind(
    empty_url: str, tmp_path: Path
) -> None:
    good = "CREATE TABLE extra (id INT);\nINSERT INTO extra VALUES (1);\n"
    bad = "CREATE TABLE more (id INT);\nINSERT INTO nowhere VALUES (1);\n"
    folder = history(
        tmp_path / "history", ("8_20300101000000_a.py", good), ("9_2030_b.py", bad)
    )
    with pytest.raises((sqlite3.OperationalError, asyncpg.UndefinedTableError)):
        await upgrade(empty_url, folder)
    assert await tables(empty_url) == set()

    (folder / "9_2030_b.py").unlink()
    done = await upgrade(empty_url, folder)
    assert done == [file.name for file in files(folder)]
    assert "extra" in await tables(empty_url)
    assert await upgrade(empty_url, folder) == []


async def test_files_run_in_the_order_of_their_numbers(
    empty_url: str, tmp_path: Path
) -> None:
    steps = (
        ("10_20300101000000_c.py", "INSERT INTO extra VALUES (2);"),
        ("9_20300101000001_b.py", "CREATE TABLE extra (id INT);"),
    )
    await upgrade(empty_url, history(tmp_path / "history", *steps))
    rows = await ask(empty_url, *["SELECT id FROM extra"] * 2)
    assert rows == [(2,)]


async def test_a_migration_that_orphans_rows_is_refused_on_sqlite(
    sqlite_url: str, tmp_path: Path
) -> None:
    orphan = "INSERT INTO server VALUES (x'01', x'02', '', '', '', 1, 1, NULL);"
    folder = history(tmp_path / "history", ("9_20300101000000_a.py", orphan))
    with pytest.raises(sqlite3.IntegrityError, match="refer to rows that are gone"):
        await upgrade(sqlite_url, folder)
    assert await ask(sqlite_url, "SELECT * FROM server", "") == []


async def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(
    sqlite_url: str, tmp_path: Path
) -> None:
    fill = """
INSERT INTO project VALUES (x'01', 'one', 'PAID', NULL, 1, 1);
INSERT INTO server VALUES (x'02', x'01', 's', 'h', NULL, 1, 1, NULL);
"""
    rebuild = """
CREATE TABLE project_new (
    id BLOB NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, plan TEXT NOT NULL,
    sms_credits INT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL
);
INSERT INTO project_new
    SELECT id, name, plan, ifnull(sms_credits, 0), created_at, updated_at FROM project;
DROP TABLE project;
ALTER TABLE project_new RENAME TO project;
"""
    steps = (("8_20300101000000_a.py", fill), ("9_20300101000000_b.py", rebuild))
    await upgrade(sqlite_url, history(tmp_path / "history", *steps))
    joined = "SELECT s.name, p.sms_credits FROM server s JOIN project p ON p.id = s.project_id"
    assert await ask(sqlite_url, joined, "") == [("s", 0)]


async def test_going_back_removes_what_going_forward_made(empty_url: str) -> None:
    await upgrade(empty_url)
    for file in reversed(files()):
        step = read(file)
        for statement in statements(step.downgrade["sqlite"]):
            if empty_url.startswith("sqlite"):
                await ask(empty_url, statement, "")
        if not empty_url.startswith("sqlite"):
            there = await asyncpg.connect(empty_url)
            await there.execute(step.downgrade["postgres"])
            await there.close()
    assert await tables(empty_url) == {"aerich"}


async def test_a_migration_of_a_file_waits_for_one_that_runs(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    with Path(f"{file}.migrate.lock").open("w") as lock:  # noqa: ASYNC230
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = asyncio.ensure_future(upgrade(f"sqlite://{file}"))
        await asyncio.wait([waiting], timeout=0.2)
        assert not file.exists()
    assert await waiting == [it.name for it in files()]


def modes(folder: Path) -> set[int]:
    """Return the permissions of the files of a database."""
    found = [it for it in folder.glob("new.db*") if it.suffix != ".lock"]
    return {stat.S_IMODE(file.stat().st_mode) for file in found}


async def test_only_its_owner_may_read_a_new_sqlite_database(tmp_path: Path) -> None:
    await upgrade(f"sqlite://{tmp_path}/new.db")
    async with opened(f"sqlite://{tmp_path}/new.db") as store:
        await store.turn(add, "one")
        assert modes(tmp_path) == {0o600}


def test_a_script_is_split_where_statements_end() -> None:
    script = """
-- a comment; with a semicolon
CREATE TABLE a (b TEXT DEFAULT 'x;
y');
INSERT INTO a VALUES (';'); INSERT INTO a VALUES ('z')
;
"""
    there = sqlite3.connect(":memory:")
    for statement in statements(script.replace("; INSERT", ";\nINSERT")):
        there.execute(statement)
    assert there.execute("SELECT b FROM a").fetchall() == [(";",), ("z",)]
    there.close()
