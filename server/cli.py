"""The command `tocsin`. What it imports is what every start pays for: what only some
commands need is imported where they begin.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

import asyncpg
import click

from domain.faults import StorageUnavailableError
from models import migrate
from models.crypto import BadKeyRingError
from models.database_url import BadDatabaseUrlError
from models.sqlite_faults import SqliteTooOldError
from models.store import DatabaseTooNewError, NotMigratedError
from server.account_commands import project, token
from server.backup_command import backup
from server.config import ConfigError
from server.data_dir import DataDirError
from server.doctor_command import doctor
from server.restore_command import restore
from server.terminal import configured, data_dir_option, prepare, say
from server.trial_command import send_test

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

OURS: Final = (
    ConfigError,
    BadDatabaseUrlError,
    BadKeyRingError,
    NotMigratedError,
    DatabaseTooNewError,
    SqliteTooOldError,
    DataDirError,
    StorageUnavailableError,
)
"""Errors whose message is for the person at the keyboard."""


class Tocsin(click.Group):
    """Shows errors that a person can mend as one sentence, without a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except OURS as error:
            raise click.ClickException(str(error)) from None
        except asyncpg.PostgresError as error:
            said = f"PostgreSQL refused: {type(error).__name__}."
            raise click.ClickException(f"{said} See TOCSIN_DATABASE_URL.") from None
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            reason = error.strerror or type(error).__name__
            raise click.ClickException(f"{reason}{where}.") from None


@click.group(cls=Tocsin, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tocsin", message="%(prog)s %(version)s")
def main() -> None:
    """Tocsin: a GraphQL API server for alert integrations.

    Configured by the environment (TOCSIN_DATABASE_URL and others, see
    docs/configuration.md); options win over it.
    """


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address.")
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port; 0 takes a free one.",
)
@data_dir_option
@click.option("--no-worker", is_flag=True, help="Serve the API, deliver nothing.")
@click.option(
    "--dev",
    is_flag=True,
    help="Development: targets on loopback and private networks are allowed, "
    "introspection is open to all. Refuses to listen on other than loopback.",
)
@click.option(
    "--demo",
    is_flag=True,
    help="Fill the project `demo` and let things happen in it; only with --dev. "
    "Nothing of it leaves the machine.",
)
@click.option("--print-token", is_flag=True, help="Print the first token, if made.")
def serve(  # noqa: PLR0913, PLR0917 - the options of the command
    host: str,
    port: int,
    data_dir: Path | None,
    no_worker: bool,
    dev: bool,
    demo: bool,
    print_token: bool,
) -> None:
    """Serve the API and work deliveries; migrate the database first."""
    from server.serving import Listen, run  # noqa: PLC0415 - half a second

    config = configured(data_dir=data_dir, env="development" if dev else None)
    if config.development and host not in LOOPBACK:
        raise click.UsageError(
            f"Development mode listens on loopback only, not on {host}: it lets "
            "anybody read the schema and dial private networks. Leave --dev out, or "
            "the host."
        )
    if demo and not (config.development and not no_worker):
        raise click.UsageError("--demo needs --dev, and no --no-worker.")
    shows = print_token or sys.stdout.isatty()
    listen = Listen(host=host, port=port)
    serving = run(
        config,
        listen,
        works=not no_worker,
        say=say,
        shows_token=shows,
        shows_demo=demo,
    )
    asyncio.run(serving)


@main.command(name="migrate")
@data_dir_option
def migrate_command(data_dir: Path | None) -> None:
    """Bring the database up to date. `serve` does the same at its start."""
    config = configured(data_dir=data_dir)
    prepare(config)
    applied = asyncio.run(migrate.upgrade(config.database_url))
    for version in applied:
        say(f"applied {version}")
    say("The database is up to date.")


@main.command(name="print-schema")
@click.option("--check", is_flag=True, help="Compare with the committed file instead.")
def print_schema_command(check: bool) -> None:
    """Print the GraphQL schema as SDL."""
    from schema.build import SDL, print_schema  # noqa: PLC0415 - slow to import

    text = print_schema()
    if not check:
        click.echo(text, nl=False)
    elif not SDL.is_file() or SDL.read_text("utf-8") != text:
        raise click.ClickException(
            "schema/schema.graphql is not what the code says: run `make sdl`."
        )


main.add_command(project)
main.add_command(token)
main.add_command(backup)
main.add_command(restore)
main.add_command(doctor)
main.add_command(send_test)
