"""The machine: room on the disk, kind of file system, open files, clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.doctor.findings import Finding, bytes_of, duration, ok, problem, warning

LEAST_FREE: Final = 200 * 10**6
LITTLE_FREE: Final = 10**9
LEAST_INODES: Final = 1_000

FEW_FILES: Final = 4_096
"""Each socket, subscriber and connection is an open file."""
FEWEST_FILES: Final = 1_024

REMOTE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs"}
    | {"lustre", "vboxsf", "ncpfs", "beegfs", "gpfs", "orangefs"}
)
"""On these, locks of one machine may mean nothing on another, or nothing at all:
https://www.sqlite.org/faq.html#q5."""
FLEETING: Final = frozenset({"tmpfs", "ramfs"})

RELEASED: Final = 1_767_225_600_000
"""2026-01-01: no clock that is right says less."""
FUTURE: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is known of it; `files_of` says whose limit of open files was read. `newest`
    is the time of the newest event stored. Times in ms.
    """

    folder: Path
    free: int
    total: int
    inodes: int | None
    file_system: str | None
    open_files: int
    files_of: str
    now: int
    newest: int | None = None


def judge(facts: Machine, *, sqlite: bool) -> Iterator[Finding]:
    """Judge the machine; where the database is elsewhere, its files matter less."""
    if sqlite:
        yield _disk(facts)
        yield _file_system(facts)
    yield _open_files(facts)
    yield _clock(facts)


def _disk(facts: Machine) -> Finding:
    check, mend = "disk", "Make room, or move the data directory (--data-dir)."
    free = f"{bytes_of(facts.free)} of {bytes_of(facts.total)} are free"
    if facts.free < LEAST_FREE:
        return problem(check, f"Only {free} at {facts.folder}.", mend)
    if facts.inodes is not None and facts.inodes < LEAST_INODES:
        said = f"Only {facts.inodes} files more can be made at {facts.folder}."
        return problem(check, said, mend)
    if facts.free < LITTLE_FREE:
        return warning(check, f"Only {free} at {facts.folder}.", mend)
    return ok(check, free)


def _file_system(facts: Machine) -> Finding:
    check, kind = "file system", facts.file_system
    if kind is None:
        return ok(check, "its kind cannot be told here")
    if kind in REMOTE or kind.startswith("fuse."):
        said = (
            f"{facts.folder} is on {kind}, on which SQLite's locks cannot be trusted."
        )
        mend = "Keep the database on a local disk, or use PostgreSQL."
        return problem(check, said, mend)
    if kind in FLEETING:
        said = f"{facts.folder} is on {kind}: it is gone when the machine restarts."
        return warning(check, said, "Keep the data directory on a disk.")
    if kind == "overlay":
        said = f"{facts.folder} is in a container's own layer: it is gone with it."
        return warning(check, said, "Mount a volume for the data directory.")
    return ok(check, kind)


def _open_files(facts: Machine) -> Finding:
    check = "open files"
    said = f"{facts.files_of} may have {facts.open_files} open files"
    mend = "Raise it: ulimit -n 65536, or LimitNOFILE= of the service."
    if facts.open_files < FEWEST_FILES:
        return problem(check, f"{said}.", mend)
    if facts.open_files < FEW_FILES:
        return warning(check, f"{said}, enough for about as many subscribers.", mend)
    return ok(check, said)


def _clock(facts: Machine) -> Finding:
    check, mend = "clock", "Set the clock, and keep it so with NTP."
    if facts.now < RELEASED:
        return problem(check, "The clock is years behind.", mend)
    ahead = (facts.newest or 0) - facts.now
    if ahead > FUTURE:
        said = f"The newest event is of {duration(ahead)} from now: the clock was set back."
        return warning(check, said, mend)
    return ok(check, "it goes forward")
