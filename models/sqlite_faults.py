"""What SQLite's errors mean to the rest of the program."""

import sqlite3
from typing import NoReturn

from domain.faults import StorageUnavailableError
from models.transaction import UniqueViolationError

OLDEST = (3, 35)
"""The first SQLite with RETURNING."""

_UNIQUE = {
    "SQLITE_CONSTRAINT_UNIQUE",
    "SQLITE_CONSTRAINT_PRIMARYKEY",
    "SQLITE_CONSTRAINT_ROWID",
}
# A statement that is wrong, or one that writes where only reading is allowed.
_OURS = {"SQLITE_ERROR", "SQLITE_READONLY"}


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
        return getattr(error, "sqlite_errorname", "SQLITE_ERROR") not in _OURS
    # SQLITE_CORRUPT and SQLITE_NOTADB have no class of their own.
    return type(error) is sqlite3.DatabaseError


def reraise(error: sqlite3.Error) -> NoReturn:
    """Raise what one of SQLite's errors means here, or itself."""
    if getattr(error, "sqlite_errorname", "") in _UNIQUE:
        raise UniqueViolationError(str(error)) from error
    if is_outage(error):
        raise StorageUnavailableError(str(error)) from error
    raise error
