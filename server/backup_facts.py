"""What a backup says of its database, and what a database must say to be backed up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from models.migration_files import APPLIED
from server.backup_archive import BackupError

EPOCH: Final = "SELECT epoch FROM log_epoch"
MIGRATIONS: Final = f"{APPLIED} ORDER BY id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the manifest takes over; `keys` counts secrets by the id of their key."""

    database: Literal["sqlite", "postgres"]
    engine: str
    migrations: tuple[str, ...]
    epoch: str
    keys: Mapping[str, int]


class NothingThereError(BackupError):
    """There is no database of Tocsin's at the address."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__(
            "There is no database of Tocsin to back up: see --data-dir and "
            "TOCSIN_DATABASE_URL."
        )
