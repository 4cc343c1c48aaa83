"""The data directory: its lock, the key file and the file of the first token."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from domain.product import VERSION
from models.crypto import BadKeyRingError, KeyRing
from models.database_url import SqliteFile, parse_url
from server.config import Config, ConfigError

KEY_FILE: Final = "secret-keys"
TOKEN_FILE: Final = "first-token"  # noqa: S105 - the name of a file
LOCK_FILE: Final = "server.lock"


_NO_KEYS: Final = (
    "TOCSIN_SECRET_KEYS must be set with PostgreSQL, to the same value on every "
    "machine: k1:<base64 of 32 random bytes>."
)


class DataDirError(Exception):
    """The data directory cannot be used, or is in use; the message says what to do."""


class DataDirInUseError(DataDirError):
    """Another server runs on this data directory, or on the database."""

    def __init__(self, what: str) -> None:
        """Say on which, and what to do."""
        super().__init__(
            f"Another server is running on the {what}. Stop it, or give this one its "
            "own with --data-dir; on PostgreSQL several may run."
        )


def make(data_dir: Path) -> None:
    """Make the directory if it is missing; only its owner may look inside.

    Raises DataDirError.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(data_dir, error) from None


def _unusable(data_dir: Path, error: OSError) -> DataDirError:
    return DataDirError(
        f"The data directory {data_dir} cannot be used: {error.strerror}. Give another "
        "with --data-dir."
    )


@contextmanager
def locked(config: Config) -> Iterator[None]:
    """Hold the directory, and the file of the database, for one server.

    The locks are the operating system's: they are gone with the process, however it
    ends. Raises DataDirInUseError and other DataDirErrors.
    """
    data_dir = config.data_dir
    make(data_dir)
    database = parse_url(config.database_url)
    with ExitStack() as held:
        held.enter_context(_held(data_dir / LOCK_FILE, f"data directory {data_dir}"))
        # Elsewhere, the file may be that of a server with another directory.
        if isinstance(database, SqliteFile):
            path = database.path.resolve()
            lock = path.with_name(f"{path.name}.{LOCK_FILE}")
            held.enter_context(_held(lock, f"database {path}"))
        yield


@contextmanager
def _held(path: Path, what: str) -> Iterator[None]:
    try:
        file = path.open("a")
    except OSError as error:
        raise _unusable(path.parent, error) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirInUseError(what) from None
        file.truncate(0)
        file.write(f"{os.getpid()} {VERSION}\n")
        file.flush()
        yield


def holder(data_dir: Path) -> tuple[int, str] | None:
    """Return process id and version of the server that holds a directory, if any."""
    try:
        with (data_dir / LOCK_FILE).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                process, _, version = file.read().strip().partition(" ")
                return (int(process) if process.isdigit() else 0, version)
    except OSError:
        pass
    return None


def key_ring(config: Config) -> tuple[KeyRing, Path | None]:
    """Return the keys, and the key file if this call made it.

    Raises ConfigError where keys must be given, and BadKeyRingError.
    """
    if config.secret_keys is not None:
        return KeyRing.parse(config.secret_keys), None
    if not config.sqlite and not config.development:
        raise ConfigError([_NO_KEYS])
    path = config.data_dir / KEY_FILE
    made = write_private(path, KeyRing.generate().text())
    try:
        return KeyRing.parse(path.read_text("utf-8")), path if made else None
    except ValueError as error:  # no key ring, or not even text: not to be repeated
        why = f" {error}" if isinstance(error, BadKeyRingError) else ""
        message = f"The file {path} holds no secret keys: restore it.{why}"
        raise BadKeyRingError(message) from None


def write_private(path: Path, text: str) -> bool:
    """Write a file that only its owner may read, whole or not at all.

    Return False, and leave it as it is, if there is one already.
    """
    make(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True
