"""PostgreSQL's own programs, pg_dump and pg_restore: found, and run so that no password
is ever among their arguments, where every user of the machine could read it.
"""

import asyncio
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from server.backup_archive import BackupError

_DEBIAN: Final = Path("/usr/lib/postgresql")
_PARAMETERS: Final = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "database": "PGDATABASE",
    "dbname": "PGDATABASE",
    "passfile": "PGPASSFILE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
_SAID_MOST: Final = 500


def environment(url: str) -> dict[str, str]:
    """Return the variables by which PostgreSQL's programs reach a database."""
    parts = urlsplit(url)
    given = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port or ""),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.removeprefix("/")),
    }
    for name, value in parse_qsl(parts.query):
        if name in _PARAMETERS:
            given[_PARAMETERS[name]] = value
    return {name: value for name, value in given.items() if value}


def database_of(url: str) -> str:
    """Return the name of the database of a URL; as the server, the user's if none."""
    given = environment(url)
    return given.get("PGDATABASE") or given.get("PGUSER") or "postgres"


def other_database(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    parts = urlsplit(url)
    kept = [
        it
        for it in parts.query.split("&")
        if it and it.partition("=")[0] not in {"database", "dbname"}
    ]
    path = f"/{quote(name, safe='')}"
    return parts._replace(path=path, query="&".join(kept)).geturl()


async def find(name: str, least: int) -> Path:
    """Return a program of at least a major version: on the PATH, or where Debian keeps
    it. Raise BackupError that says how to get one.
    """
    found = []
    for program in _candidates(name):
        major = await _major(program)
        if major is not None and major >= least:
            return program
        found.append(f"{program} is of version {major or 'unknown'}")
    seen = f" ({'; '.join(found)})" if found else ""
    message = (
        f"The database is PostgreSQL {least}, and {name} of version {least} or newer is "
        f"needed{seen}: install PostgreSQL's client programs (Debian: "
        f"postgresql-client-{least}) and have {name} on the PATH."
    )
    raise BackupError(message)


async def run(program: Path, *arguments: str, env: Mapping[str, str]) -> str:
    """Run a program to its end and return what it prints; raise BackupError. Cut off,
    it is ended, too.
    """
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        env={**os.environ, "PGAPPNAME": "tocsin backup", **env},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        printed, said = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
        await process.wait()
        raise
    if process.returncode:
        reason = said.decode(errors="replace").strip()[:_SAID_MOST]
        if password := env.get("PGPASSWORD"):
            reason = reason.replace(password, "***")
        reason = reason or f"it ended with {process.returncode}"
        raise BackupError(f"{program.name} failed: {reason}")
    return printed.decode(errors="replace")


def _candidates(name: str) -> list[Path]:
    on_path = shutil.which(name)
    folders = sorted(
        _DEBIAN.glob("*/bin"), key=lambda it: it.parent.name.zfill(3), reverse=True
    )
    found = [Path(on_path)] if on_path else []
    return found + [it / name for it in folders if (it / name).exists()]


async def _major(program: Path) -> int | None:
    try:
        said = await run(program, "--version", env={})
    except (BackupError, OSError):
        return None
    version = re.search(r"(\d+)(?:\.\d+|devel|beta|rc|\b)", said)
    return int(version[1]) if version else None
