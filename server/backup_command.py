"""The command `tocsin backup`."""

import asyncio
from pathlib import Path

import click

from server.terminal import configured, data_dir_option, say


@click.command()
@data_dir_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="A new file, or a folder.  [default: backups/ in the data directory]",
)
@click.option(
    "--with-keys",
    is_flag=True,
    help="Put the secret keys in, too: whoever has the file can then read all secrets.",
)
@click.option("--force", is_flag=True, help="Replace a file of that name.")
def backup(
    data_dir: Path | None, output: Path | None, with_keys: bool, force: bool
) -> None:
    """Copy the database into one file, also while the server runs.

    The secret keys are not in it unless asked for: without them the secrets in it
    cannot be read. On PostgreSQL this needs pg_dump.
    """
    from server.backup import Wanted, back_up  # noqa: PLC0415 - slow to import
    from server.backup_archive import BackupError  # noqa: PLC0415
    from server.backup_report import told  # noqa: PLC0415

    config = configured(data_dir=data_dir)
    wanted = Wanted(output=output, with_keys=with_keys, replace=force)
    try:
        made = asyncio.run(back_up(config, wanted))
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    for line in told(config, made):
        say(line)
