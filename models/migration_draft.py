"""What aerich makes of the models, for one dialect at a time and offline.

`python -m models.migration_draft` prints the comparison with the newest migration.
It is a program of its own because aerich keeps its state in its classes.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from aerich import Command
from aerich.coder import encoder
from aerich.utils import get_models_describe, import_py_file
from tortoise.context import TortoiseContext

from models.migration_files import APP

# Nobody is called: the addresses only have to be well-formed.
ADDRESSES: Final = {
    "postgres": "asyncpg://nobody@nowhere/none",
    "sqlite": "sqlite://none",
}


async def draft(dialect: str, parent: str, name: str, *modules: str) -> dict[str, str]:
    """Return name, SQL and state of a migration, or nothing where none is needed.

    The history is in the folder `models` of `parent`; aerich adds its file there.
    """
    command = Command(_config(ADDRESSES[dialect], modules), APP, f"{parent}/{{app}}")
    await command.init(offline=True)
    file = await command.migrate(name, no_input=True, offline=True)
    if not file:
        return {}
    said = import_py_file(Path(parent, APP, file))
    return {
        "name": file,
        "upgrade": await said.upgrade(None),
        "downgrade": await said.downgrade(None),
        "state": said.MODELS_STATE,
    }


async def described(modules: Sequence[str]) -> dict[str, Any]:
    """Return the models as they are now, as a migration's state would have them."""
    async with TortoiseContext() as context:
        config = _config(ADDRESSES["sqlite"], modules)
        await context.init(config, init_connections=False)
        now: dict[str, Any] = orjson.loads(encoder(get_models_describe(APP)))
        return now


def _config(address: str, modules: Sequence[str]) -> dict[str, Any]:
    app = {"models": list(modules), "default_connection": "default"}
    return {"connections": {"default": address}, "apps": {APP: app}}


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(asyncio.run(draft(*sys.argv[1:]))).decode())
