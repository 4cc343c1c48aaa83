"""Putting a restored database in the place of an embedded one.

Where there is a sound file, its content is replaced in one transaction of SQLite's
own: whoever has it open, a command for instance, sees the old content or the new, and
a write-ahead log never stands beside a file that it does not belong to. Renaming over
the file would allow both faults.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Self

from server import data_dir
from server.backup_archive import BackupError, sync_folder
from server.backup_sqlite import BUSY_S, checked
from server.config import Config

_BESIDE: Final = ("-wal", "-shm")
_PAGES: Final = 50
"""Pages copied at a time; all of them are one transaction."""


class SqlitePlace:
    """See `server.restore.Place`."""

    def __init__(
        self, config: Config, path: Path, scratch: Path, observe: Callable[[str], None]
    ) -> None:
        """Take the file that the configuration names, and where to stage."""
        self._config = config
        self._path = path
        self._staged = scratch / "staged.db"
        self._observe = observe
        self._held = contextlib.ExitStack()

    async def __aenter__(self) -> Self:
        """Keep servers away; raise BackupError where one is running."""
        try:
            self._held.enter_context(data_dir.locked(self._config))
        except data_dir.DataDirInUseError:
            message = f"A server is running on {self._path}: stop it first."
            raise BackupError(message) from None
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Let servers start again."""
        self._held.close()

    async def occupied(self) -> bool:
        """Tell whether there is a file with something in it."""
        return self._path.exists() and self._path.stat().st_size > 0

    async def stage(self, copy: Path) -> str:
        """Check the copy, and give it its name."""
        await asyncio.to_thread(checked, copy)
        await asyncio.to_thread(copy.rename, self._staged)
        return f"sqlite://{self._staged.absolute()}"

    async def put(self, stamp: str) -> str | None:
        """Put the staged database in its place."""
        return await asyncio.to_thread(self._put, stamp)

    def _put(self, stamp: str) -> str | None:
        _make_single(self._staged)
        aside = self._path.with_name(f"{self._path.name}.before-restore-{stamp}")
        if not self._path.exists() or not self._path.stat().st_size:
            self._path.unlink(missing_ok=True)
            self._give_way(aside)
            return None
        try:
            self._keep(aside)
            self._observe("kept_aside")
            self._replace()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise BackupError(
                    f"The database cannot be replaced: {error}."
                ) from None
            # It is no database any more: nobody can have it open.
            self._give_way(aside)
        return str(aside)

    def _keep(self, aside: Path) -> None:
        """Copy the present database to a file of its owner's."""
        draft = self._staged.with_name("aside.db")
        with _opened(self._path) as old, _opened(draft) as new:
            draft.chmod(0o600)
            new.execute("PRAGMA synchronous = FULL").close()
            old.backup(new, pages=_PAGES)
        draft.replace(aside)
        sync_folder(aside.parent)

    def _replace(self) -> None:
        """Replace the content of the present file, in one transaction."""
        with _opened(self._staged) as new, _opened(self._path) as old:
            old.execute("PRAGMA synchronous = FULL").close()

            def look(_status: int, _remaining: int, _total: int) -> None:
                self._observe("copying")

            new.backup(old, pages=_PAGES, progress=look)
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def _give_way(self, aside: Path) -> None:
        """Move away what stands there, and put the staged file in its place."""
        for suffix in ("", *_BESIDE):
            with contextlib.suppress(FileNotFoundError):
                old = self._path.with_name(self._path.name + suffix)
                old.rename(aside.with_name(aside.name + suffix))
        self._path.hardlink_to(self._staged)
        sync_folder(self._path.parent)


def _make_single(path: Path) -> None:
    """Have a database stand in one file, all of it on the disk."""
    with _opened(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").close()
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, timeout=BUSY_S)) as connection:
        yield connection
