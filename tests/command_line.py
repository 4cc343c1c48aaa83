"""The command `tocsin`, run in this process as a person would run it."""

import asyncio

from click.testing import CliRunner, Result

from server.cli import main


async def run(*arguments: str, **environ: str) -> Result:
    """Run a command to its end; it has an event loop of its own, so in a thread."""
    clean = {"TOCSIN_DATABASE_URL": None, "TOCSIN_DATA_DIR": None, **environ}
    runner = CliRunner(env=clean)
    return await asyncio.to_thread(runner.invoke, main, arguments, prog_name="tocsin")


async def done(*arguments: str, **environ: str) -> str:
    """Run a command that must succeed and return its standard output."""
    result = await run(*arguments, **environ)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


async def failed(*arguments: str, **environ: str) -> str:
    """Run a command that must fail; return what it says, which is no traceback."""
    result = await run(*arguments, **environ)
    assert result.exit_code in {1, 2}, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr
