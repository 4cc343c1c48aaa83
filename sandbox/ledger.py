"""What a double has seen: every request, written down before it is answered."""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request. `at` is milliseconds since the epoch; `refused` says what was wrong
    with it, None if nothing was.
    """

    at: int
    method: str
    path: str
    message_id: str | None
    timestamp: str | None
    body_sha256: str
    refused: str | None = None


class Ledger:
    """Requests in the order of their arrival, in memory and, if wished, in a file.

    The file holds a JSON object per line, synced to disk one by one: it survives
    whatever happens to this process.
    """

    def __init__(self, file: Path | None = None) -> None:
        """Append to the file, after what an earlier ledger left there whole."""
        self.entries: list[Seen] = []
        if file is not None and file.exists():
            self.entries = read(file)
            file.write_text("".join(_line(it) for it in self.entries), "utf-8")
        self._file = file
        taken = [it for it in self.entries if it.refused is None]
        self._bodies = {it.message_id: it.body_sha256 for it in taken}
        self._grown = asyncio.Condition()

    async def add(self, seen: Seen) -> None:
        """Write an entry down, then wake who waits for it."""
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as lines:
                lines.write(_line(seen))
                lines.flush()
                os.fsync(lines.fileno())
        self.entries.append(seen)
        if seen.refused is None:
            self._bodies[seen.message_id] = seen.body_sha256
        async with self._grown:
            self._grown.notify_all()

    def is_reused(self, message_id: str, body_sha256: str) -> bool:
        """Tell whether a message id came before with another body."""
        return self._bodies.get(message_id, body_sha256) != body_sha256

    @property
    def refusals(self) -> list[str]:
        """What was wrong with the requests that were refused."""
        return [it.refused for it in self.entries if it.refused]

    async def until(
        self, wanted: Callable[[list[Seen]], bool], *, seconds: float = 10
    ) -> list[Seen]:
        """Wait until the entries are as wanted; TimeoutError where they never are."""
        async with asyncio.timeout(seconds), self._grown:
            await self._grown.wait_for(lambda: wanted(self.entries))
        return list(self.entries)


def _line(seen: Seen) -> str:
    return json.dumps(asdict(seen)) + "\n"


def read(file: Path) -> list[Seen]:
    """Read a ledger's file; a last line that was cut short is left out."""
    whole, _, _ = file.read_text(encoding="utf-8").rpartition("\n")
    return [Seen(**json.loads(line)) for line in whole.splitlines()]
