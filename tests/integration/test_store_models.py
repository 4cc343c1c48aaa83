"""Models beside raw SQL: inside turns, and to read outside them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tortoise import Model
from tortoise.transactions import in_transaction

from domain.deliveries import DeliveryStatus
from domain.ids import ZERO, Id, new_id
from models.deliveries import Delivery, Lane
from models.idempotency import IdempotencyKey
from models.incidents import Incident, IncidentEvent
from models.integrations import Attachment, Integration
from models.projects import ApiToken, Project
from models.resources import Server
from models.store import Store, Tx, UniqueViolationError, WriteOutsideTurnError
from tests.databases import copy_sqlite
from tests.stored import Gate, add, names, opened


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as it:
        yield it


def project(name: str, project_id: Id | None = None) -> Project:
    fields = {"plan": "PAID", "created_at": 1, "updated_at": 1}
    return Project(id=project_id or new_id(), name=name, **fields)


def values_of(row: Model) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row._meta.db_fields}  # noqa: SLF001


async def test_models_and_sql_see_each_other_in_a_turn(store: Store) -> None:
    async def work(tx: Tx) -> list[str]:
        raw = await add(tx, "raw")
        modelled = project("model")
        await modelled.save()
        modelled.plan = "FREE"
        await modelled.save(update_fields=["plan"])
        await tx.execute(
            "UPDATE project SET sms_credits = 3 WHERE id = $1", modelled.id
        )
        await modelled.refresh_from_db()
        found = await Project.filter(id__in=[raw, modelled.id]).order_by("name")
        return [f"{it.name} {it.plan} {it.sms_credits}" for it in found]

    assert await store.turn(work) == ["model FREE 3", "raw PAID None"]
    assert sorted(await names(store)) == ["model", "raw"]


async def test_what_tortoise_does_by_itself_works_in_a_turn(store: Store) -> None:
    async def work(tx: Tx) -> None:
        many = [project(f"p{number}") for number in range(4)]
        await Project.bulk_create(many)
        fields = {"id": new_id(), "plan": "PAID", "created_at": 1, "updated_at": 1}
        _, made = await Project.get_or_create(name="p0", defaults=fields)
        _, made_too = await Project.get_or_create(name="p9", defaults=fields)
        await Project.update_or_create(name="p1", defaults={"plan": "FREE"})
        await Project.filter(name="p2").delete()
        await (await Project.get(name="p3")).delete()
        token = ApiToken(
            id=new_id(),
            project_id=many[0].id,
            name="t",
            hash=b"\x00" * 32,
            hint="",
            scopes="READ",
            created_at=1,
        )
        await token.save()
        (loaded,) = await ApiToken.all().prefetch_related("project")
        assert (made, made_too, loaded.project.name) == (False, True, "p0")

    await store.turn(work)
    rows = await store.fetch("SELECT name, plan FROM project ORDER BY name")
    assert [tuple(row) for row in rows] == [
        *(("p0", "PAID"), ("p1", "FREE"), ("p9", "PAID")),
    ]


async def test_a_transaction_inside_a_turn_is_a_savepoint(store: Store) -> None:
    async def undone() -> None:
        async with in_transaction():
            await project("inner").save()
            await project("outer").save()

    async def work(tx: Tx) -> None:
        await project("outer").save()
        with pytest.raises(UniqueViolationError):
            await undone()
        async with in_transaction():
            await project("kept").save()

    await store.turn(work)
    assert sorted(await names(store)) == ["kept", "outer"]


async def test_a_model_with_a_taken_value_is_told_apart(store: Store) -> None:
    async def work(tx: Tx) -> None:
        await project("one").save()

    await store.turn(work)
    with pytest.raises(UniqueViolationError):
        await store.turn(work)


async def test_models_are_read_outside_turns(store: Store) -> None:
    project_id = await store.turn(add, "one")
    found = await Project.get(id=project_id)
    assert (found.id, found.name) == (project_id, "one")
    assert await Project.all().count() == 1
    assert await Project.filter(name__icontains="ON").values("plan") == [
        {"plan": "PAID"}
    ]


async def test_tasks_that_run_already_can_read_models(database_url: str) -> None:
    ready = asyncio.Event()

    async def early() -> int:
        await ready.wait()
        return await Project.all().count()

    task = asyncio.create_task(early())
    await asyncio.sleep(0)
    async with opened(database_url):
        ready.set()
        assert await task == 0


async def test_models_do_not_write_outside_turns(store: Store) -> None:
    project_id = await store.turn(add, "one")
    there = await Project.get(id=project_id)
    attempts: list[Callable[[], Awaitable[Any]]] = [
        project("two").save,
        there.delete,
        lambda: Project.filter(name="one").update(plan="FREE"),
        lambda: Project.bulk_create([project("two")]),
        lambda: Project.get_or_create(name="two", defaults={"id": new_id()}),
    ]
    for attempt in attempts:
        with pytest.raises(WriteOutsideTurnError):
            await attempt()
    assert await store.fetchval("SELECT plan FROM project") == "PAID"


async def test_a_turn_and_a_read_beside_it_use_their_own_connections(
    store: Store,
) -> None:
    gate = Gate()

    async def work(tx: Tx) -> int:
        await project("one").save()
        await gate.wait(tx)
        return await Project.all().count()

    turn = asyncio.ensure_future(store.turn(work))
    await gate.reached.wait()
    assert await Project.all().count() == 0
    gate.open()
    assert await turn == 1


async def test_every_model_can_be_written_and_read(store: Store) -> None:
    at = {"created_at": 1, "updated_at": 2}
    owner = project("one")
    mine = {"project_id": owner.id}
    integration = Integration(
        id=new_id(),
        type="WEBHOOK",
        name="hook",
        custom_name=False,
        active=True,
        down_alerts_only=False,
        all_resources=True,
        editable=True,
        deletable=True,
        verified=True,
        settings={"url": "http://x", "list": [1, None, "ü"]},
        secrets={},
        **mine,
        **at,
    )
    incident = Incident(
        id=new_id(),
        resource_type="Server",
        resource_name="n",
        resource_url="u",
        incident_type="DOWN",
        message="m",
        severity="HIGH",
        status="TRIGGERED",
        next_number=2,
        alert_count=1,
        started_at=1,
        **mine,
        **at,
    )
    lane = Lane(
        id=new_id(), integration_id=integration.id, channel="WEBHOOK", slots=8, **mine
    )
    rows = [
        owner,
        integration,
        incident,
        lane,
        Server(id=new_id(), name="s", host="h", **mine, **at),
        Attachment(
            id=new_id(),
            resource_type="Server",
            resource_id=new_id(),
            integration_id=integration.id,
            created_at=1,
            **mine,
        ),
        IncidentEvent(
            id=new_id(),
            incident_id=incident.id,
            number=1,
            kind="OPENED",
            at=1,
            snapshot={"a": {"b": 1}},
            **mine,
        ),
        Delivery(
            id=new_id(),
            lane_id=lane.id,
            kind="OPENED",
            status=DeliveryStatus.RETRYING,
            expires_at=1 << 50,
            body={"steps": []},
            message_id="msg",
            **mine,
            **at,
        ),
        IdempotencyKey(
            id=new_id(),
            key="k",
            operation="o",
            input_hash=b"\xff",
            result={},
            created_at=1,
            **mine,
        ),
    ]

    async def work(tx: Tx) -> None:
        for row in rows:
            await row.save()

    await store.turn(work)
    for row in rows:
        found = await type(row).get(pk=row.pk)
        assert values_of(found) == values_of(row)
    assert (await Incident.get(id=incident.id)).source_id == ZERO
    assert (await Integration.get(id=integration.id)).active is True
    assert await store.fetchval("SELECT manual FROM delivery") in (0, False)


async def test_stores_of_both_kinds_follow_each_other(
    sqlite_url: str, postgres_url: str, migrated_sqlite: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    copy_sqlite(migrated_sqlite, other)

    async def work(tx: Tx) -> None:
        row = project("one")
        await row.save()
        row.plan = "FREE"
        await row.save()
        await project("two").save()
        await Project.filter(name="two").delete()

    for url in (sqlite_url, postgres_url, f"sqlite://{other}"):
        async with opened(url) as store:
            await store.turn(work)
            assert (await Project.get(name="one")).plan == "FREE"
            assert await Project.all().count() == 1


async def test_two_stores_of_one_database_work_beside_each_other(
    database_url: str,
) -> None:
    async def work(tx: Tx, name: str) -> int:
        await project(name).save()
        return await Project.all().count()

    async with opened(database_url) as one:
        async with opened(database_url) as two:
            assert await one.turn(work, "a") == 1
            assert await two.turn(work, "b") == 2
        assert await one.turn(work, "c") == 3
        assert await Project.all().count() == 3


async def test_no_log_shows_what_models_hold(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def work(tx: Tx) -> None:
        await project("canary-model").save()
        await Project.bulk_create([project("canary-bulk")])
        await add(tx, "canary-raw")

    await store.turn(work)
    assert await Project.filter(name="canary-model").count() == 1
    with pytest.raises(UniqueViolationError):
        await store.turn(work)
    assert "canary" not in caplog.text
