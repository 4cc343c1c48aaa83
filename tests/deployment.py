"""A deployment of the tests: a database with a data directory and its keys."""

import os
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from domain.clock import system_clock
from domain.ids import Id
from models.crypto import KeyRing
from models.database_url import SqliteFile, parse_url
from models.secret_storage import open_all, seal_all
from models.store import Store, open_store
from notifiers.webhook import CHANNEL
from server.config import Config
from tests.command_line import done, failed, run
from tests.databases import NoPostgresError, programs
from tests.world import World

SECRET = "whsec_" + "QUFB" * 10


@dataclass
class Deployment:
    """A database that is there, and commands run on it; keys are in the key file."""

    database_url: str
    data_dir: Path
    keys: KeyRing = field(default_factory=KeyRing.generate)

    def __post_init__(self) -> None:
        """Write the key file."""
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        self.key_file.touch(mode=0o600)
        self.key_file.write_text(self.keys.text())

    @property
    def key_file(self) -> Path:
        return self.data_dir / "secret-keys"

    @property
    def config(self) -> Config:
        return Config(
            env="development",
            data_dir=self.data_dir,
            database_url=self.database_url,
        )

    @property
    def environ(self) -> dict[str, str]:
        """What the commands get; the newest of PostgreSQL's programs come first."""
        try:
            path = f"{programs()}{os.pathsep}{os.environ['PATH']}"
        except NoPostgresError:
            path = os.environ["PATH"]
        return {
            "TOCSIN_ENV": "development",  # so that PostgreSQL takes the key file, too
            "TOCSIN_DATABASE_URL": self.database_url,
            "TOCSIN_DATA_DIR": str(self.data_dir),
            "PATH": path,
        }

    @property
    def folder(self) -> Path:
        """Where drafts are made."""
        database = parse_url(self.database_url)
        if isinstance(database, SqliteFile):
            return database.path.parent
        return self.data_dir

    def make_private(self) -> None:
        """Have the file of the database be its owner's alone, as a server makes it."""
        database = parse_url(self.database_url)
        if isinstance(database, SqliteFile):
            database.path.chmod(0o600)

    async def done(self, *arguments: str) -> str:
        return await done(*arguments, **self.environ)

    async def failed(self, *arguments: str) -> str:
        return await failed(*arguments, **self.environ)

    async def backup(self, name: str = "backup.tar", *options: str) -> Path:
        """Make a backup beside the data directory, with the command."""
        path = self.data_dir.parent / name
        await self.done("backup", "--output", str(path), *options)
        return path

    async def said(self, *arguments: str) -> tuple[int, str]:
        """Run a command; return its exit code and all that it prints."""
        result = await run(*arguments, **self.environ)
        return result.exit_code, result.output


async def webhook(world: World, keys: KeyRing, **columns: object) -> Id:
    """Store a signed webhook integration with its lane."""
    settings = {"webhook_url": "http://127.0.0.1:9/hook", "headers": []}
    made = await world.integration(
        CHANNEL.type_name, settings=orjson.dumps(settings).decode(), **columns
    )
    sealed = seal_all(keys, world.project, made, {"signing_secret": SECRET}, 1)
    await world.set(made, secrets=orjson.dumps(sealed).decode())
    return made


async def a_world(store: Store) -> World:
    """Make a world of real channels, now."""
    channels = {CHANNEL.type_name: CHANNEL}
    return await World(store, channels=channels, now=system_clock()).make()


async def secrets_of(store: Store, keys: KeyRing) -> list[str]:
    """Return all stored secrets, decrypted."""
    rows = await store.fetch("SELECT id, project_id, secrets FROM integration")
    return [
        plain
        for row in rows
        for plain in open_all(
            keys, row["project_id"], row["id"], orjson.loads(row["secrets"])
        ).values()
    ]


async def reports(database_url: str) -> set[bytes]:
    """Return the ids of all incidents of a database."""
    store = await open_store(database_url)
    try:
        return {row["id"] for row in await store.fetch("SELECT id FROM incident")}
    finally:
        await store.close()


async def epoch(database_url: str) -> str:
    """Return the epoch of a database's event log."""
    store = await open_store(database_url)
    try:
        return str(await store.fetchval("SELECT epoch FROM log_epoch"))
    finally:
        await store.close()


def damage(database_url: str) -> None:
    """Overwrite pages in the middle of a SQLite database."""
    database = parse_url(database_url)
    assert isinstance(database, SqliteFile)
    connection = sqlite3.connect(database.path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with database.path.open("r+b") as file:
        file.seek(8 * 4096)
        file.write(b"\xff" * 4096 * 4)
