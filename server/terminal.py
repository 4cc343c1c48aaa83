"""What the commands share: their configuration, one turn, one line of output."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from models.store import open_store
from server import data_dir
from server.config import Config, load, unknown_variables

T = TypeVar("T")


def data_dir_option(command: Callable[..., T]) -> Callable[..., T]:
    """Add --data-dir."""
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Where database, keys and first token are kept.  [default: ./var]",
    )(command)


def configured(**given: object) -> Config:
    """Return the configuration; say which variables nothing reads."""
    for sentence in unknown_variables(os.environ):
        click.echo(f"Warning: {sentence}", err=True)
    return load(os.environ, **given)


def prepare(config: Config) -> None:
    """Make the data directory where the database is inside."""
    if config.sqlite:
        data_dir.make(config.data_dir)


def turn(config: Config, work: Callable[..., Awaitable[T]], *args: object) -> T:
    """Run one short transaction, beside a server that may be running."""
    return asyncio.run(_turn(config, work, args))


async def _turn(
    config: Config, work: Callable[..., Awaitable[T]], args: tuple[object, ...]
) -> T:
    store = await open_store(config.database_url)
    try:
        return await store.turn(work, *args)
    finally:
        await store.close()


def say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    click.echo(text)
    sys.stdout.flush()
