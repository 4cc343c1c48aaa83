"""Finds out about the machine, the files, and the resolver."""

import os
import resource
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from models.database_url import SqliteFile, parse_url
from server import data_dir
from server.config import Config
from server.doctor.files import File
from server.doctor.machine import Machine

UNLIMITED: Final = 2**31
MOUNTS: Final = Path("/proc/self/mountinfo")
_BESIDE: Final = ("", "-wal", "-shm")


def machine(config: Config, now: int, newest: int | None) -> Machine:
    """Find out about the machine on which the data directory is."""
    folder = _existing(database_folder(config))
    usage, held = shutil.disk_usage(folder), data_dir.holder(config.data_dir)
    inodes = os.statvfs(folder)
    whose, limit = open_files(held[0] if held else None)
    return Machine(
        folder=folder,
        free=usage.free,
        total=usage.total,
        # Some file systems have no fixed number of them.
        inodes=inodes.f_favail if inodes.f_files else None,
        file_system=file_system(folder),
        open_files=limit,
        files_of=whose,
        now=now,
        newest=newest,
    )


def database_folder(config: Config) -> Path:
    """Return where the database's file is; the data directory on PostgreSQL."""
    database = parse_url(config.database_url)
    if isinstance(database, SqliteFile):
        return database.path.absolute().parent
    return config.data_dir.absolute()


def files(config: Config) -> list[File]:
    """Find out about the data directory and the files in it that are there."""
    folder, database = config.data_dir, parse_url(config.database_url)
    found = [(folder, False)]
    found += [(folder / it, True) for it in (data_dir.KEY_FILE, data_dir.TOKEN_FILE)]
    if isinstance(database, SqliteFile):
        path = database.path
        found += [(path.with_name(path.name + it), False) for it in _BESIDE]
    return [it for path, secret in found for it in _file(path, secret)]


def ca_fault(path: Path | None) -> str | None:
    """Return why a file of authorities cannot be used, if it cannot."""
    if path is None:
        return None
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(path)
    except (OSError, ssl.SSLError) as error:
        return error.strerror or "it holds no certificates"
    return None if context.get_ca_certs() else "it holds no authority"


def file_system(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the kind of the file system of a folder, where the system tells."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    best, kind = "", None
    for line in lines:
        fields = line.split()
        point, after = _unescaped(fields[4]), fields[fields.index("-") + 1 :]
        if folder.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, after[0]
    return kind


def open_files(server: int | None) -> tuple[str, int]:
    """Return whose limit of open files was found out, and what it is."""
    if server:
        try:
            for line in Path(f"/proc/{server}/limits").read_text("utf-8").splitlines():
                if line.startswith("Max open files"):
                    given = line.split()[3]
                    return "the server", int(given) if given.isdigit() else UNLIMITED
        except OSError:
            pass
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return (
        "a program started here",
        UNLIMITED if soft == resource.RLIM_INFINITY else soft,
    )


def knows_localhost() -> bool:
    """Tell whether the resolver knows this machine."""
    try:
        return bool(socket.getaddrinfo("localhost", 80))
    except OSError:
        return False


def name_servers(file: Path = Path("/etc/resolv.conf")) -> int | None:
    """Return how many name servers are set, where that can be told."""
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    return sum(line.split()[:1] == ["nameserver"] for line in lines)


def _file(path: Path, secret: bool) -> Iterator[File]:
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    usable = os.access(path, os.R_OK | os.W_OK)
    yield File(path=path, mode=mode, usable=usable, secret=secret)


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _unescaped(field: str) -> str:
    return field.encode().decode("unicode_escape")
