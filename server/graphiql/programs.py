"""Runs a program to its end, or to its death if nobody waits for it any more."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from contextlib import suppress
from pathlib import Path
from typing import Final

LONGEST_S: Final = 300
"""What a program gets: installing packages over a slow line takes minutes."""


class ProgramError(Exception):
    """A program failed, could not be started, or took too long."""


async def run(*command: str, at: Path | None = None) -> str:
    """Return what a program says. It and its children die with the task that waits."""
    name = Path(command[0]).name
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=at,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env={**os.environ, "NO_COLOR": "1"},
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramError(f"{name} cannot be started: {error.strerror}.") from None
    try:
        async with asyncio.timeout(LONGEST_S):
            said, _ = await process.communicate()
    except TimeoutError:
        message = f"{name} did not end within {LONGEST_S} s: is there a network?"
        raise ProgramError(message) from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    text = said.decode(errors="replace").strip()
    if process.returncode:
        told = "\n".join(text.splitlines()[-12:])
        raise ProgramError(f"{name} failed:\n{told}")
    return text
