"""The file of a backup: a tar of a manifest, the database and, if asked for, the keys.

Members are only ever read by their known names, so that what a strange archive calls
its members has no effect.
"""

import contextlib
import hashlib
import io
import json
import os
import tarfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
KEYS: Final = "secret-keys"
DATABASES: Final = {"sqlite": "database.sqlite", "postgres": "database.pgdump"}
"""The member that holds the database, by its kind."""

_PIECE: Final = 1 << 20
_MANIFEST_MOST: Final = 1 << 24


class BackupError(Exception):
    """A backup cannot be made or used; the message is for the person who asked."""


class Member(BaseModel):
    """What a member of the archive must be like."""

    model_config = ConfigDict(frozen=True)

    size: int
    sha256: str


class Manifest(BaseModel):
    """What a backup is of. `keys` counts the stored secrets by the id of their key;
    `checks` holds, by the id of each key there was, a known text sealed with it;
    `taken_at` in ms.
    """

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    version: str
    database: Literal["sqlite", "postgres"]
    engine: str
    migrations: tuple[str, ...]
    epoch: str
    taken_at: int
    keys: Mapping[str, int]
    checks: Mapping[str, str]
    files: Mapping[str, Member]

    @property
    def member(self) -> str:
        """The name of the database's member."""
        return DATABASES[self.database]


def measured(path: Path) -> Member:
    """Return what a file is like."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
        return Member(size=file.tell(), sha256=digest.hexdigest())


def write(draft: Path, manifest: Manifest, files: Mapping[str, Path]) -> None:
    """Write an archive that only its owner may read, down to the disk."""
    with (
        os.fdopen(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        ) as out,
        tarfile.open(fileobj=out, mode="w") as tar,
    ):
        text = manifest.model_dump_json(indent=2).encode()
        tar.addfile(_entry(MANIFEST, len(text)), io.BytesIO(text))
        for name, path in files.items():
            with path.open("rb") as file:
                tar.addfile(_entry(name, path.stat().st_size), file)
        tar.close()
        out.flush()
        os.fsync(out.fileno())


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Manifest, tarfile.TarFile]]:
    """Open an archive; raise BackupError for what is none, or is of a newer kind."""
    try:
        with tarfile.open(path, mode="r:") as tar:
            yield _manifest(tar), tar
    except tarfile.TarError:
        message = f"{path} is no backup of Tocsin, or it is damaged."
        raise BackupError(message) from None


def extract(
    tar: tarfile.TarFile, manifest: Manifest, name: str, target: Path | None = None
) -> bytes:
    """Check a member, and write it to a new file of its owner's; without a target its
    content is returned. Raise BackupError if it is not what the manifest says.
    """
    expected = manifest.files.get(name)
    source = _member(tar, name)
    if expected is None or source is None:
        raise _damaged(name)
    digest, size, kept = hashlib.sha256(), 0, b""
    with _sink(target) as sink:
        while piece := source.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            sink.write(piece)
        if isinstance(sink, io.BytesIO):
            kept = sink.getvalue()
    if (size, digest.hexdigest()) != (expected.size, expected.sha256):
        raise _damaged(name)
    return kept


def check(path: Path) -> Manifest:
    """Read a whole archive and return its manifest; raise BackupError."""
    with opened(path) as (manifest, tar):
        for name in manifest.files:
            extract(tar, manifest, name, Path(os.devnull))
    return manifest


def publish(draft: Path, target: Path, *, replace: bool) -> None:
    """Give a file its name at once; raise BackupError where the name is taken."""
    if replace:
        draft.replace(target)
    else:
        try:
            target.hardlink_to(draft)
        except FileExistsError:
            raise taken(target) from None
        except OSError:  # a file system without links, as a stick or a share may have
            if target.exists():
                raise taken(target) from None
            draft.rename(target)
        draft.unlink(missing_ok=True)
    sync_folder(target.parent)


def taken(target: Path) -> BackupError:
    """Return what is said of a name that is taken."""
    return BackupError(f"There is already {target}: give another name, or --force.")


def sync_folder(folder: Path) -> None:
    """Have the names of a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # not all file systems can
            os.fsync(handle)
    finally:
        os.close(handle)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(time.time())
    return entry


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes] | None:
    try:
        return tar.extractfile(name)
    except KeyError:
        return None


def _manifest(tar: tarfile.TarFile) -> Manifest:
    source = _member(tar, MANIFEST)
    if source is None:
        raise tarfile.TarError
    try:
        said = json.loads(source.read(_MANIFEST_MOST))
        if isinstance(said, dict) and said.get("format", 0) > FORMAT:
            message = "The backup was made by a newer Tocsin: upgrade this one first."
            raise BackupError(message)
        return Manifest.model_validate(said)
    except (ValueError, TypeError, ValidationError):
        raise tarfile.TarError from None


@contextlib.contextmanager
def _sink(target: Path | None) -> Iterator[IO[bytes]]:
    if target is None:
        yield io.BytesIO()
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
        yield file
        file.flush()
        if target.is_file():
            os.fsync(file.fileno())


def _damaged(name: str) -> BackupError:
    return BackupError(
        f"The backup is damaged: {name} is not what the manifest says. Take another."
    )
