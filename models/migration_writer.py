"""Write a migration for changed models, and find out whether one is lacking."""

import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from models import migration_draft
from models.migration_files import APP, FOLDER, MODULES, Dialect, files, read

DIALECTS: Final[tuple[Dialect, ...]] = ("postgres", "sqlite")
FOR_PEOPLE: Final = {"docstring", "description"}

TEMPLATE: Final = '''\
from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

UPGRADE = {{
    "postgres": """
{0.upgrade}
""",
    "sqlite": """
{1.upgrade}
""",
}}

DOWNGRADE = {{
    "postgres": """
{0.downgrade}
""",
    "sqlite": """
{1.downgrade}
""",
}}


async def upgrade(db: BaseDBAsyncClient) -> str:
    return UPGRADE[db.capabilities.dialect]


async def downgrade(db: BaseDBAsyncClient) -> str:
    return DOWNGRADE[db.capabilities.dialect]


MODELS_STATE = (
{state}
)
'''


@dataclass(frozen=True, slots=True)
class Draft:
    """What aerich thinks of for one dialect; empty where it cannot do it."""

    name: str = ""
    upgrade: str = ""
    downgrade: str = ""
    state: str = ""
    complaint: str = ""


def write(
    name: str, folder: Path = FOLDER, modules: Sequence[str] = MODULES
) -> list[str]:
    """Add a file for what changed in the models; return what is left to do by hand."""
    postgres, sqlite = (_draft(it, name, folder, modules) for it in DIALECTS)
    if not postgres.name:
        return [f"Nothing was written. {postgres.complaint}".strip()]
    state = "\n".join(f'    "{part}"' for part in textwrap.wrap(postgres.state, 78))
    text = TEMPLATE.format(postgres, sqlite, state=state)
    (folder / postgres.name).write_text(text)
    if sqlite.name:
        return []
    todo = (
        f"{postgres.name}: write the part for SQLite by hand, as a new table that "
        f"takes the rows, the indexes and the name of the old one. {sqlite.complaint}"
    )
    return [todo]


def _draft(dialect: Dialect, name: str, folder: Path, modules: Sequence[str]) -> Draft:
    with tempfile.TemporaryDirectory() as parent:
        shutil.copytree(folder, Path(parent) / APP)
        program = [sys.executable, "-m", migration_draft.__name__]
        done = subprocess.run(  # noqa: S603 - a module of ours
            [*program, dialect, parent, name, *modules],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        return Draft(complaint=done.stderr.strip().rpartition("\n")[2])
    return Draft(**orjson.loads(done.stdout.rpartition("\n")[2]))


async def faults(folder: Path = FOLDER, modules: Sequence[str] = MODULES) -> list[str]:
    """Return what is wrong with the history: empty dialects, models ahead of it."""
    steps = [read(file) for file in files(folder)]
    found = [
        f"{step.version} does nothing on {dialect}."
        for step in steps
        for dialect in DIALECTS
        for part in (step.upgrade, step.downgrade)
        if not part.get(dialect, "").strip()
    ]
    then = steps[-1].models if steps else {}
    now = await migration_draft.described(modules)
    return found + [
        f"{model} has changed: run `make migration NAME=what_changes`."
        for model in sorted(then.keys() | now.keys())
        if _stored(then.get(model)) != _stored(now.get(model))
    ]


def _stored(described: object) -> object:
    """Return a description without the words that are for people."""
    if isinstance(described, dict):
        kept: dict[str, Any] = described
        return {key: _stored(it) for key, it in kept.items() if key not in FOR_PEOPLE}
    if isinstance(described, list):
        return [_stored(it) for it in described]
    return described
