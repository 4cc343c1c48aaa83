"""Making a backup, also beside a running server.

The copy is written under another name in the folder where it will stand, checked, and
only then given its name: what has the name of a backup is one.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from domain.clock import Clock, system_clock
from domain.product import VERSION
from domain.timing import DAY, SECOND
from models.database_url import SqliteFile, parse_url
from server import backup_archive, backup_postgres, backup_sqlite, data_dir
from server.backup_archive import KEYS, BackupError, Manifest
from server.backup_facts import Facts
from server.backup_keys import key_faults, place_of, ring_at_hand, seals
from server.config import Config

FOLDER: Final = "backups"
"""Of the data directory: where backups go that nobody named."""

_DRAFTS: Final = ".tocsin-backup-"


@dataclass(frozen=True, slots=True)
class Made:
    """A finished backup; `unknown_keys` are needed to read it, and are not here."""

    path: Path
    size: int
    manifest: Manifest
    unknown_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a backup is to be: where (a folder or a new file; None: the data directory's
    folder), whether with the keys, whether it may replace a file.
    """

    output: Path | None = None
    with_keys: bool = False
    replace: bool = False


async def back_up(config: Config, wanted: Wanted, clock: Clock = system_clock) -> Made:
    """Make a backup; raise BackupError, BadKeyRingError or OSError, and leave nothing
    behind then.
    """
    now = clock()
    ring = ring_at_hand(config)
    if wanted.with_keys and ring is None:
        raise BackupError(f"There are no keys here: see {place_of(config)}.")
    target = _target(config, wanted.output, now)
    if target.exists() and not wanted.replace:
        raise backup_archive.taken(target)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_leftovers(target.parent, now)
    with tempfile.TemporaryDirectory(prefix=_DRAFTS, dir=target.parent) as folder:
        scratch = Path(folder)
        files, facts = await _copied(config, scratch)
        if wanted.with_keys and ring:
            files[KEYS] = scratch / KEYS
            data_dir.write_private(files[KEYS], ring.text())
        manifest = Manifest(
            version=VERSION,
            database=facts.database,
            engine=facts.engine,
            migrations=facts.migrations,
            epoch=facts.epoch,
            taken_at=now,
            keys=facts.keys,
            checks=seals(ring, facts.epoch),
            files={name: backup_archive.measured(it) for name, it in files.items()},
        )
        draft = scratch / "draft.tar"
        backup_archive.write(draft, manifest, files)
        backup_archive.check(draft)
        size = draft.stat().st_size
        backup_archive.publish(draft, target, replace=wanted.replace)
    faults = key_faults(ring, facts.keys, {}, facts.epoch)
    return Made(target, size, manifest, tuple(sorted(faults.missing)))


async def _copied(config: Config, scratch: Path) -> tuple[dict[str, Path], Facts]:
    """Copy the database; what is said of it is of the same moment as the copy."""
    database = parse_url(config.database_url)
    if isinstance(database, SqliteFile):
        copy = scratch / backup_archive.DATABASES["sqlite"]
        return {copy.name: copy}, await backup_sqlite.copy(database.path, copy)
    copy = scratch / backup_archive.DATABASES["postgres"]
    return {copy.name: copy}, await backup_postgres.copy(database.url, copy)


def _remove_leftovers(folder: Path, now: int) -> None:
    """Remove what backups that were killed long ago have left."""
    for left in folder.glob(f"{_DRAFTS}*"):
        with contextlib.suppress(FileNotFoundError):  # another has just ended
            if left.stat().st_mtime * SECOND < now - DAY:
                shutil.rmtree(left)


def _target(config: Config, output: Path | None, now: int) -> Path:
    name = f"tocsin-{stamp(now)}.tar"
    if output is None:
        return config.data_dir / FOLDER / name
    return output / name if output.is_dir() else output


def stamp(now: int) -> str:
    """Return a moment as a part of names: sorts by time."""
    return datetime.fromtimestamp(now / SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")


def described(keys: Mapping[str, int]) -> str:
    """Return ids of keys with how many secrets each has sealed."""
    return ", ".join(f"{it} ({count})" for it, count in sorted(keys.items()))
