"""Builds the bundle of GraphiQL, once per state of its sources.

The folder of the bundle is replaced as a whole, and holds the fingerprint of what it
was made of. Nothing else of the server depends on it.
"""

import asyncio
import fcntl
import hashlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from server.graphiql.node import find_node
from server.graphiql.programs import ProgramError, run

HERE: Final = Path(__file__).parent
BUNDLE: Final = HERE / "build" / "bundle"
FILES: Final = "files.json"
_STAMP: Final = "stamp"
_SOURCES: Final = ("package.json", "package-lock.json", ".npmrc", "build.mjs", "source")
_LOOK_AGAIN_S: Final = 0.2


class BuildError(Exception):
    """The bundle cannot be built; the message says why, and what helps."""


def is_built(bundle: Path = BUNDLE) -> bool:
    """Tell whether the bundle is there, and of the sources as they are."""
    try:
        return (bundle / _STAMP).read_text() == fingerprint()
    except OSError:
        return False


def fingerprint() -> str:
    """Return a text that differs where any source does."""
    digest = hashlib.sha256()
    for path in _source_files():
        digest.update(f"{path.relative_to(HERE)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _source_files() -> Iterator[Path]:
    for name in _SOURCES:
        path = HERE / name
        if path.is_dir():
            yield from sorted(it for it in path.rglob("*") if it.is_file())
        else:
            yield path


async def build(bundle: Path = BUNDLE) -> None:
    """Build the bundle if it is not there yet; takes about half a minute.

    Several processes may ask at once: one builds, the others wait for it. Raises
    BuildError.
    """
    try:
        bundle.parent.mkdir(exist_ok=True)
        async with _alone(bundle):
            if not is_built(bundle):
                await _build(bundle)
    except ProgramError as error:
        raise BuildError(str(error)) from None
    except OSError as error:
        raise BuildError(f"{error.filename}: {error.strerror}.") from None


@asynccontextmanager
async def _alone(bundle: Path) -> AsyncIterator[None]:
    with (bundle.parent / f"{bundle.name}.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_LOOK_AGAIN_S)
        yield


async def _build(bundle: Path) -> None:
    node = await find_node()
    with tempfile.TemporaryDirectory(dir=bundle.parent) as temporary:
        work = Path(temporary)
        for path in _source_files():
            copy = work / path.relative_to(HERE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
        await run(*node.npm, "ci", "--ignore-scripts", at=work)
        made = work / "made"
        made.mkdir()
        await run(*node.node, "build.mjs", made.name, at=work)
        (made / _STAMP).write_text(fingerprint())
        _put_in_place(made, bundle, work / "before")


def _put_in_place(made: Path, bundle: Path, before: Path) -> None:
    if bundle.exists():
        bundle.rename(before)
    made.rename(bundle)


if __name__ == "__main__":
    try:
        asyncio.run(build())
    except BuildError as fault:
        sys.exit(f"GraphiQL cannot be built. {fault}")
