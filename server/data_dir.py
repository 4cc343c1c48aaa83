"""The data directory: its lock, the key file and the file of the first token."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from models.crypto import KeyRing
from server.config import Config, ConfigError

KEY_FILE: Final = "secret-keys"
TOKEN_FILE: Final = "first-token"  # noqa: S105 - the name of a file
LOCK_FILE: Final = "server.lock"


_NO_KEYS: Final = (
    "TOCSIN_SECRET_KEYS must be set with PostgreSQL, to the same value on every "
    "machine: k1:<base64 of 32 random bytes>."
)


class DataDirInUseError(Exception):
    """Another server runs on this data directory."""

    def __init__(self, data_dir: Path) -> None:
        """Say which, and what to do."""
        super().__init__(
            f"Another server is running on the data directory {data_dir}. Stop it, or "
            "give this one its own with --data-dir; on PostgreSQL several may run."
        )


def make(data_dir: Path) -> None:
    """Make the directory if it is missing; only its owner may look inside."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Hold the directory for one server; raise DataDirInUseError.

    The lock is the operating system's: it is gone with the process, however it ends.
    """
    make(data_dir)
    with (data_dir / LOCK_FILE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirInUseError(data_dir) from None
        yield


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
    return KeyRing.parse(path.read_text("utf-8")), path if made else None


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
