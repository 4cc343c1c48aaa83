"""The command `tocsin restore`."""

import asyncio
from pathlib import Path

import click

from server.terminal import configured, data_dir_option, say


@click.command()
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_dir_option
@click.option(
    "--force", is_flag=True, help="Replace the present database, which is kept aside."
)
@click.option(
    "--cancel-waiting",
    is_flag=True,
    help="Cancel all deliveries that wait in the backup: for a drill, so that the copy "
    "pages nobody.",
)
@click.option(
    "--without-keys",
    is_flag=True,
    help="Restore although the keys that its secrets need are not here.",
)
def restore(
    path: Path,
    data_dir: Path | None,
    force: bool,
    cancel_waiting: bool,
    without_keys: bool,
) -> None:
    """Put the backup PATH in the place of the database. No server may be running."""
    from server import restore as restoring  # noqa: PLC0415 - slow to import
    from server.backup_archive import BackupError  # noqa: PLC0415
    from server.restore_report import told  # noqa: PLC0415

    config = configured(data_dir=data_dir)
    wanted = restoring.Wanted(
        force=force, cancel_waiting=cancel_waiting, without_keys=without_keys
    )
    try:
        done = asyncio.run(restoring.restore(config, path, wanted))
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    for line in told(config, done):
        say(line)
