"""The command `tocsin doctor`."""

import asyncio
import json
from pathlib import Path

import click

from server.terminal import data_dir_option, say


@click.command()
@data_dir_option
@click.option(
    "--url",
    default="http://127.0.0.1:8080",
    show_default=True,
    help="Where the server answers, or will.",
)
@click.option("--network", is_flag=True, help="Look up the names of far ends, too.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def doctor(
    ctx: click.Context, data_dir: Path | None, url: str, network: bool, as_json: bool
) -> None:
    """Examine the deployment; say what is wrong and how to mend it.

    Changes nothing, works with and without a running server, and exits with 1 if there
    is a problem.
    """
    from server.doctor.examine import Asked, examine  # noqa: PLC0415 - slow to import
    from server.doctor.findings import Level  # noqa: PLC0415

    asked = Asked(data_dir=data_dir, url=url, network=network)
    found = asyncio.run(examine(asked))
    healthy = all(it.level is not Level.PROBLEM for it in found)
    if as_json:
        checks = [
            {"check": it.check, "level": it.level, "said": it.said, "mend": it.mend}
            for it in found
        ]
        say(json.dumps({"healthy": healthy, "checks": checks}, indent=2))
    else:
        for it in found:
            mend = f" {it.mend}" if it.mend else ""
            say(f"{it.level:<8} {it.check:<18} {it.said}{mend}")
    ctx.exit(0 if healthy else 1)
