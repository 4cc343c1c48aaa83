"""The secret settings of an integration, as its column `secrets` holds them.

`{path: {"sealed", "hint", "at"}}`: the ciphertext, what may be shown of the secret,
and when it was set (ms). Lists and the API's answers decrypt nothing.
"""

from collections.abc import Mapping
from typing import Any, Final

from domain.ids import Id
from models.crypto import KeyRing, secret_binding

HINT: Final = 4
LONG_ENOUGH: Final = 24
"""Characters that a secret must have, so that showing the last HINT costs nothing."""

Stored = dict[str, dict[str, Any]]

_TABLE: Final = "integration"


def seal_all(
    ring: KeyRing,
    project_id: Id,
    integration_id: Id,
    secrets: Mapping[str, str],
    now: int,
) -> Stored:
    """Return the secrets (path to text) as the column holds them."""
    return {
        path: {
            "sealed": ring.seal(plain, _place(project_id, integration_id, path)),
            "hint": hint(plain),
            "at": now,
        }
        for path, plain in secrets.items()
    }


def open_all(
    ring: KeyRing,
    project_id: Id,
    integration_id: Id,
    stored: Mapping[str, Mapping[str, Any]],
) -> dict[str, str]:
    """Return the secrets of a column by path.

    Raise UnknownKeyError or CannotOpenError (models.crypto).
    """
    return {
        path: ring.open(entry["sealed"], _place(project_id, integration_id, path))
        for path, entry in stored.items()
    }


def hint(plain: str) -> str | None:
    """Return what may be shown of a secret: its end, if it is long."""
    return plain[-HINT:] if len(plain) >= LONG_ENOUGH else None


def _place(project_id: Id, integration_id: Id, path: str) -> str:
    return secret_binding(project_id, _TABLE, integration_id, path)
