"""The files of the history: what each does on which database.

They are aerich's (its own commands understand the folder, with the location
`{app}/migrations`), except that each holds the SQL of both dialects.
"""

import base64
import runpy
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import orjson

Dialect = Literal["sqlite", "postgres"]

FOLDER: Final = Path(__file__).parent / "migrations"
APP: Final = "models"
MODULES: Final = (
    "models.projects",
    "models.resources",
    "models.integrations",
    "models.incidents",
    "models.deliveries",
    "models.people",
    "models.idempotency",
    "aerich.models",
)
APPLIED: Final = f"SELECT version FROM aerich WHERE app = '{APP}'"  # noqa: S608


class NotMigratedError(Exception):
    """The database lacks migrations."""

    def __init__(self) -> None:
        """Say what to do about it."""
        super().__init__("The database is not up to date: run `tocsin migrate` first.")


class DatabaseTooNewError(Exception):
    """The database has migrations that this version does not know."""

    def __init__(self, version: str) -> None:
        """Say what to do about it."""
        super().__init__(
            f"The database was migrated by a newer version of Tocsin ({version}): run "
            "that version, or restore a backup from before."
        )


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. `state` describes, as JSON, the models after it."""

    version: str
    upgrade: Mapping[Dialect, str]
    downgrade: Mapping[Dialect, str]
    state: str

    @property
    def models(self) -> dict[str, Any]:
        """What the models looked like."""
        described: dict[str, Any] = orjson.loads(self.state)
        return described


def read(file: Path) -> Migration:
    """Return what a file says."""
    said = runpy.run_path(str(file))
    state = zlib.decompress(base64.b64decode(said["MODELS_STATE"])).decode()
    return Migration(file.name, said["UPGRADE"], said["DOWNGRADE"], state)


def files(folder: Path = FOLDER) -> list[Path]:
    """Return the files of the history, oldest first."""
    return sorted(folder.glob("[0-9]*_*.py"), key=_number)


def missing(applied: Collection[str], folder: Path = FOLDER) -> list[Path]:
    """Return the files that a database has not seen, oldest first.

    Raise DatabaseTooNewError where it has seen others.
    """
    known = files(folder)
    if unknown := set(applied) - {file.name for file in known}:
        raise DatabaseTooNewError(max(unknown))
    return [file for file in known if file.name not in applied]


def _number(file: Path) -> int:
    return int(file.name.partition("_")[0])
