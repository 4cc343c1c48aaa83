"""The address of a database, as the configuration gives it."""

from dataclasses import dataclass, field
from pathlib import Path

FORMS = "sqlite:///absolute/path, sqlite://relative/path or postgres://user@host/name"


class BadDatabaseUrlError(ValueError):
    """The text is not the address of a database; the message repeats no part of it."""


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A database in a file."""

    path: Path


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A database of a server; `url` may hold a password."""

    url: str = field(repr=False)


def parse_url(url: str) -> SqliteFile | PostgresServer:
    """Return which database an address means; raise BadDatabaseUrlError."""
    scheme, found, rest = url.partition("://")
    if found and rest and scheme in {"postgres", "postgresql"}:
        return PostgresServer(url)
    if not found or not rest or scheme != "sqlite":
        message = f"A database URL looks like {FORMS}."
        raise BadDatabaseUrlError(message)
    if ":memory:" in rest or "?" in rest:
        message = "A SQLite URL names a file, and nothing else."
        raise BadDatabaseUrlError(message)
    return SqliteFile(Path(rest))
