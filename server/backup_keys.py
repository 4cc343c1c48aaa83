"""Which secret keys a database needs, and whether the ones at hand are those.

Every installation calls its first key `k1`: the id alone does not tell. So a backup
keeps a known text sealed with each key, and whoever can open that has the key.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from models.crypto import CannotOpenError, KeyRing, UnknownKeyError, key_id_of
from server import data_dir
from server.config import Config

SECRETS: Final = "SELECT secrets FROM integration WHERE secrets <> '{}'"
"""The rows that `in_use` counts."""

_KNOWN: Final = "tocsin"
_PLACE: Final = "backup|check|"


@dataclass(frozen=True, slots=True)
class KeyFaults:
    """Ids of keys that stored secrets need: those that are not there, and those whose
    id is there with another key.
    """

    missing: frozenset[str] = frozenset()
    wrong: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.missing or self.wrong)


def ring_at_hand(config: Config) -> KeyRing | None:
    """Return the keys that a server would use, None where it would have none; make
    none. Raise BadKeyRingError.
    """
    if config.secret_keys is not None:
        return KeyRing.parse(config.secret_keys)
    if not uses_file(config):
        return None
    try:
        text = (config.data_dir / data_dir.KEY_FILE).read_text("utf-8")
    except FileNotFoundError:
        return None
    return KeyRing.parse(text)


def uses_file(config: Config) -> bool:
    """Tell whether a server reads the key file: in a cluster keys must be given."""
    return config.secret_keys is None and (config.sqlite or config.development)


def place_of(config: Config) -> str:
    """Return where a server's keys come from."""
    if not uses_file(config):
        return "TOCSIN_SECRET_KEYS"
    return str(config.data_dir / data_dir.KEY_FILE)


def in_use(columns: Iterable[str]) -> Counter[str]:
    """Count the secrets of some `secrets` columns by the id of their key."""
    return Counter(
        key_id_of(entry["sealed"])
        for column in columns
        for entry in orjson.loads(column).values()
    )


def seals(ring: KeyRing | None, epoch: str) -> dict[str, str]:
    """Return the known text sealed with each key of a ring, by the key's id."""
    singles = ring.text().split(",") if ring else []
    sealed = [KeyRing.parse(it).seal(_KNOWN, _PLACE + epoch) for it in singles]
    return {key_id_of(it): it for it in sealed}


def key_faults(
    ring: KeyRing | None, needed: Iterable[str], checks: Mapping[str, str], epoch: str
) -> KeyFaults:
    """Return which of the needed keys a ring does not have."""
    missing, wrong = set(), set()
    for key_id in needed:
        if key_id not in ids(ring):
            missing.add(key_id)
        elif ring and key_id in checks and not _opens(ring, checks[key_id], epoch):
            wrong.add(key_id)
    return KeyFaults(frozenset(missing), frozenset(wrong))


def ids(ring: KeyRing | None) -> list[str]:
    """Return the ids of a ring, the one that encrypts first."""
    return [it.partition(":")[0] for it in ring.text().split(",")] if ring else []


def joined(first: KeyRing | None, more: KeyRing) -> KeyRing:
    """Return a ring with the keys of both; where both have an id, the first's."""
    known = first.text().split(",") if first else []
    new = [
        it for it in more.text().split(",") if it.partition(":")[0] not in ids(first)
    ]
    return KeyRing.parse(",".join(known + new))


def _opens(ring: KeyRing, sealed: str, epoch: str) -> bool:
    try:
        return ring.open(sealed, _PLACE + epoch) == _KNOWN
    except (UnknownKeyError, CannotOpenError):
        return False
