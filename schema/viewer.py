"""Who asks: the token's rights, its project, and the limits that hold for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import strawberry

from domain.ids import Id, encode
from domain.scopes import Scope
from models.store import Row
from schema.context import Info
from schema.enums import Plan
from schema.limits import ALIASES_MOST, DEPTH_MOST, DOCUMENT_MOST, TOKENS_MOST
from schema.listing import Where, read_rows
from schema.loaders import Loaders
from schema.node import MOST_NODES, Node, find_row, finds, in_order
from schema.pagination import PAGE, PAGE_MOST
from schema.price import PRICE_MOST
from schema.scopes import principal, query
from schema.times import DateTime
from schema.users import User

COLUMNS: Final = "id, name, plan, sms_credits, created_at"

strawberry.enum(Scope, description="What an API token may do.")


@dataclass(slots=True)
class ProjectRow:
    """The row of a `Project`."""

    key: Id
    name: str
    plan: str
    sms_credits: int | None
    created_at: int

    typename: ClassVar[str] = "Project"

    @property
    def id(self) -> str:
        """The global id."""
        return encode("Project", self.key)


@strawberry.type(description="The tenant: everything belongs to exactly one.")
class Project(Node):
    """Resolved from a `ProjectRow`."""

    name: str
    plan: Plan
    sms_credits: int | None = strawberry.field(description="Null: unlimited.")
    created_at: DateTime


@strawberry.type(description="The most that may be asked for at once.")
class Limits:
    """What holds for every token now."""

    page_size: int = strawberry.field(
        default=PAGE,
        description="Rows of a page where neither first nor last is given.",
    )
    page_size_most: int = strawberry.field(
        default=PAGE_MOST,
        description="Rows of a page.",
    )
    ids: int = strawberry.field(
        default=MOST_NODES,
        description="Ids in `nodes`, or in one list of a filter.",
    )
    characters: int = strawberry.field(
        default=DOCUMENT_MOST,
        description="Characters of a document.",
    )
    tokens: int = strawberry.field(
        default=TOKENS_MOST,
        description="Tokens of a document.",
    )
    depth: int = strawberry.field(
        default=DEPTH_MOST,
        description="Levels of fields, without those of connections.",
    )
    aliases: int = strawberry.field(
        default=ALIASES_MOST,
        description="Aliases, with all fragments unfolded.",
    )
    price: int = strawberry.field(
        default=PRICE_MOST,
        description="Fields that an operation may read, with pages at full length.",
    )


@strawberry.type(description="Whoever asks.")
class Viewer:
    """Made from the principal of the operation."""

    project: Project
    scopes: list[Scope] = strawberry.field(
        description="All that the token may, also what comes with a wider scope.",
    )
    expires_at: DateTime | None = strawberry.field(description="When the token ends.")
    limits: Limits
    user: User | None = strawberry.field(
        description="The user that the token is bound to.",
    )


@finds("Project")
async def projects_by_id(loaders: Loaders, ids: Sequence[Id]) -> Sequence[Any]:
    """Return the caller's own project, if it is among the ids."""
    where = Where()
    where.add("id = {}", loaders.project_id)
    rows = await read_rows(loaders, COLUMNS, "project", where, _project_row)
    return in_order(ids, rows)


def _project_row(_loaders: Loaders, row: Row) -> ProjectRow:
    return ProjectRow(Id(row["id"]), *(row[name] for name in COLUMNS.split(", ")[1:]))


@strawberry.type
class ViewerQueries:
    """The root query for whoever asks."""

    @query(Scope.READ, "The token that asks, its project and its limits.")
    async def viewer(self, info: Info) -> Viewer:
        """Describe the caller."""
        asking = principal(info.context)
        loaders = info.context.loaders
        return Viewer(
            project=await find_row(loaders, "Project", asking.project_id),
            scopes=sorted(asking.scopes, key=list(Scope).index),
            expires_at=_time(asking.expires_at),
            limits=Limits(),
            user=await _user(loaders, asking.user_id),
        )


async def _user(loaders: Loaders, user_id: Id | None) -> User | None:
    return None if user_id is None else await find_row(loaders, "User", user_id)


def _time(millis: int | None) -> DateTime | None:
    return None if millis is None else DateTime(millis)
