"""What SQLite's errors mean to the rest of the program."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

from domain.faults import StorageUnavailableError
from models.transaction import UniqueViolationError

OLDEST = (3, 35)
"""The first SQLite with RETURNING."""

_UNIQUE = {
    "SQLITE_CONSTRAINT_UNIQUE",
    "SQLITE_CONSTRAINT_PRIMARYKEY",
    "SQLITE_CONSTRAINT_ROWID",
}
_OURS = "SQLITE_ERROR"
"""A statement that is wrong."""


class SqliteTooOldError(Exception):
    """The SQLite below Python lacks what the statements use."""


def check_version(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Raise SqliteTooOldError for a SQLite that will not do."""
    if version < OLDEST:
        found, needed = (".".join(map(str, it)) for it in (version, OLDEST))
        message = f"SQLite {found} is too old: Tocsin needs {needed} or newer."
        raise SqliteTooOldError(message)


def is_outage(error: BaseException) -> bool:
    """Tell whether the database cannot work now: full, busy, unreadable."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorname", _OURS) != _OURS
    # SQLITE_CORRUPT and SQLITE_NOTADB have no class of their own.
    return type(error) is sqlite3.DatabaseError


def reraise(error: sqlite3.Error) -> NoReturn:
    """Raise what one of SQLite's errors means here, or itself."""
    if getattr(error, "sqlite_errorname", "") in _UNIQUE:
        raise UniqueViolationError(str(error)) from error
    if is_outage(error):
        raise StorageUnavailableError(str(error)) from error
    raise error


@contextlib.contextmanager
def opening(path: Path, busy_s: float) -> Iterator[None]:
    """Have a file that cannot be used named, with what is to be done, by a
    StorageUnavailableError. `busy_s` says how long other processes are waited for.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        if not is_outage(error):
            raise
        name = getattr(error, "sqlite_errorname", "")
        told = next((it for known, it in _TOLD if name.startswith(known)), str(error))
        words = f"{path} {told.format(busy_s=busy_s, path=path)}"
        raise StorageUnavailableError(words) from error


_RESTORE: Final = "Restore a backup, or name another file by TOCSIN_DATABASE_URL."
_TOLD: Final = (
    ("SQLITE_NOTADB", f"is not a database of SQLite. {_RESTORE}"),
    ("SQLITE_CORRUPT", f"is damaged. {_RESTORE}"),
    ("SQLITE_BUSY", "is kept by another process, for more than {busy_s:.0f} s."),
    ("SQLITE_FULL", "cannot grow: its disk is full."),
    ("SQLITE_READONLY", "may not be written: look at the rights of file and folder."),
    ("SQLITE_CANTOPEN", "cannot be opened: look at the rights of file and folder."),
)
