"""Whether a backup may be restored here. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from models.crypto import KeyRing
from server.backup_archive import BackupError, Manifest
from server.backup_keys import KeyFaults, joined, key_faults


@dataclass(frozen=True, slots=True)
class Keys:
    """What to do about the keys: `write` is the ring that the key file has to become,
    None where it stays as it is; `faults` is what will be missing all the same.
    """

    write: KeyRing | None
    faults: KeyFaults


def check_kind(manifest: Manifest, known: Collection[str], *, sqlite: bool) -> None:
    """Raise BackupError for a backup that this program, or this database, cannot take."""
    if unknown := sorted(set(manifest.migrations) - set(known)):
        message = (
            f"The backup was made by Tocsin {manifest.version}, which is newer than "
            f"this one (it has {unknown[0]}): upgrade this one first."
        )
        raise BackupError(message)
    if (manifest.database == "sqlite") != sqlite:
        here = "SQLite" if sqlite else "PostgreSQL"
        there = "PostgreSQL" if sqlite else "SQLite"
        message = (
            f"The backup is of {there}, and TOCSIN_DATABASE_URL says {here}: restore it "
            f"where the database is {there}."
        )
        raise BackupError(message)


def plan_keys(
    manifest: Manifest, here: KeyRing | None, brought: KeyRing | None
) -> Keys:
    """Return what to do about the keys; those that are here stay, and come first."""
    needed, checks = manifest.keys, manifest.checks
    faults = key_faults(here, needed, checks, manifest.epoch)
    if brought is None or (here is not None and not faults):
        return Keys(None, faults)
    ring = joined(here, brought)
    faults = key_faults(ring, needed, checks, manifest.epoch)
    return Keys(ring, faults)


def explain(faults: KeyFaults, place: str, *, is_file: bool, in_backup: bool) -> str:
    """Return what to do about keys that are not the ones the backup needs; `place` is
    where keys are looked for.
    """
    said = []
    if faults.missing:
        said.append(
            f"The secrets in the backup are sealed with {_named(faults.missing)}, which "
            f"{_is(faults.missing)} not in {place}: put the keys of that time there."
        )
    if faults.wrong:
        said.append(
            f"{place} holds {_named(faults.wrong)}, but not the one of the backup: take "
            "the keys of that time instead"
            + (" (move the present file away first)." if is_file else ".")
        )
    if in_backup and not is_file:
        said.append("They are in the backup: tar -xOf PATH secret-keys shows them.")
    said.append(
        "With --without-keys it is restored all the same; integrations then fail until "
        "they are given their secrets anew."
    )
    return " ".join(said)


def _named(ids: Collection[str]) -> str:
    return f"the key{'s' if len(ids) > 1 else ''} {', '.join(sorted(ids))}"


def _is(ids: Collection[str]) -> str:
    return "are" if len(ids) > 1 else "is"
