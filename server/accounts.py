"""Projects and API tokens, as the command line and the first start make them.

Each function is the work of one turn. A token is returned once and never stored.
"""

from collections.abc import Iterable
from typing import Final

from domain.channels import Plan
from domain.ids import Id, new_id
from domain.mailboxes import mailbox
from domain.scopes import Scope
from models.store import Row, Tx
from models.tokens import hash_of, hint_of, new_token

FIRST_PROJECT: Final = "default"

_USER: Final = """
SELECT id FROM person WHERE project_id = $1 AND mailbox = $2 AND deleted_at IS NULL"""


class NoSuchProjectError(Exception):
    """There is no project with this name."""


class NoSuchUserError(Exception):
    """The project has no user with this address."""


async def ensure_project(tx: Tx, name: str, plan: Plan, now: int) -> Id:
    """Return the id of the project with this name; make it if there is none."""
    await tx.execute(
        "INSERT INTO project (id, name, plan, created_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $4) ON CONFLICT (name) DO NOTHING",
        *(new_id(), name, plan.value, now),
    )
    return await project_named(tx, name)


async def project_named(tx: Tx, name: str) -> Id:
    """Return the id of the project with this name; raise NoSuchProjectError."""
    found = await tx.fetchval("SELECT id FROM project WHERE name = $1", name)
    if found is None:
        raise NoSuchProjectError(name)
    return Id(found)


async def add_token(  # noqa: PLR0913, PLR0917 - the arguments of one turn
    tx: Tx,
    project_id: Id,
    name: str,
    scopes: Iterable[Scope],
    expires_at: int | None,
    now: int,
    email: str | None = None,
) -> str:
    """Store a new token of a project and return it; with an address it is bound to the
    user whose that is. Raise NoSuchUserError.
    """
    user_id = None if email is None else await _user(tx, project_id, email)
    token = new_token()
    listed = ",".join(dict.fromkeys(scope.value for scope in scopes))
    await tx.execute(
        "INSERT INTO api_token"
        " (id, project_id, user_id, name, hash, hint, scopes, expires_at, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        *(new_id(), project_id, user_id, name, hash_of(token), hint_of(token), listed),
        *(expires_at, now),
    )
    return token


async def _user(tx: Tx, project_id: Id, email: str) -> Id:
    # A user who is being deleted takes the token along, or there is none to bind it to.
    ending = " FOR SHARE" if tx.dialect == "postgres" else ""
    found = await tx.fetchval(_USER + ending, project_id, mailbox(email))
    if found is None:
        raise NoSuchUserError
    return Id(found)


async def first_token(tx: Tx, plan: Plan, now: int) -> str | None:
    """Make the first project and its token; return None where there is a token."""
    if await tx.fetchval("SELECT 1 FROM api_token LIMIT 1"):
        return None
    project_id = await ensure_project(tx, FIRST_PROJECT, plan, now)
    return await add_token(tx, project_id, "first", [Scope.ADMIN], None, now)


async def revoke_token(tx: Tx, token_id: Id, now: int) -> bool:
    """Revoke a token; return False if there is none with this id."""
    statement = (
        "UPDATE api_token SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1"
    )
    return await tx.execute(statement, token_id, now) == 1


async def projects(tx: Tx) -> list[Row]:
    """Return all projects, oldest first."""
    return await tx.fetch("SELECT id, name, plan, created_at FROM project ORDER BY id")


async def tokens(tx: Tx, project: str | None) -> list[Row]:
    """Return all tokens, or those of one project; raise NoSuchProjectError."""
    project_id = None if project is None else await project_named(tx, project)
    rows = await tx.fetch(
        "SELECT t.id, t.project_id, p.name AS project, t.name, t.hint, t.scopes,"
        " t.expires_at, t.revoked_at, t.last_used_at"
        " FROM api_token t JOIN project p ON p.id = t.project_id ORDER BY t.id"
    )
    return [row for row in rows if project_id in {None, row["project_id"]}]
