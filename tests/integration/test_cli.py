"""The command `tocsin`, run as a person would, without a server."""

import re
from pathlib import Path

import pytest

from domain.clock import system_clock
from domain.ids import decode
from domain.timing import DAY
from models.store import open_store
from schema.build import SCHEMA, SDL, print_schema
from schema.context import RequestContext
from server.auth import Authenticator
from tests.command_line import done, failed, run
from tests.people import add_user
from tests.schema_client import Client, running_services

TOKEN = re.compile(r"toc_[0-9A-Za-z]{36}")
CANARY = "c4n4ry-passw0rd"


COMMANDS = [
    (),
    ("serve",),
    ("migrate",),
    ("project",),
    ("project", "create"),
    ("project", "list"),
    ("token",),
    ("token", "create"),
    ("token", "list"),
    ("token", "revoke"),
    ("print-schema",),
    ("backup",),
    ("restore",),
    ("doctor",),
    ("send-test",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
async def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    text = await done(*command, "--help")
    assert text.startswith(" ".join(["Usage: tocsin", *command]))
    assert await done(*command, "-h") == text


async def test_the_version_is_told() -> None:
    assert re.fullmatch(r"tocsin \d+\.\d+\.\d+\n", await done("--version"))


async def test_migrate_makes_the_database_and_may_be_repeated(tmp_path: Path) -> None:
    here = ("--data-dir", str(tmp_path / "new"))
    assert "applied " in await done("migrate", *here)
    assert await done("migrate", *here) == "The database is up to date.\n"


async def test_a_database_that_is_not_migrated_is_told_how(tmp_path: Path) -> None:
    for command in (["project", "list"], ["token", "create", "--project", "p"]):
        text = await failed(*command, "--data-dir", str(tmp_path))
        assert "run `tocsin migrate`" in text


async def test_projects_are_made_once_and_listed(database_url: str) -> None:
    environ = {"TOCSIN_DATABASE_URL": database_url, "TOCSIN_DEFAULT_PLAN": "FREE"}
    first = await done("project", "create", "shop", **environ)
    assert first.startswith("prj_")
    assert await done("project", "create", "shop", "--plan", "PAID", **environ) == first
    await done("project", "create", "bank", "--plan", "PAID", **environ)
    rows = [
        line.split() for line in (await done("project", "list", **environ)).splitlines()
    ]
    assert [(row[1], row[-1]) for row in rows] == [("FREE", "shop"), ("PAID", "bank")]
    assert rows[0][0] == first.strip()


async def test_a_token_is_printed_alone_and_opens_its_project(
    database_url: str,
) -> None:
    environ = {"TOCSIN_DATABASE_URL": database_url}
    make = ["token", "create", "--project", "shop"]
    given = ["--scopes", "read, INGEST", "--name", "ci", "--expires-in-days", "3"]
    text = await done(*make, *given, **environ)
    assert TOKEN.fullmatch(text.strip())
    store = await open_store(database_url)
    try:
        authenticator = Authenticator(store, system_clock)
        principal = await authenticator.principal(f"Bearer {text.strip()}")
    finally:
        await store.close()
    assert sorted(principal.scopes) == ["INGEST", "READ"]
    assert principal.expires_at is not None
    assert abs(principal.expires_at - system_clock() - 3 * DAY) < DAY / 24
    assert "shop" in await done("project", "list", **environ)


async def test_a_token_is_bound_to_a_user(database_url: str) -> None:
    """Who acts by it is the user, and it says so."""
    environ = {"TOCSIN_DATABASE_URL": database_url}
    project = (await done("project", "create", "shop", **environ)).strip()
    make = ("token", "create", "--project", "shop", "--user", "ANN@example.com")
    assert "no user" in await failed(*make, **environ)
    assert await done("token", "list", **environ) == ""
    async with running_services(database_url) as services:
        client = Client(services, decode(project)[1])
        user = await add_user(client, "ann@example.com")
        token = (await done(*make, **environ)).strip()
        authenticator = Authenticator(services.store, system_clock)
        principal = await authenticator.principal(f"Bearer {token}")
        assert principal.actor == user
        context = RequestContext.fresh(services, principal)
        text = "{ viewer { user { id name } } }"
        answer = await SCHEMA.execute(text, context_value=context)
        assert answer.data == {"viewer": {"user": {"id": user, "name": "Ann"}}}


async def test_tokens_are_listed_without_being_shown(database_url: str) -> None:
    environ = {"TOCSIN_DATABASE_URL": database_url}
    token = (await done("token", "create", "--project", "p", **environ)).strip()
    await done("token", "create", "--project", "q", **environ)
    listed = await done("token", "list", "--project", "p", **environ)
    assert token not in listed
    [line] = listed.splitlines()
    assert line.startswith("tok_")
    assert f"{token[:8]}…{token[-4:]}" in line
    assert len((await done("token", "list", **environ)).splitlines()) == 2
    assert "no project" in await failed("token", "list", "--project", "z", **environ)


async def test_a_token_is_revoked_by_its_id(database_url: str) -> None:
    environ = {"TOCSIN_DATABASE_URL": database_url}
    token = (await done("token", "create", "--project", "p", **environ)).strip()
    identity = (await done("token", "list", **environ)).split()[0]
    assert await done("token", "revoke", identity, **environ) == "Revoked.\n"
    assert "revoked" in await done("token", "list", **environ)
    await done("token", "revoke", identity, **environ)
    said = await failed("token", "revoke", token, **environ)
    assert "TOKEN_ID" in said
    assert token not in said
    unknown = f"tok_{'0' * 26}"
    assert "no token" in await failed("token", "revoke", unknown, **environ)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nonsense",), "No such command"),
        (("serve", "--port", "99999"), "--port"),
        (("serve", "--dev", "--host", "0.0.0.0"), "loopback"),  # noqa: S104
        (("token", "create"), "--project"),
        (("token", "create", "--project", "p", "--scopes", "FOO"), "READ, WRITE"),
        (("token", "create", "--project", "p", "--scopes", ","), "READ, WRITE"),
        (("token", "create", "--project", " "), "characters"),
        (("project", "create", "a\nb"), "characters"),
        (("project", "create", "x" * 256), "characters"),
    ],
)
async def test_wrong_arguments_are_named(
    arguments: tuple[str, ...], said: str, sqlite_url: str
) -> None:
    text = await failed(*arguments, TOCSIN_DATABASE_URL=sqlite_url)
    assert said in text


async def test_development_by_the_environment_listens_on_loopback_only() -> None:
    said = await failed("serve", "--host", "::", TOCSIN_ENV="development")
    assert "loopback" in said


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://user:{CANARY}@host/db",
        f"postgres://user:{CANARY}@127.0.0.1:1/db",
        f"postgres://user:{CANARY}@host:port/db",
    ],
)
@pytest.mark.parametrize(
    "command", [("migrate",), ("project", "list"), ("token", "list")], ids=" ".join
)
async def test_a_database_that_cannot_be_used_is_an_error_without_its_password(
    command: tuple[str, ...], url: str, tmp_path: Path
) -> None:
    result = await run(*command, TOCSIN_DATABASE_URL=url, TOCSIN_DATA_DIR=str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1
    assert CANARY not in result.output


async def test_all_faults_of_the_environment_are_told(tmp_path: Path) -> None:
    said = await failed(
        "migrate",
        TOCSIN_ENV="x",
        TOCSIN_LOG_LEVEL="y",
        TOCSIN_DATABASE_URL_FILE=str(tmp_path / "none"),
    )
    for name in ("TOCSIN_ENV", "TOCSIN_LOG_LEVEL", "TOCSIN_DATABASE_URL_FILE"):
        assert name in said


async def test_a_variable_that_nothing_reads_is_a_warning(sqlite_url: str) -> None:
    environ = {"TOCSIN_DATABASE_URL": sqlite_url, "TOCSIN_LOGLEVEL": "x"}
    result = await run("project", "list", **environ)
    assert result.exit_code == 0
    assert "TOCSIN_LOGLEVEL" in result.stderr
    assert "TOCSIN_LOG_LEVEL" in result.stderr


async def test_the_schema_is_printed_and_compared_with_the_committed_one() -> None:
    text = print_schema()
    assert await done("print-schema") == text
    result = await run("print-schema", "--check")
    assert (result.exit_code == 0) == (SDL.read_text("utf-8") == text)
    assert ("make sdl" in result.stderr) == (result.exit_code != 0)
