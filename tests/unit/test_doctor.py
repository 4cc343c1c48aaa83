"""What `tocsin doctor` says of what cannot be provoked: the judgements alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from domain.timing import DAY, MINUTE, SECOND
from server.config import Config
from server.doctor import database, machine, names, postgres, serving, settings, work
from server.doctor.database import Database
from server.doctor.findings import Finding, bytes_of, duration
from server.doctor.gather_machine import file_system, name_servers
from server.doctor.machine import Machine
from server.doctor.names import Names
from server.doctor.postgres import Postgres, Session
from server.doctor.serving import Serving
from server.doctor.work import HeldBack, Work

NOW = 1_800_000_000_000

MACHINE = Machine(
    folder=Path("/data"),
    free=10**11,
    total=10**12,
    inodes=10**6,
    file_system="ext4",
    open_files=65_536,
    files_of="the server",
    now=NOW,
    newest=NOW - 1,
)
POSTGRES = Postgres(
    settings={
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "max_connections": "100",
        "default_transaction_read_only": "off",
        postgres.IDLE: "30s",
    },
    standby=False,
    connections=20,
    old=(),
    xmin_age=1_000,
    prepared=0,
    heard=True,
    ahead=3,
)
WORK = Work(
    now=NOW,
    waiting=0,
    oldest_waiting=None,
    due=None,
    held_back=(),
    broken=(),
    failed=0,
    orphans=0,
    unnumbered=None,
    oldest=NOW - 7 * DAY,
    events_kept=7 * DAY,
)
LANE = HeldBack(
    name="ops", failures=5, since=NOW - 5 * MINUTE, until=NOW + MINUTE, error="refused"
)


def worst(found: list[Finding]) -> list[tuple[str, str]]:
    """Return check and level of all that is not in order."""
    assert all(it.mend for it in found if it.level != "ok")
    return [(it.check, it.level.value) for it in found if it.level != "ok"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"free": 10**8}, [("disk", "problem")]),
        ({"inodes": 5}, [("disk", "problem")]),
        ({"inodes": None}, []),
        ({"free": 5 * 10**8}, [("disk", "warning")]),
        ({"file_system": "nfs4"}, [("file system", "problem")]),
        ({"file_system": "fuse.sshfs"}, [("file system", "problem")]),
        ({"file_system": "tmpfs"}, [("file system", "warning")]),
        ({"file_system": "overlay"}, [("file system", "warning")]),
        ({"file_system": None}, []),
        ({"open_files": 1_000}, [("open files", "problem")]),
        ({"open_files": 1_024}, [("open files", "warning")]),
        ({"now": 0, "newest": None}, [("clock", "problem")]),
        ({"newest": NOW + DAY}, [("clock", "warning")]),
    ],
)
def test_the_machine(change: dict[str, object], said: list[tuple[str, str]]) -> None:
    facts = replace(MACHINE, **change)  # type: ignore[arg-type]
    assert worst(list(machine.judge(facts, sqlite=True))) == said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"standby": True}, [("role", "problem")]),
        ({"connections": 85}, [("connections", "warning")]),
        ({"heard": False}, [("direct connection", "problem")]),
        (
            {"old": [Session(name="psql", state="idle in transaction", age=DAY)]},
            [("transactions", "warning")],
        ),
        ({"prepared": 1}, [("transactions", "warning")]),
        ({"xmin_age": 10**8}, [("transactions", "warning")]),
        ({"ahead": -2 * SECOND}, [("database clock", "warning")]),
        ({"ahead": MINUTE}, [("database clock", "problem")]),
    ],
)
def test_the_database_server(
    change: dict[str, object], said: list[tuple[str, str]]
) -> None:
    facts = replace(POSTGRES, **change)  # type: ignore[arg-type]
    assert worst(list(postgres.judge(facts))) == said


@pytest.mark.parametrize(
    ("name", "value", "check", "level"),
    [
        ("fsync", "off", "durability", "problem"),
        ("full_page_writes", "off", "durability", "problem"),
        ("synchronous_commit", "off", "durability", "problem"),
        ("default_transaction_read_only", "on", "role", "problem"),
        (postgres.IDLE, "0", "direct connection", "warning"),
    ],
)
def test_its_settings(name: str, value: str, check: str, level: str) -> None:
    facts = replace(POSTGRES, settings={**POSTGRES.settings, name: value})
    assert worst(list(postgres.judge(facts))) == [(check, level)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"waiting": 3, "oldest_waiting": NOW - DAY, "due": NOW - SECOND}, []),
        (
            {"waiting": 3, "oldest_waiting": NOW - DAY, "due": NOW - 2 * MINUTE},
            [("deliveries", "warning")],
        ),
        (
            {"waiting": 3, "oldest_waiting": NOW - DAY, "due": NOW - 6 * MINUTE},
            [("deliveries", "problem")],
        ),
        ({"held_back": [LANE]}, [("lanes", "warning")]),
        ({"held_back": [LANE] * 9}, [("lanes", "warning")] * 4),
        ({"broken": ["a", "b", "c", "d"]}, [("integrations", "warning")]),
        ({"failed": 2}, [("integrations", "warning")]),
        ({"orphans": 2}, [("workers", "warning")]),
        ({"unnumbered": NOW - 20 * SECOND}, [("event log", "warning")]),
        ({"unnumbered": NOW - 2 * MINUTE}, [("event log", "problem")]),
        ({"oldest": NOW - 9 * DAY}, [("event log", "warning")]),
    ],
)
def test_the_work(change: dict[str, object], said: list[tuple[str, str]]) -> None:
    facts = replace(WORK, **change)  # type: ignore[arg-type]
    assert worst(list(work.judge(facts))) == said


def test_a_lane_says_why_since_and_until_when() -> None:
    [said] = [it for it in work.judge(replace(WORK, held_back=[LANE])) if it.mend]
    assert said.said == "ops is held back: 5 failures in a row since 5 min (refused)."
    assert said.mend == "See its far end; it is tried again in 60 s."


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (Database(kind="sqlite", version=(3, 34)), "too old"),
        (Database(kind="postgres", version=(12, 9)), "too old"),
        (
            Database(kind="sqlite", version=(3, 40), damages=[], wal=10**9),
            "grown to 1.0 GB",
        ),
        (Database(kind="sqlite", version=(3, 40), damages=None), "in time"),
    ],
)
def test_the_database(facts: Database, said: str) -> None:
    assert [said in it.said for it in database.judge(facts, [])].count(True) == 1


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (Names(local=True, servers=1), []),
        (Names(local=True, servers=None, asked=["a"]), []),
        (Names(local=False, servers=1), [("names", "problem")]),
        (Names(local=True, servers=0), [("names", "warning")]),
        (
            Names(local=True, servers=1, asked=["a", "b"], unknown=["b"]),
            [("names", "problem")],
        ),
    ],
)
def test_names(facts: Names, said: list[tuple[str, str]]) -> None:
    assert worst(list(names.judge(facts))) == said


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (Serving(url="u", status=None), []),
        (Serving(url="u", status=200, ours=True, running=["2"]), []),
        (Serving(url="u", status=503, ours=True), [("server", "problem")]),
        (Serving(url="u", status=200, ours=False), [("server", "warning")]),
        (Serving(url="u", status=None, running=["2"]), []),
        (
            Serving(url="u", status=None, here=True, running=["2"]),
            [("server", "warning")],
        ),
        (
            Serving(url="u", status=200, ours=True, running=["1", "2"]),
            [("version", "warning")],
        ),
    ],
)
def test_serving(facts: Serving, said: list[tuple[str, str]]) -> None:
    assert worst(list(serving.judge(facts, "2"))) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"public_url": "https://alerts.example.com"}, []),
        ({"public_url": "http://127.0.0.1:8080", "env": "development"}, []),
        ({"public_url": "http://localhost"}, [("public URL", "warning")]),
        ({"public_url": "http://alerts.example.com"}, [("public URL", "warning")]),
        ({"event_retention_days": 91}, [("retention", "warning")]),
        (
            {"event_retention_days": 365, "history_retention_days": 365},
            [("retention", "warning")],
        ),
    ],
)
def test_settings(fields: dict[str, object], said: list[tuple[str, str]]) -> None:
    config = Config(**fields)  # type: ignore[arg-type]
    assert worst(list(settings.judge(config, [], None))) == said


def test_the_file_system_is_that_of_the_nearest_mount(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
        "30 22 0:40 / /srv rw shared:7 master:1 - xfs /dev/sdb rw\n"
        "31 30 0:41 / /srv/a\\040b rw - nfs4 server:/export rw\n"
        "32 22 0:42 / /srvother rw - tmpfs tmpfs rw\n"
    )
    expected = {
        "/var/lib": "ext4",
        "/srv": "xfs",
        "/srv/x": "xfs",
        "/srv/a b/c": "nfs4",
        "/srvother/x": "tmpfs",
    }
    for folder, kind in expected.items():
        assert file_system(Path(folder), table) == kind
    assert file_system(Path("/srv"), tmp_path / "none") is None


def test_name_servers_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("# nameserver 1\nnameserver 192.0.2.1\n\nnameserver 192.0.2.2\n")
    assert name_servers(file) == 2
    assert name_servers(tmp_path / "none") is None


def test_spans_and_sizes_are_for_people() -> None:
    assert [duration(it) for it in (900, 90_000, 3 * MINUTE, 3 * DAY)] == [
        *("1 s", "90 s", "3 min", "3 days")
    ]
    assert [bytes_of(it) for it in (500, 2_500_000, 10**10)] == [
        *("0 kB", "2.5 MB", "10.0 GB")
    ]
