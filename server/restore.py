"""Restoring a backup: a copy is made ready beside the database, then takes its place.

Until that moment nothing that is in use is touched, and that moment is one commit: a
process that is killed leaves the old database or the new one, whole.
"""

import shutil
import tarfile
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from delivery.restored import Settled, settle
from domain.clock import system_clock
from domain.timing import SECOND
from models import migrate
from models.crypto import KeyRing
from models.database_url import SqliteFile, parse_url
from models.migration_files import files as migration_files
from models.store import Store, open_store
from models.tokens import hash_of
from notifiers import CHANNELS
from server import backup, data_dir
from server.backup_archive import KEYS, BackupError, Manifest, extract, opened
from server.backup_keys import place_of, ring_at_hand, uses_file
from server.config import Config
from server.restore_judgement import Keys, check_kind, explain, plan_keys
from server.restore_postgres import PostgresPlace
from server.restore_sqlite import SqlitePlace

Observe = Callable[[str], None]

_DRAFTS: Final = ".tocsin-restore-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How to restore: over a database that is there, without its waiting deliveries,
    without keys that fit. `observe` is told of each stage.
    """

    force: bool = False
    cancel_waiting: bool = False
    without_keys: bool = False
    observe: Observe = lambda _stage: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was done. `kept_aside` names the database that was there before."""

    manifest: Manifest
    kept_aside: str | None
    applied: tuple[str, ...]
    settled: Settled
    keys: Keys


class Place(Protocol):
    """Where a database is: staged beside it, then put in its place."""

    async def __aenter__(self) -> Self:
        """Prepare; raise BackupError where somebody works with the database."""

    async def __aexit__(self, *_error: object) -> None:
        """Leave nothing half done behind."""

    async def occupied(self) -> bool:
        """Tell whether there is a database that must not be lost."""

    async def stage(self, copy: Path) -> str:
        """Make a database of a backup's member, and return its URL."""

    async def put(self, stamp: str) -> str | None:
        """Put what was staged in its place; return where the old one is now."""


async def restore(
    config: Config,
    archive: Path,
    wanted: Wanted,
    clock: Callable[[], int] = system_clock,
) -> Restored:
    """Restore a backup; raise BackupError, BadKeyRingError, StorageUnavailableError or
    OSError, and change nothing then.
    """
    with opened(archive) as (manifest, tar):
        known = [file.name for file in migration_files()]
        check_kind(manifest, known, sqlite=config.sqlite)
        keys = _keys(config, manifest, tar)
        if keys.faults and not wanted.without_keys:
            said = explain(
                keys.faults,
                place_of(config),
                is_file=uses_file(config),
                in_backup=KEYS in manifest.files,
            )
            raise BackupError(said)
        async with _placing(config, wanted) as (place, scratch):
            copy = scratch / manifest.member
            extract(tar, manifest, manifest.member, copy)
            wanted.observe("extracted")
            url = await place.stage(copy)
            wanted.observe("staged")
            ready = await _made_ready(config, url, clock(), wanted)
            wanted.observe("settled")
            if keys.write is not None:
                _write_keys(config.data_dir / data_dir.KEY_FILE, keys.write)
            wanted.observe("keys")
            now = clock()
            # To the millisecond: one restore may follow another within a second.
            stamp = f"{backup.stamp(now)[:-1]}{now % SECOND:03}Z"
            aside = await place.put(stamp)
            wanted.observe("placed")
            if ready.strange_token:
                _set_token_aside(config, stamp)
    return Restored(
        manifest=manifest,
        kept_aside=aside,
        applied=tuple(ready.applied),
        settled=ready.settled,
        keys=keys,
    )


@asynccontextmanager
async def _placing(config: Config, wanted: Wanted) -> AsyncIterator[tuple[Place, Path]]:
    data_dir.make(config.data_dir)
    folder = _beside(config)
    with _scratch(folder) as scratch:
        async with _place(config, scratch, wanted.observe) as place:
            _remove_leftovers(folder, scratch)
            if not wanted.force and await place.occupied():
                message = (
                    "There is a database already. With --force the backup takes its "
                    "place, and the present one is kept beside it."
                )
                raise BackupError(message)
            yield place, scratch


def _place(config: Config, scratch: Path, observe: Observe) -> Place:
    database = parse_url(config.database_url)
    if isinstance(database, SqliteFile):
        return SqlitePlace(config, database.path, scratch, observe)
    return PostgresPlace(database.url, observe)


def _beside(config: Config) -> Path:
    """Return a folder on the file system on which the database is, if it is a file."""
    database = parse_url(config.database_url)
    if isinstance(database, SqliteFile):
        database.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return database.path.parent
    return config.data_dir


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=_DRAFTS, dir=folder) as scratch:
        yield Path(scratch)


def _remove_leftovers(folder: Path, mine: Path) -> None:
    """Remove what a restore that was killed has left; only one runs at a time."""
    for left in folder.glob(f"{_DRAFTS}*"):
        if left.name != mine.name:
            shutil.rmtree(left)


def _keys(config: Config, manifest: Manifest, tar: tarfile.TarFile) -> Keys:
    here, brought = ring_at_hand(config), None
    if KEYS in manifest.files and uses_file(config):
        brought = KeyRing.parse(extract(tar, manifest, KEYS).decode())
    return plan_keys(manifest, here, brought)


def _write_keys(path: Path, ring: KeyRing) -> None:
    """Have the key file hold a ring: the present one, and more."""
    draft = path.with_name(f".{path.name}.restored")
    draft.unlink(missing_ok=True)
    data_dir.write_private(draft, ring.text())
    draft.replace(path)


@dataclass(frozen=True, slots=True)
class _Ready:
    applied: list[str]
    settled: Settled
    strange_token: bool


async def _made_ready(config: Config, url: str, now: int, wanted: Wanted) -> _Ready:
    applied = await migrate.upgrade(url)
    store = await open_store(url)
    try:
        channels = {channel.type_name: channel for channel in CHANNELS}
        settled = await settle(
            store, channels, now, cancel_waiting=wanted.cancel_waiting
        )
        return _Ready(applied, settled, await _is_token_strange(config, store))
    finally:
        await store.close()


async def _is_token_strange(config: Config, store: Store) -> bool:
    """Tell whether the file of the first token holds one that the database lacks."""
    try:
        text = (config.data_dir / data_dir.TOKEN_FILE).read_text("utf-8").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return False
    known = "SELECT 1 FROM api_token WHERE hash = $1"
    return await store.fetchval(known, hash_of(text)) is None


def _set_token_aside(config: Config, stamp: str) -> None:
    path = config.data_dir / data_dir.TOKEN_FILE
    path.rename(path.with_name(f"{path.name}.before-restore-{stamp}"))
