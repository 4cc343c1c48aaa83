"""What the migrations make: as the models say, and as the engine's statements need."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.migration_files import files, read
from models.store import Store
from tests.stored import opened

# What the type of a field is called by the database.
TYPES = {
    "sqlite": {
        "IdField": "BLOB",
        "BytesField": "BLOB",
        "TextField": "TEXT",
        "JsonField": "TEXT",
        "MillisField": "BIGINT",
        "BigIntField": "BIGINT",
        "IntField": "INT",
        "SmallIntField": "SMALLINT",
        "BooleanField": "INT",
    },
    "postgres": {
        "IdField": "uuid",
        "BytesField": "bytea",
        "TextField": "text",
        "JsonField": "text",
        "MillisField": "bigint",
        "BigIntField": "bigint",
        "IntField": "integer",
        "SmallIntField": "smallint",
        "BooleanField": "boolean",
    },
}

# name: (table, columns, unique, condition). Where nothing is said, for both.
INDEXES = {
    "api_token_project": ("api_token", "project_id, created_at, id", False, ""),
    "server_page": ("server", "project_id, created_at, id", False, "deleted_at"),
    "network_monitor_page": (
        *("network_monitor", "project_id, created_at, id", False, "deleted_at"),
    ),
    "network_monitor_deleted": (
        *("network_monitor", "deleted_at, id", False, "deleted_at"),
    ),
    "integration_page": (
        *("integration", "project_id, created_at, id", False, "deleted_at owner_id"),
    ),
    "integration_personal": (
        *("integration", "project_id, created_at, id", False, "deleted_at owner_id"),
    ),
    "integration_owner": (
        *("integration", "owner_id, created_at, id", False, "owner_id"),
    ),
    "integration_mailbox": ("integration", "project_id, mailbox", False, "mailbox"),
    "person_page": ("person", "project_id, created_at, id", False, "deleted_at"),
    "person_mailbox": ("person", "project_id, mailbox", True, "deleted_at"),
    "team_page": ("team", "project_id, created_at, id", False, ""),
    "team_member_pair": ("team_member", "team_id, user_id", True, ""),
    "team_member_user": ("team_member", "user_id", False, ""),
    "notification_rule_place": (
        *("notification_rule", "user_id, place, integration_id", True, ""),
    ),
    "notification_rule_integration": ("notification_rule", "integration_id", False, ""),
    "verification_user": ("verification", "user_id, created_at", False, ""),
    "verification_sent": ("verification", "project_id, created_at", False, ""),
    "verification_age": ("verification", "created_at", False, ""),
    "lane_outside": ("lane", "project_id, channel", True, "integration_id"),
    "attachment_pair": ("attachment", "resource_id, integration_id", True, ""),
    "attachment_integration": (
        *("attachment", "integration_id, created_at, id", False, ""),
    ),
    "integration_all_resources": (
        *("integration", "project_id", False, "all_resources deleted_at"),
    ),
    "incident_open": ("incident", "project_id, source_id, dedup_hash", True, "status"),
    "incident_page": ("incident", "project_id, created_at, id", False, "test"),
    "incident_event_number": ("incident_event", "incident_id, number", True, ""),
    "lane_due": ("lane", "project_id, next_due_at", False, "next_due_at"),
    "delivery_chain": ("delivery", "incident_id, lane_id, number", True, ""),
    "delivery_waiting": ("delivery", "lane_id, due_at, id", False, "status due_at"),
    "delivery_sending": ("delivery", "lane_id", False, "status"),
    "delivery_unfinished": ("delivery", "created_at", False, "status manual"),
    "attempt_marked": ("attempt", "marked_at", False, "marked_at"),
    "delivery_page": ("delivery", "project_id, created_at, id", False, ""),
    "delivery_status": ("delivery", "project_id, status, created_at, id", False, ""),
    "delivery_integration": (
        *("delivery", "integration_id, status, created_at, id", False, ""),
    ),
    "incident_status": (
        *("incident", "project_id, status, created_at, id", False, "test"),
    ),
    "incident_resource": (
        *("incident", "resource_id, created_at, id", False, "resource_id"),
    ),
    "incident_ended": ("incident", "updated_at, id", False, "status test"),
    "delivery_outside": ("delivery", "updated_at, id", False, "incident_id status"),
    "integration_deleted": ("integration", "deleted_at, id", False, "deleted_at"),
    "server_deleted": ("server", "deleted_at, id", False, "deleted_at"),
    "idempotency_key": ("idempotency", "project_id, key", True, ""),
    "idempotency_age": ("idempotency", "created_at", False, ""),
}
LOG_INDEXES = {
    "sqlite": {
        "event_log_project": ("event_log", "project_id, position", False, ""),
    },
    "postgres": {
        "event_log_unnumbered": ("event_log", "id", False, "position"),
        "event_log_position": ("event_log", "position", True, "position"),
        "event_log_project": ("event_log", "project_id, position", False, "position"),
    },
}

# Tables without a model: column to (kind of field, may be NULL).
ATTEMPT = {
    "delivery_id": ("IdField", False),
    "number": ("IntField", False),
    "worker": ("MillisField", False),
    "started_at": ("MillisField", False),
    "ended_at": ("MillisField", True),
    "outcome": ("SmallIntField", True),
    "step": ("IntField", True),
    "status_code": ("IntField", True),
    "duration_ms": ("IntField", True),
    "error": ("TextField", True),
    "excerpt": ("TextField", True),
    "marked_at": ("MillisField", True),
}
FAR_END = {
    "incident_id": ("IdField", False),
    "integration_id": ("IdField", False),
    "state": ("TextField", False),
}
EVENT_LOG = {
    "project_id": ("IdField", False),
    "kind": ("TextField", False),
    "delivery_id": ("IdField", True),
    "integration_id": ("IdField", True),
    "incident_id": ("IdField", True),
    "body": ("TextField", False),
    "at": ("MillisField", False),
}
BY_HAND = {
    "attempt": ATTEMPT,
    "far_end": FAR_END,
    "event_log": EVENT_LOG,
    "worker": {"lease_until": ("MillisField", False)},
    "counter": {"name": ("TextField", False), "value": ("MillisField", False)},
    "log_epoch": {"epoch": ("TextField", False)},
}

Columns = dict[str, tuple[str, bool]]


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as it:
        yield it


async def columns_of(store: Store, table: str) -> Columns:
    """Return type and nullability of each column."""
    if store.dialect == "sqlite":
        rows = await store.fetch("SELECT * FROM pragma_table_info($1)", table)
        return {row["name"]: (row["type"], not row["notnull"]) for row in rows}
    rows = await store.fetch(
        "SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull "
        "FROM pg_attribute WHERE attrelid = CAST($1 AS text)::regclass "
        "AND attnum > 0 AND NOT attisdropped",
        table,
    )
    return {row[0]: (row[1], row[2]) for row in rows}


async def indexes_of(store: Store) -> dict[str, str]:
    """Return the SQL of each index that has one."""
    sqlite = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql > ''"
    postgres = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    rows = await store.fetch(sqlite if store.dialect == "sqlite" else postgres)
    return {row[0]: row[1] for row in rows}


def models() -> dict[str, dict[str, Any]]:
    """Describe the models after the last migration, which are those of today."""
    described = read(files()[-1]).models
    return {
        it["table"]: it for name, it in described.items() if name != "models.Aerich"
    }


def fields_of(model: dict[str, Any]) -> list[dict[str, Any]]:
    """List the fields of a model that are columns."""
    return [model["pk_field"], *model["data_fields"]]


@pytest.mark.parametrize("table", sorted(models()))
async def test_a_table_is_what_its_model_says(store: Store, table: str) -> None:
    types = TYPES[store.dialect]
    expected = {
        field["db_column"]: (types[field["field_type"]], field["nullable"])
        for field in fields_of(models()[table])
    }
    assert await columns_of(store, table) == expected


@pytest.mark.parametrize("table", sorted(BY_HAND))
async def test_a_table_without_a_model_has_its_columns(
    store: Store, table: str
) -> None:
    types = TYPES[store.dialect]
    found = await columns_of(store, table)
    keys = {"id", "position"} & (found.keys() - BY_HAND[table].keys())
    expected = {
        name: (types[kind], null) for name, (kind, null) in BY_HAND[table].items()
    }
    assert {name: it for name, it in found.items() if name not in keys} == expected
    assert bool(keys) == (table in {"worker", "event_log"})


async def test_no_other_table_is_there(store: Store) -> None:
    sqlite = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    postgres = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    rows = await store.fetch(sqlite if store.dialect == "sqlite" else postgres)
    found = {row[0] for row in rows} - {"sqlite_sequence"}
    only_here = {"wake"} if store.dialect == "postgres" else set()
    assert found == {"aerich", *models(), *BY_HAND, *only_here}


async def test_the_engine_finds_its_indexes(store: Store) -> None:
    found = await indexes_of(store)
    for name, expected in (INDEXES | LOG_INDEXES[store.dialect]).items():
        table, columns, unique, condition = expected
        sql = re.sub(r"\s+", " ", found.pop(name)).replace('"', "")
        head, _, where = sql.partition(" WHERE ")
        assert re.search(rf" ON (public\.)?{table} ", head), sql
        assert re.search(r"\(([^()]*)\)$", head)[1] == columns  # type: ignore[index]
        assert (" UNIQUE " in head) is unique
        assert all(word in where for word in condition.split())
        assert bool(where) is bool(condition)
    left = {name for name in found if not name.endswith(("_pkey", "_key"))}
    assert left == set()


async def test_single_unique_columns_are_unique(store: Store) -> None:
    expected = {
        (table, field["db_column"])
        for table, model in models().items()
        for field in fields_of(model)
        if field["unique"] and field is not model["pk_field"]
    }
    if store.dialect == "postgres":
        rows = await store.fetch(
            "SELECT tablename, indexdef FROM pg_indexes WHERE indexname ~ '_key$'"
        )
        found = {(row[0], row[1].rpartition("(")[2].rstrip(")")) for row in rows}
        found = {it for it in found if "," not in it[1]}
    else:
        found = set()
        for table in models():
            for index in await store.fetch(
                "SELECT * FROM pragma_index_list($1)", table
            ):
                if index["origin"] == "u":
                    info = "SELECT name FROM pragma_index_info($1)"
                    found.add((table, await store.fetchval(info, index["name"])))
    assert found == expected
    assert ("project", "name") in expected


async def test_a_session_or_position_number_never_comes_back(store: Store) -> None:
    async def work(tx: Any) -> list[int]:  # noqa: ANN401
        given = []
        for _ in range(2):
            given.append(
                await tx.fetchval(
                    "INSERT INTO worker (lease_until) VALUES (1) RETURNING id"
                )
            )
            await tx.execute("DELETE FROM worker")
        return given

    first, second = await store.turn(work)
    assert second > first


async def test_a_log_starts_at_zero_in_an_epoch_of_its_own(
    sqlite_url: str, postgres_url: str
) -> None:
    epochs = []
    for url in (sqlite_url, postgres_url):
        async with opened(url) as store:
            epochs.append(await store.fetchval("SELECT epoch FROM log_epoch"))
            rows = await store.fetch("SELECT name, value FROM counter")
            assert [tuple(row) for row in rows] == [("position", 0)]
    assert all(re.fullmatch("[0-9a-f]{32}", epoch) for epoch in epochs)
    assert epochs[0] != epochs[1]


async def test_hot_tables_leave_room_on_their_pages(postgres_url: str) -> None:
    async with opened(postgres_url) as store:
        rows = await store.fetch(
            "SELECT relname, reloptions FROM pg_class WHERE relname IN ('lane', 'delivery')"
        )
    options = {row[0]: " ".join(row[1]) for row in rows}
    assert "fillfactor=70" in options["lane"]
    assert "fillfactor=80" in options["delivery"]


async def test_one_open_incident_per_key(store: Store) -> None:
    columns = (
        "id, project_id, resource_type, resource_name, resource_url, dedup_hash, "
        "incident_type, message, severity, next_number, alert_count, started_at, "
        "created_at, updated_at, status"
    )
    values = "'Server', 'n', 'u', $3, 'DOWN', 'm', 'HIGH', 1, 1, 1, 1, 1, $4"
    insert = f"INSERT INTO incident ({columns}) VALUES ($1, $2, {values})"  # noqa: S608
    project, other = bytes(15) + b"\x01", bytes(15) + b"\x02"

    async def work(tx: Any, *rows: tuple[Any, ...]) -> None:  # noqa: ANN401
        for number, row in enumerate(rows):
            await tx.execute(insert, row[0] + bytes([number]), *row[1:])

    key = b"k" * 32
    await store.turn(
        work,
        (b"a" * 15, project, key, "TRIGGERED"),
        (b"a" * 15, other, key, "TRIGGERED"),
        (b"a" * 15, project, key, "RESOLVED"),
        (b"a" * 15, project, None, "TRIGGERED"),
        (b"a" * 15, project, None, "TRIGGERED"),
    )
    with pytest.raises(Exception, match="UNIQUE"):
        await store.turn(work, (b"b" * 15, project, key, "ACKNOWLEDGED"))
    assert await store.fetchval("SELECT count(*) FROM incident") == 5
