"""Creates, changes and deletes resources: the same for every kind."""

# ruff: noqa: S608 - statements are put together from the table of kinds only

from collections.abc import Callable, Mapping
from typing import Any, Final

import strawberry

from domain.ids import Id, new_id
from domain.resources import ResourceKind
from models.store import Row, Tx, marks
from schema.checks import Checks
from schema.node import id_of
from schema.turns import Done

PORT_MOST: Final = 65_535


def _port(checks: Checks, value: int, *path: str) -> None:
    if not 1 <= value <= PORT_MOST:
        checks.refuse(f"Must be from 1 to {PORT_MOST}.", *path)


_CHECKS: Final[Mapping[str, Callable[..., None]]] = {
    "name": Checks.text,
    "host": Checks.host,
    "port": _port,
    "url": Checks.url,
}
"""The rule of a column, whichever kind has it."""


def check(kind: ResourceKind, given: object) -> Checks:
    """Return what is wrong with the fields of an input that creates or updates."""
    checks = Checks()
    for field in kind.fields:
        value = getattr(given, field)
        if value is None and field in kind.required:
            checks.refuse("Must not be null.", "input", field)
        elif value is not None and value is not strawberry.UNSET and field in _CHECKS:
            _CHECKS[field](checks, value, "input", field)
    return checks


async def read_resource(
    tx: Tx,
    project_id: Id,
    kind: ResourceKind,
    text: str,
    checks: Checks,
    *,
    lock: bool = False,
) -> Row | None:
    """Return the resource that the input names; None is noted as a fault."""
    found = id_of(kind.noun, text)
    columns = ", ".join(("id", *kind.fields, "updated_at"))
    statement = (
        f"SELECT {columns} FROM {kind.table} "
        "WHERE project_id = $1 AND id = $2 AND deleted_at IS NULL"
    )
    # SQLite has one writer: there is nothing to lock.
    ending = " FOR UPDATE" if lock and tx.dialect == "postgres" else ""
    row = found and await tx.fetchrow(statement + ending, project_id, found)
    if not row:
        message = f"There is no {kind.label} with this id."
        checks.refuse(message, "input", kind.id_alias, code=kind.not_found)
    return row or None


async def create(
    kind: ResourceKind,
    project_id: Id,
    given: Any,  # noqa: ANN401 - the input of a kind
    tx: Tx,
    now: int,
) -> Done:
    """Insert a resource whose fields have been checked."""
    columns = ", ".join(("id", "project_id", *kind.fields, "created_at", "updated_at"))
    count = len(kind.fields) + 4
    statement = f"INSERT INTO {kind.table} ({columns}) VALUES ({marks(count)})"
    made, values = new_id(), (getattr(given, field) for field in kind.fields)
    await tx.execute(statement, made, project_id, *values, now, now)
    return Done(made)


async def update(
    kind: ResourceKind,
    project_id: Id,
    given: Any,  # noqa: ANN401 - the input of a kind
    tx: Tx,
    now: int,
) -> Done:
    """Change what is given of a resource."""
    checks, named = check(kind, given), getattr(given, kind.id_field)
    row = await read_resource(tx, project_id, kind, named, checks, lock=True)
    if row is not None:
        checks.unchanged(row["updated_at"], given.if_updated_at)
    row = checks.need(row)
    values = (
        row[field] if (value := getattr(given, field)) is strawberry.UNSET else value
        for field in kind.fields
    )
    assignments = (f"{field} = ${n}" for n, field in enumerate(kind.fields, 3))
    statement = (
        f"UPDATE {kind.table} SET {', '.join(assignments)}, updated_at = $2 "
        "WHERE id = $1"
    )
    # Never twice the same, or a change would pass `ifUpdatedAt` unseen.
    at = max(now, row["updated_at"] + 1)
    await tx.execute(statement, row["id"], at, *values)
    return Done(row["id"])


async def delete(
    kind: ResourceKind,
    project_id: Id,
    given: Any,  # noqa: ANN401 - the input of a kind
    tx: Tx,
    now: int,
) -> Done:
    """Mark a resource as deleted: incidents still name it."""
    checks, named = Checks(), getattr(given, kind.id_field)
    row = await read_resource(tx, project_id, kind, named, checks, lock=True)
    found = checks.need(row)["id"]
    statement = (
        f"UPDATE {kind.table} SET deleted_at = $1, updated_at = $1 WHERE id = $2"
    )
    await tx.execute(statement, now, found)
    return Done(found)
