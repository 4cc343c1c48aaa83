"""The commands `tocsin project …` and `tocsin token …`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from domain.channels import Plan
from domain.clock import system_clock
from domain.ids import BadIdError, decode, encode
from domain.scopes import Scope
from domain.timing import DAY, SECOND
from server import accounts
from server.terminal import configured, data_dir_option, say, turn

NAME_MOST: Final = 255


@click.group()
def project() -> None:
    """Make and list projects, the tenants that own everything else."""


@project.command(name="create")
@click.argument("name")
@click.option("--plan", type=click.Choice([plan.value for plan in Plan]))
@data_dir_option
def project_create(name: str, plan: str | None, data_dir: Path | None) -> None:
    """Make a project called NAME, if there is none, and print its id."""
    config = configured(data_dir=data_dir)
    chosen = Plan(plan) if plan else config.default_plan
    made = turn(config, accounts.ensure_project, checked(name), chosen, system_clock())
    say(encode("Project", made))


@project.command(name="list")
@data_dir_option
def project_list(data_dir: Path | None) -> None:
    """List all projects."""
    for row in turn(configured(data_dir=data_dir), accounts.projects):
        identity = encode("Project", row["id"])
        say(f"{identity}  {row['plan']:<4}  {moment(row['created_at'])}  {row['name']}")


@click.group()
def token() -> None:
    """Make, list and revoke the API tokens of projects."""


@token.command(name="create")
@click.option("--project", "project_name", required=True, help="Made if missing.")
@click.option(
    "--scopes",
    default="WRITE",
    show_default=True,
    help="With commas between: READ, WRITE (holds READ), ADMIN (holds all), INGEST.",
)
@click.option("--name", default="cli", show_default=True, help="To tell tokens apart.")
@click.option(
    "--expires-in-days",
    type=click.IntRange(1, 3650),
    help="By default it does not expire: a sender whose token expires by itself "
    "loses alerts.",
)
@click.option(
    "--user",
    "email",
    metavar="EMAIL",
    help="Bind it to this user of the project, who is then the one who acts; it ends "
    "with the user.",
)
@data_dir_option
def token_create(  # noqa: PLR0913, PLR0917 - its options
    project_name: str,
    scopes: str,
    name: str,
    expires_in_days: int | None,
    email: str | None,
    data_dir: Path | None,
) -> None:
    """Make a token and print it, alone, on standard output. It is shown once."""
    config, now = configured(data_dir=data_dir), system_clock()
    given = parsed_scopes(scopes)
    project_id = turn(
        config, accounts.ensure_project, checked(project_name), config.default_plan, now
    )
    expires_at = now + expires_in_days * DAY if expires_in_days else None
    what = (project_id, checked(name), given, expires_at, now, email)
    try:
        say(turn(config, accounts.add_token, *what))
    except accounts.NoSuchUserError:
        raise click.ClickException(
            "The project has no user with this e-mail address."
        ) from None


@token.command(name="list")
@click.option("--project", "project_name", help="Only those of this project.")
@data_dir_option
def token_list(project_name: str | None, data_dir: Path | None) -> None:
    """List tokens: id, first and last characters, scopes, state, project, name."""
    config = configured(data_dir=data_dir)
    try:
        rows = turn(config, accounts.tokens, project_name)
    except accounts.NoSuchProjectError:
        raise click.ClickException(
            "There is no project with this name; see `tocsin project list`."
        ) from None
    for row in rows:
        identity = encode("ApiToken", row["id"])
        named = f"{row['project']}: {row['name']}"
        say(f"{identity}  {row['hint']}  {row['scopes']}  {state(row)}  {named}")


@token.command(name="revoke")
@click.argument("token_id")
@data_dir_option
def token_revoke(token_id: str, data_dir: Path | None) -> None:
    """Revoke the token with this id (tok_…) at once."""
    try:
        noun, raw = decode(token_id)
    except BadIdError:
        noun, raw = "", None
    if noun != "ApiToken" or raw is None:
        raise click.UsageError(
            "TOKEN_ID is the id that `tocsin token list` shows (tok_…), not the token."
        )
    config = configured(data_dir=data_dir)
    if not turn(config, accounts.revoke_token, raw, system_clock()):
        raise click.ClickException("There is no token with this id.")
    say("Revoked.")


def parsed_scopes(text: str) -> list[Scope]:
    """Return the scopes of a list with commas; raise UsageError."""
    words = [word.strip().upper() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in Scope.__members__]
    if unknown or not words:
        known = ", ".join(Scope)
        raise click.BadParameter(f"must be of {known}.", param_hint="--scopes")
    return [Scope(word) for word in words]


def checked(name: str) -> str:
    """Return a name that can be stored and shown; raise UsageError."""
    if not name.strip() or not name.isprintable() or len(name) > NAME_MOST:
        raise click.UsageError(f"A name has 1 to {NAME_MOST} printable characters.")
    return name.strip()


def state(row: Any) -> str:  # noqa: ANN401 - a row of the store
    """Return what a token's time is like."""
    if row["revoked_at"] is not None:
        return f"revoked {moment(row['revoked_at'])}"
    if row["expires_at"] is None:
        return "does not expire"
    verb = "expired" if row["expires_at"] <= system_clock() else "expires"
    return f"{verb} {moment(row['expires_at'])}"


def moment(at: int) -> str:
    """Return a time for people, in UTC."""
    return datetime.fromtimestamp(at / SECOND, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
