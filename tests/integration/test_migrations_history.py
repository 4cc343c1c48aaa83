"""The tools of the history: writing a migration, and noticing that one is lacking."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from models.migrate import main, upgrade
from models.migration_files import FOLDER, files, read
from tests.databases import PostgresServer, create_database, drop_database

ROOT = FOLDER.parents[1]
# aerich and Tortoise keep state in their classes, so all of this runs elsewhere.
TOOL = """
import asyncio, pathlib, sys
from models.migration_files import MODULES
from models.migration_writer import faults, write
verb, folder = sys.argv[1], pathlib.Path(sys.argv[2])
modules = (*MODULES, "extra_models")
said = asyncio.run(faults(folder, modules)) if verb == "check" else write("extra", folder, modules)
print("\\n".join(said))
"""
MODELS = '''
"""Models for a test."""
from tortoise import Model
from models.fields import IdField, JsonField, MillisField, TextField

class Extra(Model):
    """{docstring}"""
    id = IdField(primary_key=True)
    name = TextField(unique=True)
    seen_at = MillisField(null={null})
    {more}

    class Meta:
        table = "extra"
'''


class Tools:
    """A copy of the history, one more module of models, and the tools."""

    def __init__(self, parent: Path) -> None:
        self.parent = parent
        self.folder = parent / "history"
        shutil.copytree(FOLDER, self.folder)

    def models(
        self, *, null: bool = True, more: str = "", docstring: str = "x"
    ) -> None:
        """Say what the additional model looks like now."""
        text = MODELS.format(null=null, more=more, docstring=docstring)
        (self.parent / "extra_models.py").write_text(text)

    def run(self, verb: str) -> list[str]:
        """Check or write, and return what is said."""
        done = subprocess.run(
            [sys.executable, "-c", TOOL, verb, str(self.folder)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": f"{ROOT}:{self.parent}"},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(tmp_path)


def test_the_history_is_up_to_date_with_the_models() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "models.migrate", "check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_wrong_arguments_are_answered_with_the_right_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for wrong in (["new"], ["new", "NAME=a b"], ["new", "NAME="], ["other"], []):
        assert main(wrong) == 1
        assert capsys.readouterr().err.startswith("usage:")


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_every_file_has_both_dialects(file: Path) -> None:
    step = read(file)
    for part in (step.upgrade, step.downgrade):
        assert set(part) == {"sqlite", "postgres"}
        assert all(script.strip() for script in part.values())


async def test_a_changed_model_is_noticed_and_gets_a_file_for_both(
    tools: Tools, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    tools.models()
    assert tools.run("check") == [
        "models.Extra has changed: run `make migration NAME=what_changes`."
    ]
    assert tools.run("new") == [""]
    assert tools.run("check") == [""]
    tools.models(more="wide = JsonField(null=True)")
    assert tools.run("new") == [""]
    assert tools.run("check") == [""]
    numbers = [int(it.name.partition("_")[0]) for it in files(tools.folder)]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == len(files()) + 2

    name = await create_database(postgres_server)
    file = tmp_path / "new.db"
    for url in (postgres_server.url(name), f"sqlite://{file}"):
        assert len(await upgrade(url, tools.folder)) == len(numbers)
    await drop_database(postgres_server, name)
    with sqlite3.connect(file) as there:
        columns = [row[1] for row in there.execute("PRAGMA table_info(extra)")]
    there.close()
    assert columns == ["id", "name", "seen_at", "wide"]


def test_unchanged_models_get_no_file(tools: Tools) -> None:
    tools.models()
    tools.run("new")
    before = files(tools.folder)
    tools.models(docstring="Words for people change nothing.")
    assert tools.run("check") == [""]
    assert tools.run("new") == ["Nothing was written."]
    assert files(tools.folder) == before


def test_what_sqlite_cannot_do_is_left_to_a_person_and_not_forgotten(
    tools: Tools,
) -> None:
    tools.models()
    tools.run("new")
    tools.models(null=False)
    (todo,) = tools.run("new")
    newest = files(tools.folder)[-1]
    assert todo.startswith(f"{newest.name}: write the part for SQLite by hand")
    assert "SET NOT NULL" in read(newest).upgrade["postgres"]
    assert set(tools.run("check")) == {f"{newest.name} does nothing on sqlite."}
