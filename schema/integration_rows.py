"""Rows of integrations: apart from their types, since other nouns lead to them."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import orjson

from domain.ids import Id, encode
from models.store import Row
from schema.derived import BY_TYPE, TYPENAMES
from schema.listing import Listing, Where, read_rows
from schema.loaders import Loaders
from schema.node import find_row, finds, in_order
from schema.pagination import Order
from schema.settings_output import shown
from schema.verification import Verification, verification

COLUMNS: Final = (
    "id, type, name, active, down_alerts_only, editable, deletable, error, "
    "all_resources, settings, secrets, owner_id, verified, verified_at, created_at, "
    "updated_at"
)


@dataclass(slots=True)
class IntegrationRow:
    """The row of an `Integration`; `type` is the stored name of its channel."""

    loaders: Loaders
    key: Id
    type: str
    name: str
    active: bool
    down_alerts_only: bool
    all_resources: bool
    editable: bool
    deletable: bool
    error: str | None
    stored_settings: str
    stored_secrets: str
    owner_key: Id | None
    verified: bool
    verified_at: int | None
    created_at: int
    updated_at: int

    @property
    def id(self) -> str:
        """The global id."""
        return encode("Integration", self.key)

    @property
    def typename(self) -> str:
        """The name of its GraphQL type."""
        return TYPENAMES[self.type]

    @property
    def owner(self) -> Awaitable[object] | None:
        """The user whose it is alone."""
        key = self.owner_key
        return None if key is None else find_row(self.loaders, "User", key)

    @property
    def verification(self) -> Verification:
        """How the verification of its address stands."""
        return verification(verified=self.verified, verified_at=self.verified_at)

    @property
    def settings(self) -> SimpleNamespace:
        """The settings as clients see them; nothing is decrypted."""
        plain, secrets = (
            orjson.loads(text) for text in (self.stored_settings, self.stored_secrets)
        )
        return shown(BY_TYPE[self.type].settings, plain, secrets)


def integration_row(loaders: Loaders, row: Row) -> IntegrationRow:
    """Make the row object from COLUMNS."""
    return IntegrationRow(
        loaders=loaders,
        key=Id(row["id"]),
        type=row["type"],
        name=row["name"],
        active=bool(row["active"]),
        down_alerts_only=bool(row["down_alerts_only"]),
        all_resources=bool(row["all_resources"]),
        editable=bool(row["editable"]),
        deletable=bool(row["deletable"]),
        error=row["error"],
        stored_settings=row["settings"],
        stored_secrets=row["secrets"],
        owner_key=row["owner_id"],
        verified=bool(row["verified"]),
        verified_at=row["verified_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


@finds("Integration")
async def integrations_by_id(loaders: Loaders, ids: Sequence[Id]) -> Sequence[Any]:
    """Return the project's integrations with these ids that are not deleted."""
    return await _by_id(loaders, ids, Where("deleted_at IS NULL"))


@finds("Integration", deleted_too=True)
async def past_integrations_by_id(loaders: Loaders, ids: Sequence[Id]) -> Sequence[Any]:
    """Return the project's integrations with these ids, deleted or not."""
    return await _by_id(loaders, ids, Where())


async def _by_id(loaders: Loaders, ids: Sequence[Id], where: Where) -> Sequence[Any]:
    where.add("project_id = {}", loaders.project_id)
    where.among("id", ids)
    rows = await read_rows(loaders, COLUMNS, "integration", where, integration_row)
    return in_order(ids, rows)


def integration_listing(where: Where, *, descending: bool) -> Listing:
    """Return a project's integrations that are not deleted, by time of creation."""
    return Listing(
        columns=COLUMNS,
        source="integration",
        parent="project_id",
        order=Order("integrations", "created_at", descending=descending),
        make=integration_row,
        conditions=("deleted_at IS NULL", *where.conditions),
        values=tuple(where.values),
    )
