"""What counts as the address of a database."""

from pathlib import Path

import pytest

from models.database_url import (
    BadDatabaseUrlError,
    PostgresServer,
    SqliteFile,
    parse_url,
)


def test_a_sqlite_address_is_a_path() -> None:
    assert parse_url("sqlite:///srv/tocsin.db") == SqliteFile(Path("/srv/tocsin.db"))
    assert parse_url("sqlite://var/tocsin.db") == SqliteFile(Path("var/tocsin.db"))


def test_both_schemes_of_postgresql_are_passed_on_unchanged() -> None:
    for url in ("postgres://u:canary@h:5/d?sslmode=require", "postgresql://h/d"):
        database = parse_url(url)
        assert database == PostgresServer(url)
        assert "canary" not in repr(database)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite",
        "sqlite://",
        "sqlite://:memory:",
        "sqlite:///a.db?mode=ro",
        "mysql://u:canary@h/d",
        "canary.db",
        "postgres:canary",
        "postgres://",
    ],
)
def test_other_texts_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(BadDatabaseUrlError) as caught:
        parse_url(url)
    assert "canary" not in str(caught.value)
