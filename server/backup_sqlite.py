"""Copying an embedded database beside its server.

VACUUM INTO reads one snapshot and takes no lock that a writer waits for; the copy is
compact, and free of what was erased but still stood in unused pages.
"""

import asyncio
import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final

from models.sqlite_faults import check_version
from server.backup_archive import BackupError
from server.backup_facts import EPOCH, MIGRATIONS, Facts, NothingThereError
from server.backup_keys import SECRETS, in_use

BUSY_S: Final = 10.0
"""Seconds to wait for what needs the whole file, such as a recovery after a crash."""


async def copy(source: Path, target: Path) -> Facts:
    """Copy a database to a new file of its owner's, checked and down to the disk.

    Raise BackupError; the file is the caller's to remove.
    """
    return await asyncio.to_thread(_copy, source, target)


def _copy(source: Path, target: Path) -> Facts:
    check_version()
    if not source.exists() or not source.stat().st_size:
        raise NothingThereError
    os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with contextlib.closing(sqlite3.connect(source, timeout=BUSY_S)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise BackupError(f"The database cannot be copied: {error}.") from None
    facts = checked(target)
    handle = os.open(target, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
    return facts


def checked(path: Path) -> Facts:
    """Return what a copy says of itself; raise BackupError where it is not whole."""
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            faults = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            if faults != ["ok"]:
                raise BackupError(f"The database is damaged: {'; '.join(faults)}.")
            return facts(connection)
    except sqlite3.Error as error:
        raise BackupError(f"The database is damaged: {error}.") from None


def facts(connection: sqlite3.Connection) -> Facts:
    """Return what the manifest says of a database; raise NothingThereError."""
    known = "SELECT count(*) FROM sqlite_schema WHERE name IN ('aerich', 'log_epoch')"
    if connection.execute(known).fetchone() != (2,):
        raise NothingThereError
    return Facts(
        database="sqlite",
        engine=sqlite3.sqlite_version,
        migrations=tuple(row[0] for row in connection.execute(MIGRATIONS)),
        epoch=connection.execute(EPOCH).fetchone()[0],
        keys=in_use(row[0] for row in connection.execute(SECRETS)),
    )
