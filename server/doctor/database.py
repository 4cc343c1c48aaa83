"""The database: there, of a version that does, up to date, sound."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from models.sqlite_faults import OLDEST
from server.doctor.findings import Finding, bytes_of, ok, problem, warning

OLDEST_POSTGRES: Final = 13
"""The first with gen_random_uuid() of its own."""

LARGE_WAL: Final = 256 * 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """What is known of it. `fault` says why it could not be asked, `missing` that there
    is none; `damages` are those that SQLite names, None where it was not asked or did
    not come to an end; `wal` in bytes.
    """

    kind: Literal["sqlite", "postgres"]
    version: tuple[int, ...]
    fault: str | None = None
    missing: bool = False
    migrations: Sequence[str] = ()
    damages: Sequence[str] | None = None
    wal: int | None = None

    @property
    def name(self) -> str:
        """The product and its version."""
        product = "SQLite" if self.kind == "sqlite" else "PostgreSQL"
        return f"{product} {'.'.join(map(str, self.version))}"


def judge(facts: Database, known: Collection[str]) -> Iterator[Finding]:
    """Judge a database; `known` are the migrations of this program."""
    check = "database"
    if facts.fault is not None:
        mend = "See TOCSIN_DATABASE_URL, and whether it runs."
        yield problem(check, f"It cannot be used: {facts.fault}.", mend)
        return
    yield _version(facts)
    if facts.missing:
        yield warning(check, "There is none yet.", "`tocsin serve` makes it.")
        return
    yield _migrations(facts, known)
    if facts.kind == "sqlite":
        yield _integrity(facts)
        yield _wal(facts)


def is_current(facts: Database, known: Collection[str]) -> bool:
    """Tell whether more can be asked of it."""
    return facts.fault is None and set(facts.migrations) == set(known)


def _version(facts: Database) -> Finding:
    oldest = OLDEST if facts.kind == "sqlite" else (OLDEST_POSTGRES,)
    if facts.version < oldest:
        needed = ".".join(map(str, oldest))
        said = f"{facts.name} is too old."
        return problem("database", said, f"Tocsin needs {needed} or newer.")
    return ok("database", facts.name)


def _migrations(facts: Database, known: Collection[str]) -> Finding:
    check = "migrations"
    if newer := sorted(set(facts.migrations) - set(known)):
        said = f"The database is of a newer Tocsin (it has {newer[-1]})."
        mend = "Install that version, or restore the backup from before the upgrade."
        return problem(check, said, mend)
    if pending := set(known) - set(facts.migrations):
        said = f"{len(pending)} of {len(known)} are not applied."
        return problem(check, said, "Run `tocsin migrate`, or start the server.")
    return ok(check, f"all {len(known)} are applied")


def _integrity(facts: Database) -> Finding:
    check = "integrity"
    if facts.damages is None:
        said = "The check did not come to an end in time: the database is large."
        return warning(check, said, "Take a backup: it checks all of it.")
    if facts.damages:
        said = f"The database is damaged: {'; '.join(facts.damages)}."
        mend = "Stop the server, keep the files, and restore the last good backup."
        return problem(check, said, mend)
    return ok(check, "SQLite finds no fault")


def _wal(facts: Database) -> Finding:
    check, size = "write-ahead log", facts.wal or 0
    if size > LARGE_WAL:
        said = f"It has grown to {bytes_of(size)}: something reads for very long."
        mend = (
            "Look for other programs that have the database open; restart the server."
        )
        return warning(check, said, mend)
    return ok(check, bytes_of(size))
