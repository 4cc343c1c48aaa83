"""Who may read and write the data directory and what is in it."""

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from server.doctor.findings import Finding, ok, problem, warning

OTHERS = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file or folder that is there. `secret`: whoever reads it has the secrets."""

    path: Path
    mode: int
    usable: bool
    secret: bool = False


def judge(folder: Path, files: Sequence[File]) -> Iterator[Finding]:
    """Judge the files of a data directory; none where the folder is missing."""
    check = "files"
    if not files:
        said = f"There is no data directory {folder} yet."
        yield warning(check, said, "`tocsin serve` makes it; or see --data-dir.")
        return
    faults = [fault for file in files for fault in _faults(check, file)]
    yield from faults or [ok(check, f"{folder} and its files are their owner's alone")]


def _faults(check: str, file: File) -> Iterator[Finding]:
    mode = stat.S_IMODE(file.mode)
    if not file.usable:
        said = f"{file.path} cannot be read and written by this user."
        yield problem(check, said, "Run as the server's user, or mend its owner.")
    if mode & OTHERS:
        said = f"Others may use {file.path} (mode {mode:04o})."
        wanted = "700" if stat.S_ISDIR(file.mode) else "600"
        level = problem if file.secret else warning
        yield level(check, said, f"chmod {wanted} {file.path}")
