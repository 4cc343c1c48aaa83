"""PostgreSQL's settings and sessions, as far as accepted alerts depend on them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from models.postgres_connection import SETTINGS
from server.doctor.findings import Finding, duration, ok, problem, warning

CONNECTIONS_OF_A_SERVER: Final = 20
"""Two pools, the bus, the relay."""

OLD_TRANSACTION: Final = 5 * 60_000
OLD_XMIN: Final = 10_000_000
"""Transactions: as far back, dead rows at the head of every lane are kept."""

CLOCK_WARNS: Final = 1_000
CLOCK_FAILS: Final = 10_000

IDLE: Final = "idle_in_transaction_session_timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A transaction that is open; `age` in ms."""

    name: str
    state: str
    age: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """What is known of the server. `heard`: a NOTIFY came to who had said LISTEN.
    `ahead`: by how many ms its clock is before ours.
    """

    settings: Mapping[str, str]
    standby: bool
    connections: int
    old: Sequence[Session]
    xmin_age: int
    prepared: int
    heard: bool
    ahead: int


def judge(facts: Postgres) -> Iterator[Finding]:
    """Judge the server."""
    yield from _durability(facts)
    yield _writable(facts)
    yield _connections(facts)
    yield _pooler(facts)
    yield from _transactions(facts)
    yield _clock(facts)


def _durability(facts: Postgres) -> Iterator[Finding]:
    check = "durability"
    off = [it for it in ("fsync", "full_page_writes") if facts.settings[it] == "off"]
    if off:
        said = f"{' and '.join(off)} off: a power cut can destroy the database."
        yield problem(check, said, "Set them on in postgresql.conf.")
    if facts.settings["synchronous_commit"] == "off":
        said = "synchronous_commit is off: a crash loses alerts that were accepted."
        mend = "ALTER DATABASE … SET synchronous_commit = on"
        yield problem(check, said, mend)
    elif not off:
        yield ok(check, "what is committed survives a crash")


def _writable(facts: Postgres) -> Finding:
    check = "role"
    if facts.standby or facts.settings["default_transaction_read_only"] == "on":
        said = "The server takes no writes: it is a standby, or read-only."
        return problem(check, said, "Have TOCSIN_DATABASE_URL name the primary.")
    return ok(check, "it takes writes")


def _connections(facts: Postgres) -> Finding:
    check, most = "connections", int(facts.settings["max_connections"])
    said = f"{facts.connections} of {most} are in use"
    if facts.connections > most - CONNECTIONS_OF_A_SERVER:
        mend = (
            f"Raise max_connections: each server uses up to {CONNECTIONS_OF_A_SERVER}."
        )
        return warning(check, f"{said}.", mend)
    return ok(check, said)


def _pooler(facts: Postgres) -> Finding:
    check = "direct connection"
    mend = "Have TOCSIN_DATABASE_URL name the server, or a pooler in session mode."
    if not facts.heard:
        said = "A NOTIFY does not come through: a pooler in transaction mode stands between."
        return problem(check, said, mend)
    if facts.settings[IDLE] != SETTINGS[IDLE]:
        said = f"The setting {IDLE} is lost on the way: a pooler drops what we ask for."
        return warning(check, said, mend)
    return ok(check, "settings and notifications come through")


def _transactions(facts: Postgres) -> Iterator[Finding]:
    check, mend = "transactions", "End them: pg_terminate_backend(pid)."
    for it in facts.old:
        said = f"{it.name or 'A session'} has had one open for {duration(it.age)} ({it.state})."
        yield warning(check, said, mend)
    if facts.prepared:
        said = f"{facts.prepared} prepared ones are left open."
        yield warning(
            check, said, "COMMIT PREPARED or ROLLBACK PREPARED, see pg_prepared_xacts."
        )
    if facts.xmin_age > OLD_XMIN:
        said = f"Rows are kept for a snapshot {facts.xmin_age} transactions old."
        mend = "Look for replication slots that nobody reads (pg_replication_slots)."
        yield warning(check, said, mend)
    if not (facts.old or facts.prepared or facts.xmin_age > OLD_XMIN):
        yield ok(check, "none is old")


def _clock(facts: Postgres) -> Finding:
    check, apart = "database clock", abs(facts.ahead)
    said = f"It is {duration(apart)} {'before' if facts.ahead > 0 else 'behind'} ours"
    mend = "Set both clocks, and keep them so with NTP."
    if apart > CLOCK_FAILS:
        return problem(check, f"{said}.", mend)
    if apart > CLOCK_WARNS:
        return warning(check, f"{said}.", mend)
    return ok(check, "as ours")
