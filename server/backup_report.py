"""What is said of a backup that was made."""

from typing import Final

from server.account_commands import moment
from server.backup import Made, described
from server.backup_archive import KEYS
from server.backup_keys import place_of
from server.config import Config

_MEGA: Final = 1_000_000
_NAMES: Final = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def told(config: Config, made: Made) -> list[str]:
    """Return what is said of a backup that was made."""
    manifest = made.manifest
    kind = _NAMES[manifest.database]
    sealed = f", secrets by key: {described(manifest.keys)}" if manifest.keys else ""
    lines = [
        f"Backup      {made.path} ({made.size / _MEGA:.1f} MB, checked)",
        f"Holds       the database ({kind}) of {moment(manifest.taken_at)}{sealed}",
    ]
    place = place_of(config)
    if KEYS in manifest.files:
        lines.append("Keys        in it: whoever has this file can read all secrets")
    else:
        lines.append(
            f"Keys        not in it: keep a copy of {place} in another safe place, "
            "secrets cannot be read without it"
        )
    if made.unknown_keys:
        lines.append(
            f"Missing     the keys {', '.join(made.unknown_keys)}, which stored secrets "
            f"need, are not in {place}: see tocsin doctor"
        )
    return lines
