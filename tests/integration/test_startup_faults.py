"""A start that cannot succeed says in one sentence what to mend, and harms nothing."""

import asyncio
import contextlib
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner

from domain.faults import StorageUnavailableError
from models.migrate import upgrade
from server.cli import main
from tests.server_process import Server, listening, post, serving

NEWER = (
    "INSERT INTO aerich (version, app, content) VALUES ('9_newer.py', 'models', '{}')"
)
GARBAGE = b"This is not a database. " * 100


def the_sentence(said: str) -> str:
    """Return what the last line says; there is no traceback and no second error."""
    lines = said.splitlines()
    assert "Traceback" not in said
    assert lines[-1].startswith("Error: "), said
    assert sum("Error" in line for line in lines) == 1
    return lines[-1]


async def refused(data_dir: Path, *options: str, **environ: str) -> str:
    """Start a server that must not come up; return why."""
    async with serving(data_dir, "--port", "0", *options, **environ) as server:
        assert await server.ended() == 1
    return the_sentence(server.logged)


async def command(*arguments: str, **environ: str) -> str:
    """Run a command that must fail; return why."""
    clean = {"TOCSIN_DATABASE_URL": None, "TOCSIN_DATA_DIR": None, **environ}
    runner = CliRunner(env=clean)
    result = await asyncio.to_thread(runner.invoke, main, arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    return the_sentence(result.stderr)


async def goes_on(server: Server, data_dir: Path) -> bool:
    """Tell whether a server still reads and writes."""
    token = (data_dir / "first-token").read_text().strip()
    query = "mutation{createServer(input:{name:%s,host:%s}){server{id}}}"
    answer = await post(server, query % ('"a"', '"b"'), token)
    return bool(answer.json()["data"]["createServer"]["server"]["id"])


def damage(file: Path) -> None:
    """Overwrite all but the header of a file."""
    content = file.read_bytes()
    file.write_bytes(content[:100] + b"\xff" * (len(content) - 100))


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that nobody may write."""
    tmp_path.chmod(0o500)
    yield tmp_path
    tmp_path.chmod(0o700)


async def test_a_second_server_is_refused_and_the_first_unharmed(
    tmp_path: Path,
) -> None:
    """Also one with a directory of its own, when the database is the same file."""
    data = tmp_path / "var"
    file = f"sqlite://{data}/tocsin.db"
    async with listening(data) as first:
        same, other = await asyncio.gather(
            refused(data), refused(tmp_path / "other", TOCSIN_DATABASE_URL=file)
        )
        for said in (same, other):
            assert str(data) in said
            assert "Stop it" in said
        assert await goes_on(first, data)
        # Killed, it leaves its lock file, and that is no obstacle.
        first.process.send_signal(signal.SIGKILL)
        await first.ended()
    assert (data / "server.lock").exists()
    async with listening(data) as third:
        assert await goes_on(third, data)


async def test_two_servers_may_share_a_postgresql(
    postgres_url: str, tmp_path: Path
) -> None:
    environ = {"TOCSIN_DATABASE_URL": postgres_url}
    async with (
        listening(tmp_path, "--dev", **environ) as first,
        listening(tmp_path, "--dev", **environ) as second,
    ):
        assert await goes_on(second, tmp_path)
        assert await goes_on(first, tmp_path)


async def test_a_data_directory_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    below, nowhere = file / "var", Path("/proc/tocsin")
    for data_dir, said in zip(
        (below, nowhere),
        await asyncio.gather(refused(below), refused(nowhere)),
        strict=True,
    ):
        assert str(data_dir) in said
        assert "--data-dir" in said


@pytest.mark.skipif(not os.geteuid(), reason="root may write everywhere")
async def test_a_data_directory_that_may_not_be_written_is_named(
    closed_folder: Path,
) -> None:
    assert str(closed_folder) in await refused(closed_folder)


async def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.db"
    file.write_bytes(GARBAGE)
    for said in (
        await refused(tmp_path),
        await command("migrate", "--data-dir", str(tmp_path)),
        await command("project", "list", "--data-dir", str(tmp_path)),
    ):
        assert f"{file} is not a database" in said
        assert "backup" in said
    assert file.read_bytes() == GARBAGE


async def test_a_damaged_database_is_named(sqlite_url: str) -> None:
    file = Path(sqlite_url.removeprefix("sqlite://"))
    damage(file)
    for arguments in (["migrate"], ["project", "list"]):
        said = await command(*arguments, TOCSIN_DATABASE_URL=sqlite_url)
        assert f"{file} is damaged" in said
        assert "backup" in said


async def test_a_database_of_a_newer_version_is_refused(
    sqlite_url: str, postgres_url: str, tmp_path: Path
) -> None:
    """Not only by commands: an older server would write what the newer cannot read."""
    file = Path(sqlite_url.removeprefix("sqlite://"))
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute(NEWER)
        database.commit()
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(NEWER)
    await connection.close()
    told = [await refused(tmp_path, TOCSIN_DATABASE_URL=sqlite_url)]
    for url in (sqlite_url, postgres_url):
        told += [
            await command("migrate", TOCSIN_DATABASE_URL=url),
            await command("project", "list", TOCSIN_DATABASE_URL=url),
        ]
    for said in told:
        assert "newer version" in said
        assert "9_newer.py" in said


async def test_a_database_that_another_process_keeps_is_named(sqlite_url: str) -> None:
    """Held for longer than a migration waits."""
    file = sqlite_url.removeprefix("sqlite://")
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailableError, match="another process") as caught:
            await upgrade(sqlite_url, busy_s=0.05)
        other.execute("ROLLBACK")
    assert file in str(caught.value)


async def test_a_folder_in_the_place_of_the_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "tocsin.db").mkdir()
    for arguments in (["migrate"], ["project", "list"]):
        said = await command(*arguments, "--data-dir", str(tmp_path))
        assert f"{tmp_path}/tocsin.db" in said


async def test_a_key_file_that_is_none_is_refused_without_being_repeated(
    tmp_path: Path,
) -> None:
    contents = (b"\xff\xfe\x00c4n4ry", b"c4n4ryc4n4ryc4n4ry", b"")
    for n, content in enumerate(contents):
        (tmp_path / str(n)).mkdir()
        (tmp_path / str(n) / "secret-keys").write_bytes(content)
    told = await asyncio.gather(*(refused(tmp_path / str(n)) for n in range(3)))
    for n, said in enumerate(told):
        assert str(tmp_path / str(n) / "secret-keys") in said
        assert "c4n4ry" not in said


async def test_an_address_with_a_wrong_port_is_refused_without_being_repeated() -> None:
    """As when a password holds a slash or a colon that should have been encoded."""
    url = "postgres://user:c4n4ry/rest@127.0.0.1:5432/db"
    said = await command("migrate", TOCSIN_DATABASE_URL=url)
    assert "percent-encode" in said
    assert "c4n4ry" not in said


async def test_a_server_that_refuses_us_is_told_without_the_password(
    postgres_url: str,
) -> None:
    user, rest = postgres_url.split("@")
    wrong = f"{user[: user.rindex(':')]}:c4n4ry@{rest}"
    nowhere = f"{postgres_url.rpartition('/')[0]}/nowhere"
    for url, why in ((wrong, "password"), (nowhere, "nowhere")):
        for arguments in (["migrate"], ["project", "list"]):
            said = await command(*arguments, TOCSIN_DATABASE_URL=url)
            assert why in said
            assert "c4n4ry" not in said
